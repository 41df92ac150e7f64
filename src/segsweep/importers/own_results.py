"""Read the sweep in this project's own `results/` folder, completed or running, and its origin."""

from pathlib import Path
from typing import Any

from segsweep.analysis.completed_sweep import CompletedSweep
from segsweep.config.search_space import read_space
from segsweep.core.errors import UserError
from segsweep.core.files import read_csv, read_json, read_yaml, sha256
from segsweep.pipeline.environment import hardware_and_versions
from segsweep.search.trial_result import TrialResult

SEARCH = Path("sweep/search.yaml")
"""The search settings, in `results/`."""


def read_results(results: Path, count: int | None = None) -> CompletedSweep:
    """Read `results/sweep/search.yaml` and the first `count` of `results/trials/` (default: all).

    A trial without `metrics.json` has not ended; these are counted in `left_out`. `seconds` is
    from `timing.json`, which differs between machines.

    Raises:
        UserError: A file is missing or cannot be read, or no trial has ended.
    """
    search = read_yaml(results / SEARCH)
    metric = search["metric"]
    folders = sorted((results / "trials").glob("[0-9]*"), key=lambda folder: int(folder.name))
    started = folders[:count]
    ended = [folder for folder in started if (folder / "metrics.json").exists()]
    if not ended:
        raise UserError(
            f"{results}/trials: found no trial with a metrics.json, expected at least one; run "
            "snakemake first"
        )
    running = len(started) - len(ended)
    return CompletedSweep(
        source=str(results),
        space=read_space(search["parameters"]),
        metric=metric["name"],
        goal=metric["goal"],
        trials=[_read_trial(folder, metric["name"]) for folder in ended],
        left_out={"no metrics.json yet": running} if running else {},
    )


def origin_of(source: str) -> dict[str, str]:
    """Return the hash of a source's data and the device that trained it, as far as known."""
    path = Path(source)
    if path.is_file():
        return {"source_sha256": sha256(path)}
    best = path / "best_config.yaml"
    if not best.is_file():
        return {}
    machine = hardware_and_versions()
    return {
        "data_sha256": read_yaml(best)["evidence"]["data_sha256"],
        "device": machine["cpu"] if machine["gpu"] == "none" else machine["gpu"],
    }


def _read_trial(folder: Path, metric: str) -> TrialResult:
    metrics = read_json(folder / "metrics.json")
    timing = folder / "timing.json"
    return TrialResult(
        name=folder.name,
        parameters=read_json(folder / "suggestion.json")["parameters"],
        status=metrics["status"],
        value=metrics[metric] if metrics["status"] == "finished" else None,
        seconds=read_json(timing)["training_seconds"] if timing.exists() else None,
        history=tuple(float(row[metric]) for row in read_csv(folder / "history.csv")),
        outcomes={name: value for name, value in metrics.items() if _is_number(value)},
        reason=metrics.get("reason", ""),
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
