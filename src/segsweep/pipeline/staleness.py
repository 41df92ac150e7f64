"""What each result was made from, and so which jobs have to run: content decides, not time.

Every job's last output is its *record*: the content hashes of its inputs and of its other outputs.
While the Snakefile is read, in the order of the data, `StalenessCheck.job` compares records with what is
on disk. Where a record holds, all inputs become `ancient()` and Snakemake leaves the job alone,
whatever the times of the files. Where it does not, or an input comes from such a job, the inputs
stay plain and one more is added, a sentinel newer than every output, so that Snakemake makes it
again. `StalenessCheck.verify`, at the end of a run, holds what was made against the disk once more.

On a cluster the Snakefile is read again for each job, on its node (`main` is False there). Such a
reading leaves alone what the run that sent the job keeps, and has the study as that run read it.
"""

import ast
import fcntl
import hashlib
import os
import re
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from segsweep.core.files import dump_yaml, write_json, write_text, write_yaml
from segsweep.pipeline.fingerprint import STATE, Hashes
from segsweep.pipeline.job_record import FRAGMENTS, RAN, SOURCES, holds, note_of

JOBS = STATE / "jobs.json"
STUDY_AS_READ = STATE / "params.yaml"
"""The study as the run read it, so that it may be edited while jobs wait."""
NOT_RUNS = {
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


def is_dry(arguments: Sequence[str]) -> bool:
    """Whether a `snakemake` command line only looks: a dry run, a graph, a summary."""
    names = {a.split("=")[0] for a in arguments}
    short = any(re.fullmatch(r"-[a-zA-Z]*n[a-zA-Z]*", a) for a in arguments)
    return short or bool(names & {"--dry-run", "--dryrun", *NOT_RUNS})


def sources(*roots: str) -> list[str]:
    """The Python files that decide what `roots` do: they and all of segsweep they import."""
    found: dict[str, None] = {}
    waiting = list(roots)
    while waiting:
        path = waiting.pop(0)
        if path not in found:
            found[path] = None
            waiting += _imports(Path(path))
    return sorted(found)


@cache
def _imports(path: Path) -> list[str]:
    modules: list[str] = []
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, OSError) as error:
        sys.exit(f"error: {path}: cannot be read as Python ({error})")
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            modules += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
    modules = [name for name in modules if name.startswith("segsweep.")]
    inner = {name.rpartition(".")[0] for name in modules} - {"segsweep"}
    places = [f"src/{name.replace('.', '/')}" for name in (*modules, *sorted(inner))]
    files = [f"{place}{end}" for place in places for end in (".py", "/__init__.py")]
    return [file for file in files if Path(file).is_file() and Path(file).stat().st_size]


@dataclass(frozen=True)
class Job:
    """A job of the Snakefile: `outs` (the last is the record), `ins`, and whether it holds."""

    outs: list[str]
    ins: list[str]
    holds: bool


class StalenessCheck:
    """One reading of the Snakefile: which jobs hold and which are made again."""

    def __init__(self, dry: bool, main: bool) -> None:
        STATE.mkdir(parents=True, exist_ok=True)
        self.dry, self.main = dry, main
        self.hashes = Hashes()
        self.jobs: list[Job] = []
        self.stale: set[str] = set()
        self.source_hashes: dict[str, str | None] = {}
        self.params = self.hashes.of("params.yaml")
        self.sentinel = str(STATE / ("sentinel-dry" if dry else "sentinel"))
        if main:
            if not dry:
                self._lock = take_lock()
                shutil.rmtree(RAN, ignore_errors=True)
                RAN.mkdir(exist_ok=True)
            write_text(self.sentinel, f"{time.time_ns()}\n")

    def keep_study(self, study: Mapping[str, Any]) -> None:
        """Write the study down as this run read it, for the jobs that it sends to other nodes."""
        if self.main and not self.dry:
            write_yaml(STUDY_AS_READ, study)

    def fragment(self, name: str, content: Mapping[str, Any]) -> str:
        """A part of the study as a file named by its content, which never changes under a run."""
        text = dump_yaml(dict(content))
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        path = FRAGMENTS / f"{name}-{digest}.yaml"
        if not path.exists():
            write_text(path, text)
        return str(path)

    def sources(self, name: str, *roots: str) -> str:
        """The sources of a rule as one fragment: their paths with their content hashes."""
        hashes = {path: self.hashes.of(path) for path in sources(*roots)}
        self.source_hashes.update(hashes)
        return self.fragment(f"{name}{SOURCES}", hashes)

    def job(self, outs: Sequence[str], **ins: str | Sequence[str]) -> dict[str, list[Any]]:
        """The inputs of a job as Snakemake is to see them; `outs` ends with the job's record."""
        from snakemake.io import ancient

        named = {k: [v] if isinstance(v, str) else list(v) for k, v in ins.items()}
        paths = [path for group in named.values() for path in group]
        holds = self.stale.isdisjoint(paths) and self.holds(outs, paths)
        self.jobs.append(Job(list(outs), paths, holds))
        if holds:
            return {k: [ancient(path) for path in v] for k, v in named.items()}
        self.stale.update(outs)
        if self.main:
            _refuse_future(outs, self.sentinel)
        return {**named, "stale": [self.sentinel]}

    def holds(self, outs: Sequence[str], paths: Sequence[str]) -> bool:
        """Whether the record names exactly these inputs and outputs with their present content."""
        return holds(outs, {path: self.hashes.of(path) for path in paths}, self.hashes.of)

    def end(self) -> None:
        """Keep the hashes and the list of jobs; called when the last job was read."""
        if self.main:
            self.hashes.save()
            write_json(JOBS, [asdict(job) for job in self.jobs])

    def verify(self) -> None:
        """End the run with one sentence if a result is not what its record says."""
        if "DVC_STAGE" in os.environ and self.hashes.of("params.yaml") != self.params:
            sys.exit("error: params.yaml changed while the stage ran; run it again")
        for path, digest in self.source_hashes.items():
            if self.hashes.of(path) != digest:
                sys.exit(f"error: {path} changed while the run went on; run it again")
        for job in self.jobs:
            record = job.outs[-1]
            if (job.holds or note_of(record).exists()) and not self.holds(job.outs, job.ins):
                sys.exit(f"error: {record}: files changed while the run went on; run it again")


def take_lock() -> Any:
    """Hold this folder against other runs until the returned file is closed or the process ends."""
    STATE.mkdir(parents=True, exist_ok=True)
    file = (STATE / "lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(
            f"error: another snakemake runs in {os.getcwd()}; wait until it has ended "
            "(a dry run, -n, works meanwhile)"
        )
    return file


def _refuse_future(outs: Sequence[str], sentinel: str) -> None:
    def later() -> list[str]:
        now = os.stat(sentinel).st_mtime
        return [out for out in outs if os.path.exists(out) and os.stat(out).st_mtime > now]

    if later():  # written meanwhile by a job of an earlier run, or really in the future
        write_text(sentinel, f"{time.time_ns()}\n")
        for out in later():
            sys.exit(
                f"error: {out}: its time lies in the future (was the clock set back?), expected "
                f"the past; run `touch {out}` and start again"
            )
