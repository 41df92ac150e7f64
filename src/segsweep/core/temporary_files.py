"""Names of files and folders that are being written, and deletion of those of killed processes."""

import hashlib
import os
import re
import shutil
import socket
from contextlib import suppress
from functools import cache
from pathlib import Path

TEMPORARY = re.compile(r"\..+\.([0-9a-f]{8})-([0-9]+)\.part", re.DOTALL)
"""The name of a temporary file or folder: the machine and the process that write it."""


def temporary_path(path: Path) -> Path:
    """Return the path at which this process writes the new `path` before it is renamed.

    The name contains the machine, because processes on several machines may share a file system
    and have the same process ID. It contains only a hash of the name of `path`, as a longer name
    could exceed the limit of the file system.
    """
    digest = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]
    return path.with_name(f".{digest}.{_machine()}-{os.getpid()}.part")


@cache
def _machine() -> str:
    """Return a hash of the host name and, as containers share it, of the process ID namespace."""
    namespace = Path("/proc/self/ns/pid")
    pids = namespace.readlink() if namespace.is_symlink() else ""
    return hashlib.sha256(f"{socket.gethostname()} {pids}".encode()).hexdigest()[:8]


def is_temporary(path: Path) -> bool:
    """Return whether this is a temporary file or folder, abandoned or not."""
    return TEMPORARY.fullmatch(path.name) is not None


def is_abandoned(path: Path) -> bool:
    """Return whether this is the temporary file or folder of a process that has ended.

    False for other machines, whose processes cannot be seen from here.
    """
    match = TEMPORARY.fullmatch(path.name)
    if match is None or match[1] != _machine():
        return False
    try:
        os.kill(int(match[2]), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        pass
    return False


@cache
def remove_abandoned(folder: Path) -> None:
    """Delete what killed processes left in a folder; only once in a process, to save time."""
    with suppress(OSError):
        for path in filter(is_abandoned, folder.iterdir()):
            delete(path)


def delete(path: Path) -> None:
    """Delete a file or a folder, if it is there and this user may."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()
