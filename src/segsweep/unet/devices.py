"""Where a training runs, told without importing torch, so that a key can be made in no time.

The key of a result and the training itself ask the same function: what a key says about the
device and the arithmetic is what the training does.
"""

import ctypes
import importlib.metadata
import importlib.util
import platform
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from segsweep.errors import UserError

_ISA = (
    "avx2",
    "fma",
    "avx512f",
    "avx512_vnni",
    "avx512_bf16",
    "avx512_fp16",
    "amx_tile",
    "amx_bf16",
    "asimd",
    "sve",
    "bf16",
)
"""Processor features by which PyTorch's kernels are chosen."""


@dataclass(frozen=True)
class Device:
    """`kind` cpu or cuda; `name` what decides the kernels; `autocast` the fixed rule's dtype.

    The rule: bfloat16 where the hardware has it, else float16 (with a loss scaler) on CUDA, else
    no autocast, which is float32.
    """

    kind: str
    name: str
    autocast: str


def select(wanted: str) -> Device:
    """The device for `training.device` (auto, cpu or cuda). Raises `UserError` if it is missing.

    Of several GPUs it is the first that CUDA_VISIBLE_DEVICES shows.
    """
    gpu = _first_gpu() if wanted != "cpu" else None
    if gpu is not None:
        return gpu
    if wanted == "cuda":
        raise UserError(
            "training.device: found no CUDA GPU (or a torch build without CUDA), expected one; "
            "use auto or cpu, or install the CUDA build of torch"
        )
    features = [f for f in _ISA if f in _cpu_features()]
    bfloat16 = {"avx512_bf16", "amx_bf16"} & set(features)
    name = " ".join([platform.machine(), *features])
    return Device("cpu", name, "bfloat16" if bfloat16 else "float32")


def environment() -> dict[str, str]:
    """What beside configuration, data and sources decides the bits of a training.

    Both the processor and the GPU, as the configuration says which of them is used.
    """
    cpu, gpu = select("cpu"), _first_gpu()
    return {
        "torch": importlib.metadata.version("torch"),
        "numpy": importlib.metadata.version("numpy"),
        "cpu": f"{cpu.name}, {cpu.autocast}",
        "gpu": f"{gpu.name}, {gpu.autocast}" if gpu else "none",
    }


@cache
def _cpu_features() -> frozenset[str]:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return frozenset()
    found = re.search(r"^(?:flags|Features)\s*:(.*)$", text, re.MULTILINE)
    return frozenset(found.group(1).split()) if found else frozenset()


@cache
def _first_gpu() -> Device | None:
    """The first visible GPU, asked of the driver itself; None where torch could not use it."""
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return None
    version = Path(spec.origin).with_name("version.py").read_text(encoding="utf-8")
    if re.search(r"^cuda\b.*=\s*None", version, re.MULTILINE):
        return None
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return None
    count, device = ctypes.c_int(), ctypes.c_int()
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)) or count.value == 0:
        return None
    driver.cuDeviceGet(ctypes.byref(device), 0)
    name = ctypes.create_string_buffer(128)
    driver.cuDeviceGetName(name, len(name), device)
    major = ctypes.c_int()
    compute_capability_major = 75  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR in cuda.h
    driver.cuDeviceGetAttribute(ctypes.byref(major), compute_capability_major, device)
    return Device("cuda", name.value.decode(), "bfloat16" if major.value >= 8 else "float16")
