"""The record of a job: what its outputs were made from. Written by the job, on whatever machine."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from segsweep.core.errors import UserError
from segsweep.core.files import content_hash, read_json, read_yaml, sha256, write_json
from segsweep.pipeline.fingerprint import STATE

FRAGMENTS = STATE / "inputs"
SOURCES = "-sources"
RAN = STATE / "made"
"""A folder with a note for each record that was written in this run."""
LOCKS = STATE / "locks"


def holds(
    outs: Sequence[str], made_from: Mapping[str, str | None], hash_of: Callable[[str], str | None]
) -> bool:
    """Whether the record (the last of `outs`) names these inputs and the present outputs."""
    try:
        record = read_json(outs[-1])
    except UserError:
        return False
    told = record if isinstance(record, dict) else {}
    return bool(
        told.get("made_from") == made_from
        and told.get("made") == {path: hash_of(path) for path in outs[:-1]}
    )


def note_of(record: str) -> Path:
    """Where it is noted that a record was written in this run."""
    return RAN / _flat(record)


def note(record: str) -> None:
    note_of(record).parent.mkdir(parents=True, exist_ok=True)
    note_of(record).touch()


def lock_of(record: str) -> Path:
    """The kernel lock of the job with this record: two copies of one job never write at once."""
    return LOCKS / _flat(record)


def _flat(path: str) -> str:
    return path.replace("/", "%")


def write_record(
    outs: Sequence[str],
    made_from: Mapping[str, str],
    work: str | None = None,
    packages: Sequence[str] = (),
    beside: Sequence[str] = (),
) -> None:
    """Write the record (the last of `outs`) of a job that has just ended.

    `work` and `packages` are the tag and the packages of its key, if it is kept in the store;
    `beside` are inputs that are no part of that key.
    """
    made = {path: content_hash(path) for path in outs[:-1]}
    kept = {"work": work, "packages": list(packages), "beside": list(beside)} if work else {}
    record = {"made_from": dict(made_from), "made": made, "sources": listed_sources(made_from)}
    write_json(outs[-1], record | kept)
    note(outs[-1])


def listed_sources(inputs: Iterable[str]) -> dict[str, str]:
    """The source files, with the hashes that they must have, of the fragments among `inputs`."""
    found: dict[str, str] = {}
    for path in inputs:
        if path.startswith(str(FRAGMENTS)) and SOURCES in path:
            found |= read_yaml(path)
    return found


def check_sources(inputs: Iterable[str]) -> None:
    """Raise `UserError` if a source is not what it was when the Snakefile was read."""
    for path, digest in listed_sources(inputs).items():
        if not Path(path).exists() or sha256(path) != digest:
            raise UserError(f"{path} changed while the run went on; run it again")
