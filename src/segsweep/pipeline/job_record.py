"""The provenance record of a job: content hashes of everything it read and wrote.

Every job's last output is its record (`provenance.json`). The job itself writes it, on the
machine where it runs.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from segsweep.core.errors import UserError
from segsweep.core.expected_inputs import check_written
from segsweep.core.files import (
    check_readable,
    content_hash,
    read_json,
    read_yaml,
    sha256,
    write_json,
)
from segsweep.pipeline.fingerprint import STATE

PARAMS_SUBSETS = STATE / "inputs"
"""The folder of the parts of the study, and of the lists of source files, that rules read."""
RECORD = "provenance.json"
"""End of the name of each provenance record."""
SOURCES = "-sources"
"""Ends the name of a list of source files, before its hash."""
WRITTEN = STATE / "written"
"""A folder with an empty file for each record that was written in this run."""
LOCKS = STATE / "locks"


def is_up_to_date(
    outputs: Sequence[str],
    made_from: Mapping[str, str | None],
    hash_of: Callable[[str], str | None],
) -> bool:
    """Return whether the record (the last of `outputs`) matches the present files.

    Args:
        outputs: Paths of all outputs of the job.
        made_from: The job's inputs with their present hashes.
        hash_of: Returns the present hash of an output, None if it does not exist.
    """
    record = read_record(outputs[-1])
    if record is None:
        check_readable(Path(outputs[-1]))  # another user's record is not a missing one
        return False
    return bool(
        record.get("made_from") == made_from
        and record.get("made") == {path: hash_of(path) for path in outputs[:-1]}
    )


def read_record(path: str | Path) -> dict[str, Any] | None:
    """Return a provenance record; None if the file is missing or is not one."""
    try:
        record = read_json(path)
    except UserError:
        return None
    return record if is_record(record) else None


def is_record(record: Any) -> bool:
    """Return whether this has the form that `write_record` writes and `segsweep accept` extends."""
    if not isinstance(record, dict) or not isinstance(record.get("cache_tag", ""), str):
        return False
    tables = [record.get(name, {}) for name in ("made_from", "made", "sources")]
    lists = [record.get(name, []) for name in ("packages", "unkeyed_inputs", "accepted")]
    return (
        {"made_from", "made"} <= record.keys()
        and all(isinstance(table, dict) for table in tables)
        and all(isinstance(value, str) for table in tables for value in table.values())
        and all(isinstance(values, list) for values in lists)
        and all(isinstance(name, str) for values in lists[:2] for name in values)
        and all(isinstance(note, dict) and {"path", "reason"} <= note.keys() for note in lists[2])
        and ("cache_tag" not in record or "packages" in record)
    )


def written_marker(record: str) -> Path:
    """Return the file that exists if the record was written in this run."""
    return WRITTEN / _flat(record)


def mark_written(record: str) -> None:
    """Create the file of `written_marker`."""
    written_marker(record).parent.mkdir(parents=True, exist_ok=True)
    written_marker(record).touch()


def lock_path(record: str) -> Path:
    """Return the lock file of a job, so that two copies of it never write at the same time."""
    return LOCKS / _flat(record)


def _flat(path: str) -> str:
    return path.replace("/", "%")


def write_record(
    outputs: Sequence[str],
    made_from: Mapping[str, str],
    cache_tag: str | None = None,
    packages: Sequence[str] = (),
    unkeyed_inputs: Sequence[str] = (),
    written: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Write the record (the last of `outputs`) of a job that has just ended.

    Args:
        outputs: Paths of all outputs of the job.
        made_from: Its inputs with their hashes.
        cache_tag: The kind of work in the cache key, None if the result is not cached.
        packages: Packages whose versions are part of the cache key.
        unkeyed_inputs: Inputs that are not part of the cache key.
        written: The SHA-256 of outputs as the job wrote them, by absolute path.

    Raises:
        UserError: An output is no longer as the job wrote it.
    """
    made = {path: content_hash(path) for path in outputs[:-1]}
    for path, digest in made.items():
        check_written(path, digest, written)
    record = {"made_from": dict(made_from), "made": made, "sources": listed_sources(made_from)}
    key_parts = {
        "cache_tag": cache_tag,
        "packages": list(packages),
        "unkeyed_inputs": list(unkeyed_inputs),
    }
    write_json(outputs[-1], record | (key_parts if cache_tag else {}))
    mark_written(outputs[-1])


def listed_sources(inputs: Iterable[str]) -> dict[str, str]:
    """Return the source files, with the hashes of their code, that the lists in `inputs` name."""
    sources: dict[str, str] = {}
    for path in inputs:
        if path.startswith(str(PARAMS_SUBSETS)) and SOURCES in path:
            sources |= read_yaml(path)
    return sources


def is_intact_subset(path: str) -> bool:
    """Return whether a file in `PARAMS_SUBSETS` has the hash in its name; True for other files."""
    if not path.startswith(str(PARAMS_SUBSETS)):
        return True
    return sha256(path).startswith(Path(path).stem.rpartition("-")[2])
