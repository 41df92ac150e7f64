"""Where a training runs, told without importing torch, so that a key can be made in no time.

The key of a result and the training itself ask the same function: what a key says about the
device and the arithmetic is what the training does.
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
from segsweep.pipeline.gpus import visible

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


CGROUP = Path("/sys/fs/cgroup/memory.max")
"""The limit of a container."""


@dataclass(frozen=True)
class Device:
    """`kind` cpu, cuda or mps; `name` what decides the kernels; `autocast` the fixed rule's dtype;
    `memory` in bytes.

    The rule: bfloat16 where the hardware has it, else float16 (with a loss scaler) on CUDA, else
    no autocast, which is float32.
    """

    kind: str
    name: str
    autocast: str
    memory: int


def select(wanted: str) -> Device:
    """The device for `training.device` (auto, cpu, cuda or mps). Raises `UserError` without it.

    `auto` leaves mps alone, on which nothing of this was tried.
    """
    gpu = _gpu() if wanted != "cpu" else None
    if gpu is not None and (wanted == gpu.kind or (wanted == "auto" and gpu.kind == "cuda")):
        return gpu
    if wanted == "cuda":
        raise UserError(
            "training.device: found no CUDA GPU (or a torch build without CUDA), expected one; "
            "use auto or cpu, or install the CUDA build of torch"
        )
    if wanted == "mps":
        raise UserError(
            "training.device: found no Apple GPU, expected one for mps; use auto or cpu"
        )
    features = [f for f in _ISA if f in _cpu_features()]
    bfloat16 = {"avx512_bf16", "amx_bf16"} & set(features)
    name = " ".join([platform.machine(), *features])
    return Device("cpu", name, "bfloat16" if bfloat16 else "float32", _main_memory())


def hardware_and_versions() -> dict[str, str]:
    """What beside configuration, data and sources decides the bits of a training.

    Both the processor and the GPU, as the configuration says which of them is used.
    """
    cpu = select("cpu")
    try:
        gpu = _gpu()
        gpus = f"{gpu.name}, {gpu.autocast}" if gpu else "none"
    except UserError as error:  # a training that wants one will say it
        gpus = str(error)
    return {
        "torch": importlib.metadata.version("torch"),
        "numpy": importlib.metadata.version("numpy"),
        "cpu": f"{cpu.name}, {cpu.autocast}",
        "gpu": gpus,
    }


@cache
def _cpu_features() -> frozenset[str]:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return frozenset()
    found = re.search(r"^(?:flags|Features)\s*:(.*)$", text, re.MULTILINE)
    return frozenset(found.group(1).split()) if found else frozenset()


def _main_memory() -> int:
    """What this process may use: the machine's memory, or less where a limit is set."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit != resource.RLIM_INFINITY:
        limits.append(limit)
    with suppress(OSError, ValueError):  # "max" is no number
        limits.append(int(CGROUP.read_text(encoding="utf-8")))
    return min(limits)


@cache
def _gpu() -> Device | None:
    """A GPU that this torch can use; of several visible ones, which are alike, any."""
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        return Device("mps", f"Apple {platform.mac_ver()[0]}", "float32", _main_memory())
    if not _torch_has_cuda() or not visible():
        return None
    card = visible()[0]
    return Device("cuda", card.name, "bfloat16" if card.capability >= 8 else "float16", card.memory)


def _torch_has_cuda() -> bool:
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return False
    version = Path(spec.origin).with_name("version.py").read_text(encoding="utf-8")
    return not re.search(r"^cuda\b.*=\s*None", version, re.MULTILINE)
