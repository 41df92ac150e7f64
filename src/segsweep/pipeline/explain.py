"""Why a result is up to date or stale: what it was made from, and what has changed since."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from segsweep.core.errors import UserError
from segsweep.core.files import read_json, read_yaml, write_json
from segsweep.pipeline.cache import CacheEntry
from segsweep.pipeline.cache_keys import key_of_record
from segsweep.pipeline.fingerprint import FileHashes
from segsweep.pipeline.job_record import (
    PARAMS_SUBSETS,
    SOURCES,
    is_intact_subset,
    listed_sources,
    read_record,
)
from segsweep.pipeline.staleness import JOBS, Job


def current_jobs() -> list[Job]:
    """Return all jobs of the study as it is now, each after those that make its inputs.

    Raises:
        UserError: The study or the Snakefile cannot be read; has Snakemake's message.
    """
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--dry-run", "--quiet", "all"],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        lines = (done.stderr + done.stdout).strip().splitlines() or ["snakemake failed"]
        errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
        raise UserError("\n".join(errors or lines))
    return [Job(**job) for job in read_json(JOBS)]


def jobs_of(jobs: list[Job], result: str) -> list[Job]:
    """Return the jobs that make `result`, a file or a folder of results."""
    path = Path(os.path.relpath(result))
    matching = [
        job for job in jobs if any(path == Path(o) or path in Path(o).parents for o in job.outputs)
    ]
    if not matching:
        raise UserError(
            f"{result}: is not a result of the present study, expected a file or folder that "
            "`snakemake` makes, such as results/trials/000"
        )
    return matching


def explain(job: Job) -> list[str]:
    """Return lines of text: whether the result is up to date, its inputs, and what has changed."""
    record = read_record(job.outputs[-1])
    if record is None:
        state = "damaged" if Path(job.outputs[-1]).exists() else "not made yet"
        return [f"{job.outputs[-1]}: {state}"]
    made_from, made = record["made_from"], record["made"]
    hashes = FileHashes()
    lines = _compare(
        {path: digest for path, digest in made_from.items() if not _is_params_subset(path)}
        | record.get("sources", {}),
        {path: hashes.of(path) for path in job.inputs if not _is_params_subset(path)}
        | listed_sources(job.inputs),
    )
    settings = [p for p in made_from if _is_params_subset(p) and SOURCES not in p]
    for path in job.inputs:
        if _is_params_subset(path) and SOURCES not in path and path not in made_from:
            old = settings[0] if settings else ""
            lines.append(f"  CHANGED  params.yaml: {_changed_keys(old, path)}")
    lines += [
        f"  EDITED   {path} (an output that was changed after it was made)"
        for path in job.outputs[:-1]
        if made.get(path) != hashes.of(path)
    ]
    for accepted in record.get("accepted", []):
        lines.append(f"  accepted {accepted['path']} in another version: {accepted['reason']}")
    if job.up_to_date:
        state = "up to date"
    elif all(line.startswith(("  same", "  accepted")) for line in lines):
        state = "stale, because one of its inputs is stale"
    else:
        state = "stale"
    return [f"{job.outputs[-1]}: {state}; made from", *lines]


def accept(jobs: list[Job], reason: str) -> list[str]:
    """Mark present results as up to date although source files have changed.

    Only differing source files are accepted, and records of suggestions that were accepted
    themselves. A result that was edited, or made from other data or settings, stays stale. A cached
    training is copied to its new key.

    Args:
        jobs: All jobs of the study.
        reason: Why the change cannot matter; written to each record.

    Returns:
        The paths of the records that were rewritten.
    """
    accepted: list[str] = []
    hashes = FileHashes()
    for job in jobs:
        record = read_record(job.outputs[-1])
        if record is None:
            continue
        before = record["made_from"]
        now = {path: hashes.of(path) for path in job.inputs}
        changed = [path for path in {**before, **now} if before.get(path) != now.get(path)]
        is_as_made = all(record["made"].get(out) == hashes.of(out) for out in job.outputs[:-1])
        if not changed or not is_as_made or None in now.values():
            continue
        if not all(SOURCES in path or path in accepted for path in changed):
            continue
        old_sources, sources = record.get("sources", {}), listed_sources(job.inputs)
        notes = [
            {"path": path, "was": old_sources.get(path), "reason": reason}
            for path in {**old_sources, **sources}
            if old_sources.get(path) != sources.get(path)
        ]
        record["accepted"] = [*record.get("accepted", []), *notes]
        record |= {"made_from": now, "sources": sources}
        if "cache_tag" in record:
            old, new = (CacheEntry(key_of_record(record, inputs)) for inputs in (before, now))
            new.alias(old)
        write_json(job.outputs[-1], record)
        accepted.append(job.outputs[-1])
    return accepted


def _compare(then: dict[str, Any], now: dict[str, Any]) -> list[str]:
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


def _is_params_subset(path: str) -> bool:
    return path.startswith(str(PARAMS_SUBSETS))


def _changed_keys(old: str, new: str) -> str:
    """Return which keys of the study differ between two params subsets."""
    if not old:
        return "the rule reads other keys than before"
    if not Path(old).exists() or not is_intact_subset(old):
        return "the old values are not known"
    before, after = _flatten(read_yaml(old)), _flatten(read_yaml(new))
    changes = [
        f"{key} {before.get(key, 'absent')} -> {after.get(key, 'absent')}"
        for key in dict.fromkeys([*before, *after])
        if before.get(key) != after.get(key)
    ]
    return ", ".join(changes)


def _flatten(value: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(value, dict):
        return {prefix: value}
    return {
        key_path: inner
        for key, child in value.items()
        for key_path, inner in _flatten(child, f"{prefix}.{key}" if prefix else str(key)).items()
    }
