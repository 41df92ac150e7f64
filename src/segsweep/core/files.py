"""Read and write small files: writes are atomic, and a broken file gives a `UserError`."""

import csv
import errno
import hashlib
import json
import os
import re
import shutil
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from segsweep.core.errors import UserError
from segsweep.core.yaml_format import dump_yaml, load_yaml

SNAKEMAKE_TIMESTAMP = ".snakemake_timestamp"
"""The file that Snakemake leaves in a folder that is an output."""


TEMPORARY = re.compile(r"\..+\.([0-9a-f]{8})-([0-9]+)\.part", re.DOTALL)
"""The name of a temporary file or folder: the machine and the process that write it."""


def temporary_path(path: Path) -> Path:
    """Return the path at which this process writes the new `path` before it is renamed.

    The machine is part of it: processes on several machines may share a file system and have the
    same process ID.
    """
    return path.with_name(f".{path.name}.{_machine()}-{os.getpid()}.part")


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
    """Delete what killed processes left in a folder; once in each process, as it is listed."""
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


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path that is renamed to `path` if the block succeeds, else deleted.

    An error of the file system names `path`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(path.parent.absolute())
    temporary = temporary_path(path)
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        if error.errno is None:  # numpy wrote only a part of an array
            raise UserError(f"{path}: cannot be written ({error}); free space there") from error
        if error.filename in (None, str(temporary)):
            error.filename = str(path)
        raise
    finally:
        delete(temporary)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file `path`, after waiting for the process that holds it.

    The kernel releases the lock (flock) when the process ends. Between machines it works on NFS and
    on Lustre mounted with `flock`. The lock file stays in place.

    Raises:
        UserError: The file system has no locks.
    """
    from filelock import FileLock  # slow to import

    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, fallback_to_soft=False)
    try:
        lock.acquire()
    except OSError as error:
        if error.filename is not None:
            raise
        raise no_locks(path, error) from error
    try:
        yield
    finally:
        lock.release()


def no_locks(path: Path, error: OSError) -> UserError:
    """Return the error of a lock file that cannot be locked."""
    return UserError(
        f"{path}: cannot be locked ({error.strerror}), expected a file system with flock "
        "(Lustre: mounted with -o flock); move the project to one"
    )


def has_access(path: Path, mode: int) -> bool:
    """Return whether this user may access a file or folder; `mode` is that of `os.access`."""
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


def check_readable(path: Path) -> None:
    """Raise `PermissionError` if the file is there but this user may not read it.

    For libraries that call every failure to open a file "No such file", as safetensors does.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return
    if not has_access(path, os.R_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))


def write_text(path: str | Path, text: str) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=1) + "\n")


def write_yaml(path: str | Path, value: Any, header: str = "") -> None:
    write_text(path, header + dump_yaml(value))


def write_csv(path: str | Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    with atomic_write(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read_csv(path: str | Path) -> list[dict[str, str]]:
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as file:
            return list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: cannot be read as CSV ({error})") from error


def read_json(path: str | Path) -> Any:
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as JSON ({error})") from error


def read_yaml(path: str | Path) -> Any:
    """Read a YAML file; raises `UserError` where it is not safe YAML (see `yaml_format`)."""
    try:
        return load_yaml(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as YAML ({error})") from error


def sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file's content as hexadecimal digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_hash(path: str | Path) -> str:
    """Return the hash of a file, or of all files below a folder with their names."""
    if not os.path.isdir(path):
        return sha256(path)
    return hash_of_listing(path, {file: sha256(file) for file in files_below(path)})


def files_below(folder: str | Path) -> list[str]:
    """Return all files below a folder, sorted by path, without Snakemake's own."""
    files = sorted(p for p in Path(folder).rglob("*") if p.is_file())
    return [str(file) for file in files if file.name != SNAKEMAKE_TIMESTAMP]


def hash_of_listing(folder: str | Path, hashes: Mapping[str, str]) -> str:
    """Return the hash of a folder.

    Args:
        folder: The folder.
        hashes: The `sha256` of each of its files, in the order of `files_below`.
    """
    whole = hashlib.sha256()
    for file, digest in hashes.items():
        whole.update(f"{Path(file).relative_to(folder).as_posix()}\0{digest}\n".encode())
    return whole.hexdigest()
