"""The GPUs of a machine, asked of their driver, without torch; and one of them for a training.

Where there are none, SEGSWEEP_CPU_SLOTS may declare how many trainings the machine takes at once.
"""

import ctypes
import fcntl
import os
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

from segsweep.core.errors import MachineError, UserError

COMPUTE_CAPABILITY_MAJOR = 75  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR in cuda.h
NO_DEVICE = (34, 100)  # CUDA_ERROR_STUB_LIBRARY, CUDA_ERROR_NO_DEVICE
LOCKS = Path(tempfile.gettempdir())
CPU_SLOTS = "SEGSWEEP_CPU_SLOTS"


@dataclass(frozen=True)
class Card:
    """A GPU: its number among the visible ones, its UUID, name, memory (bytes), and compute
    capability (major)."""

    number: int
    uuid: str
    name: str
    memory: int
    capability: int


@dataclass(frozen=True)
class Slot:
    """A share of the CPU that one training takes; `uuid` names it on this machine."""

    uuid: str


Own = TypeVar("Own", Card, Slot)


@dataclass(frozen=True)
class Holder:
    """A process that holds memory (bytes) of a card; `command` is None where it is not seen."""

    pid: int
    memory: int
    command: str | None

    def __str__(self) -> str:
        who = self.command or "not seen here: it has ended, or runs in another container"
        return f"process {self.pid} ({who}) holds {self.memory / 1e9:.1f} GB"


@cache
def visible() -> tuple[Card, ...]:
    """The GPUs that the driver shows this process: those in CUDA_VISIBLE_DEVICES, if it is set.

    Nothing where there is no driver. Raises `MachineError` when the driver fails, and `UserError`
    when they are not alike, as the key of a training names one kind of card.
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
            f"the NVIDIA driver failed with error {status}; see `nvidia-smi`, or set "
            "training.device: cpu"
        )
    found = tuple(_card(driver, number) for number in range(count.value))
    if len({(card.name, card.memory) for card in found}) > 1:
        names = ", ".join(card.name for card in found)
        raise UserError(
            f"CUDA_VISIBLE_DEVICES: found GPUs that differ ({names}), expected one kind, as "
            "results name the card they were made on; set it to the numbers of equal cards"
        )
    return found


def _card(driver: ctypes.CDLL, number: int) -> Card:
    device, capability, memory = ctypes.c_int(), ctypes.c_int(), ctypes.c_size_t()
    name, identity = ctypes.create_string_buffer(128), (ctypes.c_ubyte * 16)()
    driver.cuDeviceGet(ctypes.byref(device), number)
    driver.cuDeviceGetName(name, len(name), device)
    getattr(driver, "cuDeviceGetUuid_v2", driver.cuDeviceGetUuid)(identity, device)
    driver.cuDeviceTotalMem_v2(ctypes.byref(memory), device)
    driver.cuDeviceGetAttribute(ctypes.byref(capability), COMPUTE_CAPABILITY_MAJOR, device)
    kind = "MIG" if " MIG " in name.value.decode() else "GPU"
    unique = f"{kind}-{uuid.UUID(bytes=bytes(identity))}"
    return Card(number, unique, name.value.decode(), memory.value, capability.value)


def cpu_slots() -> tuple[Slot, ...]:
    """The slots that SEGSWEEP_CPU_SLOTS declares; none where it is not set."""
    told = os.environ.get(CPU_SLOTS, "")
    if not told:
        return ()
    if not told.isdecimal() or int(told) < 1:
        raise UserError(
            f"{CPU_SLOTS}: found {told!r}, expected how many trainings this machine takes at once "
            "on its CPU, 1 or more; set it to a whole number, or unset it"
        )
    return tuple(Slot(f"CPU-{number}") for number in range(int(told)))


@contextmanager
def own(devices: Sequence[Own], locks: Path = LOCKS) -> Iterator[Own]:
    """One of `devices` for this process alone, the first that no other training holds.

    Waits while all are held, and says so. The kernel frees it when the process ends, however it
    ends.
    """
    told = False
    while True:
        for device in devices:
            file = _lock_file(locks / f"segsweep-{device.uuid}.lock")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(file)
                continue
            try:
                yield device
            finally:
                os.close(file)
            return
        if not told:
            kind = "CPU slots" if isinstance(devices[0], Slot) else "GPUs"
            print(f"all {len(devices)} {kind} are held by other trainings: waiting", flush=True)
            told = True
        time.sleep(0.2)


def _lock_file(path: Path) -> int:
    """A lock that any user of the machine may take: it is only ever read."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDONLY, 0o444))
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def holders(card: Card) -> list[Holder]:
    """Who else holds memory of the card, as NVIDIA's `nvidia-smi` tells; nobody without it."""
    try:
        asked = subprocess.run(
            [
                "nvidia-smi",
                f"--id={card.uuid}",
                "--query-compute-apps=pid,used_memory",
                "--format=csv,noheader,nounits",
            ],
            capture_output=True,
            text=True,
            timeout=20,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return read_holders(asked.stdout) if asked.returncode == 0 else []


def read_holders(told: str) -> list[Holder]:
    """Those in the lines `pid, MiB` of `nvidia-smi`, without this process."""
    rows = [row for line in told.splitlines() if len(row := line.split(", ")) == 2]
    numbers = [(int(pid), int(mib)) for pid, mib in rows if pid.isdigit() and mib.isdigit()]
    return [Holder(pid, mib << 20, _command(pid)) for pid, mib in numbers if pid != os.getpid()]


def _command(pid: int) -> str | None:
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return "another user's"
