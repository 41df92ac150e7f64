"""The GPUs that this process can use, and a lock that reserves one GPU for each training.

Needs neither torch nor a driver: without a driver there are no GPUs. GPUs are listed by libcuda
(through ctypes), as only libcuda lists them as PyTorch numbers them, with CUDA_VISIBLE_DEVICES and
MIG applied. The processes on a GPU come from NVML (nvidia-ml-py).
"""

import ctypes
import os
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from segsweep.core.errors import MachineError, UserError
from segsweep.pipeline.gpu_locks import try_lock

COMPUTE_CAPABILITY_MAJOR = 75  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR in cuda.h
NO_DEVICE = (34, 100)  # CUDA_ERROR_STUB_LIBRARY, CUDA_ERROR_NO_DEVICE
LOCK_FOLDER = Path("/tmp")
"""One folder for all processes of the machine. TMPDIR may differ: each trial has its own."""
SECONDS_BETWEEN_TRIES = 0.2


@dataclass(frozen=True)
class Gpu:
    """A GPU or MIG instance.

    Attributes:
        number: Its index among the visible GPUs, as in `cuda:0`.
        uuid: As `nvidia-smi --list-gpus` prints it.
        name: The name of the model.
        memory: Bytes.
        capability: Major number of the compute capability.
    """

    number: int
    uuid: str
    name: str
    memory: int
    capability: int


@dataclass(frozen=True)
class GpuProcess:
    """A process that uses memory of a GPU.

    Attributes:
        pid: Its process ID.
        memory: Bytes; None if the driver does not say.
        command: Its name; None if this process cannot see it.
    """

    pid: int
    memory: int | None
    command: str | None

    def __str__(self) -> str:
        name = self.command or "not visible here: it has ended, or runs in another container"
        memory = "unknown memory" if self.memory is None else f"{self.memory / 1e9:.1f} GB"
        return f"process {self.pid} ({name}) uses {memory}"


@cache
def visible_gpus() -> tuple[Gpu, ...]:
    """Return the GPUs that this process can use: those in CUDA_VISIBLE_DEVICES, if it is set.

    Raises:
        MachineError: The driver failed.
        UserError: The GPUs are of different models; the key of a training names one model.
    """
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return ()
    status, count = driver.cuInit(0), ctypes.c_int()
    if status in NO_DEVICE:
        return ()
    status = status or driver.cuDeviceGetCount(ctypes.byref(count))
    if status:
        raise MachineError(
            f"the NVIDIA driver failed with error {status}; look at `nvidia-smi`, or set "
            "training.device: cpu"
        )
    gpus = tuple(_gpu(driver, number) for number in range(count.value))
    if len({(gpu.name, gpu.memory) for gpu in gpus}) > 1:
        names = ", ".join(gpu.name for gpu in gpus)
        raise UserError(
            f"CUDA_VISIBLE_DEVICES: found GPUs of different models ({names}), expected one model, "
            "as each result records the model that it was computed on; set it to the numbers of "
            "equal GPUs"
        )
    return gpus


def _gpu(driver: ctypes.CDLL, number: int) -> Gpu:
    device, capability, memory = ctypes.c_int(), ctypes.c_int(), ctypes.c_size_t()
    name, identity = ctypes.create_string_buffer(128), (ctypes.c_ubyte * 16)()
    driver.cuDeviceGet(ctypes.byref(device), number)
    driver.cuDeviceGetName(name, len(name), device)
    getattr(driver, "cuDeviceGetUuid_v2", driver.cuDeviceGetUuid)(identity, device)
    driver.cuDeviceTotalMem_v2(ctypes.byref(memory), device)
    driver.cuDeviceGetAttribute(ctypes.byref(capability), COMPUTE_CAPABILITY_MAJOR, device)
    kind = "MIG" if " MIG " in name.value.decode() else "GPU"
    unique = f"{kind}-{uuid.UUID(bytes=bytes(identity))}"
    return Gpu(number, unique, name.value.decode(), memory.value, capability.value)


@contextmanager
def reserve(gpus: Sequence[Gpu], lock_folder: Path = LOCK_FOLDER) -> Iterator[Gpu]:
    """Reserve the first of `gpus` that no other training uses; wait while all are in use.

    The kernel releases the lock when the process ends, however it ends.
    """
    waiting = False
    while True:
        for gpu in gpus:
            lock = try_lock(lock_folder / f"segsweep-{gpu.uuid}.lock")
            if lock is None:
                continue
            try:
                yield gpu
            finally:
                os.close(lock)
            return
        if not waiting:
            print(f"waiting: other trainings use all {len(gpus)} GPUs", flush=True)
            waiting = True
        time.sleep(SECONDS_BETWEEN_TRIES)


def processes_on(gpu: Gpu) -> list[GpuProcess]:
    """Return the other processes that use memory of a GPU; none if NVML does not answer."""
    import pynvml  # type: ignore[import-untyped]  # here, as it is needed only for messages

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return []
    try:
        handle = pynvml.nvmlDeviceGetHandleByUUID(gpu.uuid)
        running = pynvml.nvmlDeviceGetComputeRunningProcesses(handle)
    except pynvml.NVMLError:
        return []
    finally:
        pynvml.nvmlShutdown()
    return [
        GpuProcess(process.pid, process.usedGpuMemory, _command(process.pid))
        for process in running
        if process.pid != os.getpid()
    ]


def _command(pid: int) -> str | None:
    """Return the name of a process, None if this process cannot see it."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return "another user's"
