"""Which jobs have to run: decided by the content of files, never by their times.

While the Snakefile is read, each job after those that make its inputs, `StalenessCheck.inputs`
compares the job's provenance record with the files on disk. If the record matches, all inputs
become `ancient()`, so Snakemake skips the job and ignores the times of the files. If it does not,
or if an input comes from a job that will run, the inputs stay plain and a sentinel that is newer
than every output is added, so that Snakemake runs the job. `StalenessCheck.verify` compares records
and files again at the end of the run.

Which source files a job depends on: the modules that its script imports (pipeline/fingerprint.py);
for a training only those that decide its result (`RESULT_MODULES` in training/__init__.py).

On a cluster the Snakefile is read again on the node of each job (`main` is False there). Such a
reading changes nothing that the main process keeps, and uses the study as the main process read it.
"""

import hashlib
import os
import re
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from segsweep.core.errors import end_run, exit_on_error
from segsweep.core.expected_inputs import changed_message
from segsweep.core.files import write_json, write_text, write_yaml
from segsweep.core.yaml_format import dump_yaml
from segsweep.pipeline.fingerprint import STATE, FileHashes, code_hash
from segsweep.pipeline.job_record import (
    PARAMS_SUBSETS,
    SOURCES,
    WRITTEN,
    is_up_to_date,
    written_marker,
)
from segsweep.pipeline.project_folders import check_folders, check_outputs
from segsweep.pipeline.project_lock import keep_dvc_out, lock_project
from segsweep.pipeline.snakemake_metadata import remove_damaged_metadata

JOBS = STATE / "jobs.json"
"""All jobs of the last reading of the Snakefile, for `segsweep explain` and `segsweep accept`."""
STUDY_OF_RUN = STATE / "params.yaml"
"""The study as the run read it, so that params.yaml may be edited while jobs wait."""
READ_ONLY_OPTIONS = {
    "--dry-run",
    "--dryrun",
    "--dag",
    "--rulegraph",
    "--filegraph",
    "--summary",
    "--lint",
    "--list-rules",
    "--list",
    "-l",
    "--detailed-summary",
    "-D",
    "-S",
    "--list-changes",
    "--report",
    "--unlock",
}
"""Options of `snakemake` with which no job runs."""


def is_read_only(arguments: Sequence[str]) -> bool:
    """Return whether no job runs with these arguments of `snakemake` (dry run, graph, ...)."""
    names = {argument.split("=")[0] for argument in arguments}
    short = any(re.fullmatch(r"-[a-zA-Z]*n[a-zA-Z]*", argument) for argument in arguments)
    return short or bool(names & READ_ONLY_OPTIONS)


@dataclass(frozen=True)
class Job:
    """A job of the Snakefile; the last of its `outputs` is its provenance record."""

    outputs: list[str]
    inputs: list[str]
    up_to_date: bool


