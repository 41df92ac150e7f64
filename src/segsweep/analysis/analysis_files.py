"""The analysis of a sweep as files: findings, the tables of their plots, their origin."""

import importlib.metadata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import segsweep
from segsweep.analysis import runtime_findings
from segsweep.analysis.completed_sweep import CompletedSweep
from segsweep.analysis.finding import Finding
from segsweep.analysis.findings import Analysis, importance_table
from segsweep.config.search_space import Constant
from segsweep.core.files import write_csv, write_json

PACKAGES = ("torch", "numpy", "scipy", "wandb", "snakemake", "dvc")


def write_analysis(out: Path, analysis: Analysis) -> None:
    """Write `findings.json` and every table (empty ones with a header alone) to `out`."""
    sweep = analysis.sweep
    for name, rows in analysis.tables().items():
        write_csv(out / f"{name}.csv", list(rows[0]) if rows else ["nothing"], rows)
    write_json(
        out / "findings.json", _told(sweep, analysis.findings) | {"verdict": verdict(analysis)}
    )


def write_run_time(out: Path, sweep: CompletedSweep) -> None:
    """Write what rests on measured seconds, which differ between machines, to files of its own."""
    found, speeds = runtime_findings.by_seconds(sweep), runtime_findings.images_per_second(sweep)
    write_json(
        out / "runtime.json", _told(sweep, list(runtime_findings.findings(sweep, found, speeds)))
    )
    seconds = [{"trial": t.name, "seconds": t.seconds} for t in sweep.trials if t.seconds]
    write_csv(out / "seconds.csv", ["trial", "seconds"], seconds)
    write_csv(out / "speed.csv", ["batch_size", "images_per_second"], speeds)
    columns = ["target", "parameter", "share", "low", "high"]
    write_csv(out / "run_time.csv", columns, importance_table(found, "run_time"))


def provenance(**more: Any) -> dict[str, Any]:
    """What made the analysis: versions, and `more` of what is known."""
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {"segsweep": segsweep.__version__, "versions": versions, **more}


def verdict(analysis: Analysis) -> str:
    """The sweep in two sentences."""
    best, importance = analysis.findings[:2]
    first = f"By the sweep alone t{best.sentence.split(').')[0][1:]})."
    if importance.sure == "cannot tell":
        return f"{first} {importance.sentence}"
    top = analysis.effects[0]
    return (
        f"{first} Most is decided by {top.parameter}: {top.share.mean():.0%} of the differences "
        "between configurations."
    )


def _told(sweep: CompletedSweep, found: Sequence[Finding]) -> dict[str, Any]:
    return {
        "source": sweep.source,
        "metric": sweep.metric,
        "goal": sweep.goal,
        "parameters": list(sweep.varied),
        "constants": {n: p.value for n, p in sweep.space.items() if isinstance(p, Constant)},
        "left_out": dict(sweep.left_out),
        "trials": len(sweep.trials),
        "findings": [one.to_dict() for one in found],
    }
