"""Why a result is current, or what it would take: the answer to "what was this made from?"."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from segsweep.core.errors import UserError
from segsweep.core.files import read_json, read_yaml, write_json
from segsweep.pipeline.cache import Entry, key_of_record
from segsweep.pipeline.fingerprint import Hashes
from segsweep.pipeline.job_record import FRAGMENTS, SOURCES, listed_sources
from segsweep.pipeline.staleness import JOBS, Job


def present_jobs() -> list[Job]:
    """All jobs of the study as it stands, in the order of the data; nothing is changed.

    Raises `UserError` with Snakemake's words when the study or the Snakefile cannot be read.
    """
    looked = subprocess.run(
        [sys.executable, "-m", "snakemake", "--dry-run", "--quiet", "all"],
        capture_output=True,
        text=True,
    )
    if looked.returncode:
        said = (looked.stderr + looked.stdout).strip().splitlines() or ["snakemake failed"]
        raise UserError("\n".join(line.removeprefix("error: ") for line in said))
    return [Job(**job) for job in read_json(JOBS)]


def jobs_of(jobs: list[Job], result: str) -> list[Job]:
    """The jobs that make `result`, a file or a folder of results."""
    path = Path(os.path.relpath(result))
    found = [
        job for job in jobs if any(path == Path(o) or path in Path(o).parents for o in job.outs)
    ]
    if not found:
        raise UserError(
            f"{result}: the study as it stands makes no such result; expected a file or folder "
            "that `snakemake` makes, such as results/trials/000"
        )
    return found


def explain(job: Job) -> list[str]:
    """Lines for a person: is the job's result current, what is it made from, what differs."""
    record = _record(job)
    if record is None:
        return [f"{job.outs[-1]}: not made yet"]
    made_from, made = record.get("made_from", {}), record.get("made", {})
    hashes = Hashes()
    lines = _compared(
        {path: digest for path, digest in made_from.items() if not _is_fragment(path)}
        | record.get("sources", {}),
        {path: hashes.of(path) for path in job.ins if not _is_fragment(path)}
        | listed_sources(job.ins),
    )
    settings = [p for p in made_from if _is_fragment(p) and SOURCES not in p]
    for path in job.ins:
        if _is_fragment(path) and SOURCES not in path and path not in made_from:
            old = settings[0] if settings else ""
            lines.append(f"  CHANGED  params.yaml: {_difference(old, path)}")
    lines += [
        f"  EDITED   {path} (an output: not what was made)"
        for path in job.outs[:-1]
        if made.get(path) != hashes.of(path)
    ]
    for accepted in record.get("accepted", []):
        lines.append(f"  accepted {accepted['path']} in another version: {accepted['reason']}")
    if job.holds:
        state = "current"
    elif all(line.startswith(("  same", "  accepted")) for line in lines):
        state = "not current: a result that it is made from is not"
    else:
        state = "not current"
    return [f"{job.outs[-1]}: {state}; made from", *lines]


def accept(jobs: list[Job], reason: str) -> list[str]:
    """Take present results as current though sources differ; returns the records rewritten.

    Only sources may differ, beside the records of suggestions that were themselves accepted. A
    result that was edited, or made from other data or settings, is left alone. The store keeps an
    accepted training under its new key as well.
    """
    accepted: list[str] = []
    hashes = Hashes()
    for job in jobs:
        record = _record(job)
        if record is None:
            continue
        before = record.get("made_from", {})
        now = {path: hashes.of(path) for path in job.ins}
        differs = [path for path in {**before, **now} if before.get(path) != now.get(path)]
        untouched = all(record.get("made", {}).get(out) == hashes.of(out) for out in job.outs[:-1])
        if not differs or not untouched or None in now.values():
            continue
        if not all(SOURCES in path or path in accepted for path in differs):
            continue
        listed, sources = record.get("sources", {}), listed_sources(job.ins)
        notes = [
            {"path": path, "was": listed.get(path), "reason": reason}
            for path in {**listed, **sources}
            if listed.get(path) != sources.get(path)
        ]
        record["accepted"] = [*record.get("accepted", []), *notes]
        record |= {"made_from": now, "sources": sources}
        if "work" in record:
            keys = [key_of_record(record, inputs) for inputs in (before, now)]
            Entry(keys[1]).adopt(Entry(keys[0]))
        write_json(job.outs[-1], record)
        accepted.append(job.outs[-1])
    return accepted


def _compared(then: dict[str, Any], now: dict[str, Any]) -> list[str]:
    lines = []
    for path in dict.fromkeys([*then, *now]):
        if path not in now:
            word = "GONE    "
        elif path not in then:
            word = "NEW     "
        else:
            word = "same    " if then[path] == now[path] else "CHANGED "
        lines.append(f"  {word} {path}")
    return lines


def _is_fragment(path: str) -> bool:
    return path.startswith(str(FRAGMENTS))


def _record(job: Job) -> dict[str, Any] | None:
    try:
        record = read_json(job.outs[-1])
    except UserError:
        return None
    return record if isinstance(record, dict) else None


def _difference(old: str, new: str) -> str:
    """Which keys of the study differ between two fragments."""
    if not Path(old).exists():
        return "the part that the rule reads is another"
    before, after = _flat(read_yaml(old)), _flat(read_yaml(new))
    changed = [
        f"{key} {before.get(key, 'absent')} -> {after.get(key, 'absent')}"
        for key in dict.fromkeys([*before, *after])
        if before.get(key) != after.get(key)
    ]
    return ", ".join(changed)


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(value, dict):
        return {prefix: value}
    return {
        place: inner
        for key, child in value.items()
        for place, inner in _flat(child, f"{prefix}.{key}" if prefix else str(key)).items()
    }
