"""Read and write small files: writes are atomic, and a broken file gives a `UserError`."""

import csv
import errno
import hashlib
import io
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from segsweep.core.errors import UserError
from segsweep.core.expected_inputs import check_expected, check_present, note_written
from segsweep.core.json_format import load_json
from segsweep.core.temporary_files import delete, remove_abandoned, temporary_path
from segsweep.core.yaml_format import dump_yaml, load_yaml

SNAKEMAKE_TIMESTAMP = ".snakemake_timestamp"
"""The file that Snakemake leaves in a folder that is an output."""


@contextmanager
def atomic_write(path: str | Path, durable: bool = True) -> Iterator[Path]:
    """Yield a temporary path that is renamed to `path` if the block succeeds, else deleted.

    An error of the file system names `path`.

    Args:
        path: The file to write.
        durable: Whether `path` has its old content or the whole new one after a power cut. If
            False, it may also be empty. This is faster; use it for files whose content is checked
            before use, or that every run writes again.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(path.parent.absolute())
    temporary = temporary_path(path)
    try:
        yield temporary
        if durable:
            sync(temporary)
        note_written(path, temporary)
        temporary.replace(path)
    except OSError as error:
        if error.errno is None:  # numpy wrote only a part of an array
            raise UserError(f"{path}: cannot be written ({error}); free space there") from error
        if error.filename in (None, str(temporary)):
            error.filename = str(path)
        raise
    finally:
        delete(temporary)


def sync_tree(folder: Path) -> None:
    """Wait until a folder with all files and folders below it is on the disk."""
    for path in (*folder.rglob("*"), folder):
        if not path.is_symlink():
            sync(path)


def sync(path: Path) -> None:
    """Wait until the content of a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system that cannot do this for folders
            raise
    finally:
        os.close(descriptor)


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


def write_text(path: str | Path, text: str, durable: bool = True) -> None:
    with atomic_write(path, durable) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | Path, value: Any, durable: bool = True) -> None:
    write_text(path, json.dumps(value, indent=1) + "\n", durable)


def write_yaml(path: str | Path, value: Any, header: str = "") -> None:
    write_text(path, header + dump_yaml(value))


def write_csv(path: str | Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    with atomic_write(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read_bytes(path: str | Path) -> bytes:
    """Return the content of a file; raises `UserError` if it is an input that was replaced."""
    content = Path(path).read_bytes()
    check_expected(path, content)
    return content


def is_there(path: str | Path) -> bool:
    """Return whether a file exists; raises `UserError` if it is an input that was removed."""
    check_present(path)
    return Path(path).exists()


def read_text(path: str | Path) -> str:
    return read_bytes(path).decode("utf-8")


def read_csv(path: str | Path) -> list[dict[str, str]]:
    try:
        return parse_csv(path, read_bytes(path))
    except OSError as error:
        raise UserError(f"{path}: cannot be read as CSV ({error})") from error


def parse_csv(path: str | Path, content: bytes) -> list[dict[str, str]]:
    """Return the rows of a table with the content that was read from `path`."""
    try:
        text = content.decode("utf-8-sig")
        return list(csv.DictReader(io.StringIO(text, newline="")))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: cannot be read as CSV ({error})") from error


def read_json(path: str | Path) -> Any:
    try:
        return load_json(read_text(path))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as JSON ({error})") from error


def read_yaml(path: str | Path) -> Any:
    """Read a YAML file; raises `UserError` where it is not safe YAML (see `yaml_format`)."""
    text = ""
    try:
        text = read_text(path)
        return load_yaml(text)
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: cannot be read as YAML ({error}); save it as UTF-8") from error
    except (OSError, ValueError) as error:
        advice = _advice_on_yaml(text)
        raise UserError(f"{path}: cannot be read as YAML ({error}){advice}") from error


def _advice_on_yaml(text: str) -> str:
    """Return what to do about characters that look like the spaces that YAML expects."""
    for number, line in enumerate(text.splitlines(), 1):
        if "\t" in line[: len(line) - len(line.lstrip())]:
            return f"; replace the tab at the beginning of line {number} by spaces"
        if "\N{NO-BREAK SPACE}" in line.partition("#")[0]:
            return f"; replace the no-break space in line {number} by a space"
    return ""


def sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file's content as hexadecimal digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_signature(path: str | Path) -> tuple[int, ...] | None:
    """Return size, times and inode of a file, which differ after a change; None without a file."""
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino


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
