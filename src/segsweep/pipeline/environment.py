"""The device of a training and the versions that decide its bits, without importing torch.

The key of a result and the training itself call the same functions, so the key names the device and
the arithmetic that the training uses.
"""

import importlib.metadata
import importlib.util
import os
import platform
import re
import resource
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from segsweep.core.errors import UserError
from segsweep.pipeline.gpus import visible_gpus

CPU_FEATURES = (
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
"""Features of the processor by which PyTorch chooses its kernels."""

CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")
"""The memory limit of a container, in bytes or "max"."""


@dataclass(frozen=True)
class Device:
    """A device that a training can use.

    Attributes:
        kind: cpu, cuda or mps.
        name: The model of the GPU, or the architecture and features of the processor.
        autocast: Name of the dtype of convolutions in mixed precision: bfloat16 if the hardware has
            it, else float16 (with a loss scaler) on CUDA, else float32 (no autocast).
        memory: Bytes.
    """

    kind: str
    name: str
    autocast: str
    memory: int


def select(wanted: str) -> Device:
    """Return the device for `training.device` (auto, cpu, cuda or mps).

    `auto` chooses a CUDA GPU if there is one, else the CPU; mps is untested.

    Raises:
        UserError: There is no such device.
    """
    gpu = _gpu() if wanted != "cpu" else None
    if gpu is not None and (wanted == gpu.kind or (wanted == "auto" and gpu.kind == "cuda")):
        return gpu
    if wanted == "cuda":
        raise UserError(
            "training.device: found no CUDA GPU, or a build of torch without CUDA, expected both "
            "for cuda; use auto or cpu, or install the CUDA build of torch"
        )
    if wanted == "mps":
        raise UserError(
            "training.device: found no Apple GPU, expected one for mps; use auto or cpu"
        )
    features = [f for f in CPU_FEATURES if f in _cpu_features()]
    bfloat16 = {"avx512_bf16", "amx_bf16"} & set(features)
    name = " ".join([platform.machine(), *features])
    return Device("cpu", name, "bfloat16" if bfloat16 else "float32", _main_memory())


def hardware_and_versions() -> dict[str, str]:
    """Return what else decides the bits of a training: versions and hardware, by name.

    Includes both the processor and the GPU, as the configuration decides which of them is used.
    """
    cpu = select("cpu")
    try:
        device = _gpu()
        gpu = f"{device.name}, {device.autocast}" if device else "none"
    except UserError as error:  # raised again by a training that uses the GPU
        gpu = str(error)
    return {
        "torch": importlib.metadata.version("torch"),
        "numpy": importlib.metadata.version("numpy"),
        "cpu": f"{cpu.name}, {cpu.autocast}",
        "gpu": gpu,
    }


@cache
def _cpu_features() -> frozenset[str]:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return frozenset()
    match = re.search(r"^(?:flags|Features)\s*:(.*)$", text, re.MULTILINE)
    return frozenset(match.group(1).split()) if match else frozenset()


def _main_memory() -> int:
    """Return the bytes that this process may use: the machine's memory, or a lower limit."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit != resource.RLIM_INFINITY:
        limits.append(limit)
    with suppress(OSError, ValueError):  # "max" is not a number
        limits.append(int(CONTAINER_LIMIT.read_text(encoding="utf-8")))
    return min(limits)


@cache
def _gpu() -> Device | None:
    """Return a GPU that the installed torch can use; visible CUDA GPUs are of one model."""
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        return Device("mps", f"Apple {platform.mac_ver()[0]}", "float32", _main_memory())
    if not _torch_has_cuda() or not visible_gpus():
        return None
    gpu = visible_gpus()[0]
    return Device("cuda", gpu.name, "bfloat16" if gpu.capability >= 8 else "float16", gpu.memory)


def _torch_has_cuda() -> bool:
    """Whether the installed torch was built for CUDA."""
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return False
    version = Path(spec.origin).with_name("version.py").read_text(encoding="utf-8")
    return not re.search(r"^cuda\b.*=\s*None", version, re.MULTILINE)