class StalenessCheck:
    """One reading of the Snakefile: which jobs are up to date and which have to run.

    Args:
        dry: No job will run (dry run, graph, ...).
        main: This is the main process, not a job on a node of a cluster.
    """

    @exit_on_error()
    def __init__(self, dry: bool, main: bool) -> None:
        STATE.mkdir(parents=True, exist_ok=True)
        self.dry, self.main = dry, main
        self.hashes = FileHashes()
        self.jobs: list[Job] = []
        self.stale: set[str] = set()
        self.source_hashes: dict[str, str] = {}
        self.params = self.hashes.of("params.yaml")
        self.sentinel = str(STATE / ("sentinel-dry" if dry else "sentinel"))
        if main:
            if not dry:
                self._lock = lock_project()
                keep_dvc_out()
                shutil.rmtree(WRITTEN, ignore_errors=True)
                WRITTEN.mkdir(exist_ok=True)
            remove_damaged_metadata(dry)
            write_text(self.sentinel, f"{time.time_ns()}\n", durable=False)

    @exit_on_error()
    def save_study(self, study: Mapping[str, Any]) -> None:
        """Save the study as this run read it, for jobs on other nodes."""
        if self.main and not self.dry:
            write_yaml(STUDY_OF_RUN, study)

    @exit_on_error()
    def params_subset(self, name: str, content: Mapping[str, Any]) -> str:
        """Write a part of the study to a file named by its content and return the path.

        A present file that has other content, as after a power cut, is written again.
        """
        text = dump_yaml(dict(content))
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        path = PARAMS_SUBSETS / f"{name}-{digest}.yaml"
        if not _has_content(path, text):
            write_text(path, text, durable=False)
        return str(path)

    @exit_on_error()
    def sources(self, name: str, paths: Sequence[str]) -> str:
        """Write the paths of source files with the hashes of their code; return the list's path."""
        hashes = {path: code_hash(path) for path in paths}
        self.source_hashes.update(hashes)
        return self.params_subset(f"{name}{SOURCES}", hashes)

    @exit_on_error()
    def inputs(self, outputs: Sequence[str], **inputs: str | Sequence[str]) -> dict[str, list[Any]]:
        """Return the inputs of a job as Snakemake is to see them.

        Args:
            outputs: Paths of the job's outputs; the last is its provenance record.
            inputs: Paths of its inputs by name.
        """
        from snakemake.io import ancient

        named = {k: [v] if isinstance(v, str) else list(v) for k, v in inputs.items()}
        paths = [path for group in named.values() for path in group]
        up_to_date = self.stale.isdisjoint(paths) and self.is_up_to_date(outputs, paths)
        self.jobs.append(Job(list(outputs), paths, up_to_date))
        if up_to_date:
            return {k: [ancient(path) for path in v] for k, v in named.items()}
        self.stale.update(outputs)
        if self.main:
            if not self.dry:
                self._check_places(outputs)
            _refuse_future(outputs, self.sentinel)
        return {**named, "stale": [self.sentinel]}

    def is_up_to_date(self, outputs: Sequence[str], inputs: Sequence[str]) -> bool:
        """Return whether the record names exactly these inputs and outputs as they are now."""
        made_from = {path: self.hashes.of(path) for path in inputs}
        return is_up_to_date(outputs, made_from, self.hashes.of)

    def _check_places(self, outputs: Sequence[str]) -> None:
        """Check that a job can write its outputs; before the first job, also check the folders."""
        if len(self.stale) == len(outputs):
            check_folders()
        check_outputs(outputs)

    @exit_on_error()
    def save(self) -> None:
        """Save the hashes and the list of jobs; called when the whole Snakefile has been read."""
        if self.main:
            self.hashes.save()
            write_json(JOBS, [asdict(job) for job in self.jobs], durable=False)

    @exit_on_error()
    def verify(self) -> None:
        """End the run with a message if a result does not match its record."""
        if "DVC_STAGE" in os.environ and self.hashes.of("params.yaml") != self.params:
            end_run("params.yaml: changed while the stage ran; run dvc again")
        for path, digest in self.source_hashes.items():
            if not os.path.exists(path) or code_hash(path) != digest:
                end_run(changed_message(path))
        for job in self.jobs:
            record = job.outputs[-1]
            to_check = job.up_to_date or written_marker(record).exists()
            if to_check and not self.is_up_to_date(job.outputs, job.inputs):
                end_run(
                    f"{record}: its inputs or outputs changed during the run; run snakemake again"
                )


def _has_content(path: Path, text: str) -> bool:
    try:
        return path.read_bytes() == text.encode()
    except OSError:
        return False


def _refuse_future(outputs: Sequence[str], sentinel: str) -> None:
    """End the process if an output is newer than the sentinel even after that is renewed."""

    def newer() -> list[str]:
        now = os.stat(sentinel).st_mtime
        return [out for out in outputs if os.path.exists(out) and os.stat(out).st_mtime > now]

    if newer():  # written a moment ago by a job of an earlier run, or truly in the future
        write_text(sentinel, f"{time.time_ns()}\n", durable=False)
        for out in newer():
            end_run(
                f"{out}: its modification time is in the future (was the clock set back?); "
                f"run `touch {out}`, then snakemake again"
            )
