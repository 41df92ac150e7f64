"""StalenessCheck and writing small files: always safe YAML, always written aside and renamed."""

import csv
import fcntl
import hashlib
import json
import os
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from segsweep.core.errors import UserError

SNAKEMAKE_TIMESTAMP = ".snakemake_timestamp"
"""What Snakemake leaves in a folder that is an output."""


def temporary_path(path: Path) -> Path:
    """Where this process writes what is to take the place of `path`, as no other does.

    Processes of several machines may write to one file system, and their numbers may agree.
    """
    return path.with_name(f".{path.name}.{socket.gethostname()}-{os.getpid()}.part")


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; it takes `path`'s place when the block succeeds."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = temporary_path(path)
    try:
        yield aside
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the kernel lock `path`; waits while another process holds it.

    It ends with this process. On NFS and on Lustre mounted with `flock` it holds between machines.
    Raises `UserError` where the file system has no locks.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError as error:
            raise UserError(
                f"{path}: cannot be locked ({error.strerror}), expected a file system with flock "
                "(Lustre: mounted with -o flock); move the project to one"
            ) from error
        yield


def write_text(path: str | Path, text: str) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=1) + "\n")


def write_yaml(path: str | Path, value: Any, header: str = "") -> None:
    write_text(path, header + dump_yaml(value))


def dump_yaml(value: Any) -> str:
    """YAML text with the keys in their given order and lists of scalars on one line."""
    return yaml.safe_dump(value, sort_keys=False, default_flow_style=None, allow_unicode=True)


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


MOST = 100_000
"""Values that a YAML file may hold once its aliases are written out: a few lines can mean billions.
"""


class _Loader(yaml.SafeLoader):
    """Safe YAML in which no key is given twice and nothing contains itself."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.tag != "tag:yaml.org,2002:merge" and key.value in seen:
                raise yaml.constructor.ConstructorError(
                    problem=f"the key '{key.value}' is given twice", problem_mark=key.start_mark
                )
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


def _count(content: Any, known: dict[int, int]) -> int:
    """How many values `content` holds, shared ones as often as they stand in it.

    Raises `ValueError` where it contains itself.
    """
    if not isinstance(content, dict | list):
        return 1
    if id(content) not in known:
        known[id(content)] = -1
        parts = content.values() if isinstance(content, dict) else content
        known[id(content)] = 1 + sum(_count(part, known) for part in parts)
    if known[id(content)] < 0:
        raise ValueError("a value contains itself")
    return known[id(content)]


def read_yaml(path: str | Path) -> Any:
    try:
        content = yaml.load(Path(path).read_text(encoding="utf-8"), _Loader)  # noqa: S506, is safe
        if (count := _count(content, {})) > MOST:
            raise ValueError(
                f"{count} values with all aliases written out, at most {MOST} are read"
            )
        return content
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: cannot be read as YAML ({reason})") from error


def sha256(path: str | Path) -> str:
    """The content hash of a file, as hex."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_hash(path: str | Path) -> str:
    """The content hash of a file, or of all files below a folder with their names."""
    if not os.path.isdir(path):
        return sha256(path)
    return hash_of_listing(path, {file: sha256(file) for file in files_below(path)})


def files_below(folder: str | Path) -> list[str]:
    """All files below a folder but Snakemake's own, in order of path."""
    files = sorted(p for p in Path(folder).rglob("*") if p.is_file())
    return [str(file) for file in files if file.name != SNAKEMAKE_TIMESTAMP]


def hash_of_listing(folder: str | Path, hashes: Mapping[str, str]) -> str:
    """The content hash of a folder from its files' `hashes`, in the order of `files_below`."""
    whole = hashlib.sha256()
    for file, digest in hashes.items():
        whole.update(f"{Path(file).relative_to(folder).as_posix()}\0{digest}\n".encode())
    return whole.hexdigest()
