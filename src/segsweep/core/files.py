"""Read and write small files: writes are atomic, and a broken file gives a `UserError`."""

import csv
import hashlib
import json
import os
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from segsweep.core.errors import UserError
from segsweep.core.json_format import load_json
from segsweep.core.yaml_format import dump_yaml, load_yaml

SNAKEMAKE_TIMESTAMP = ".snakemake_timestamp"
"""The file that Snakemake leaves in a folder that is an output."""


def temporary_path(path: Path) -> Path:
    """Return the path at which this process writes the new `path` before it is renamed.

    The host name is part of it: processes on several machines may share a file system and have the
    same process ID.
    """
    return path.with_name(f".{path.name}.{socket.gethostname()}-{os.getpid()}.part")


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path that is renamed to `path` if the block succeeds, else deleted."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_path(path)
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


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
        raise UserError(
            f"{path}: cannot be locked ({error.strerror}), expected a file system with flock "
            "(Lustre: mounted with -o flock); move the project to one"
        ) from error
    try:
        yield
    finally:
        lock.release()


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
        return load_json(Path(path).read_text(encoding="utf-8"))
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
