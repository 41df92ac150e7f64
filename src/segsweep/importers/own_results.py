"""Read the sweep in this project's own `results/` folder, completed or running, and its origin."""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from segsweep.analysis.completed_sweep import CompletedSweep
from segsweep.config.objective import Goal
from segsweep.config.search_space import Categorical, Constant, Parameter, contains, read_space
from segsweep.core.errors import UserError
from segsweep.core.files import read_csv, read_json, read_yaml, sha256
from segsweep.importers.parsing import finite, number
from segsweep.pipeline.environment import hardware_and_versions
from segsweep.search.trial_result import Status, TrialResult
from segsweep.search.trial_time import training_seconds

SEARCH = Path("sweep/search.yaml")
"""The search settings, in `results/`."""


def read_results(results: Path, count: int | None = None) -> CompletedSweep:
    """Read `results/sweep/search.yaml` and the first `count` of `results/trials/` (default: all).

    A trial without `metrics.json` has not ended; these are counted in `left_out`. `seconds` is
    from `timing.json`, which differs between machines.

    Raises:
        UserError: A file is missing or cannot be read, or no trial has ended.
    """
    space, metric, goal = _search_settings(results / SEARCH)
    folders = [f for f in (results / "trials").glob("[0-9]*") if re.fullmatch("[0-9]+", f.name)]
    started = sorted(folders, key=lambda folder: int(folder.name))[:count]
    ended = [folder for folder in started if (folder / "metrics.json").exists()]
    if not ended:
        raise UserError(
            f"{results}/trials: found no trial with a metrics.json, expected at least one; run "
            "snakemake first"
        )
    running = len(started) - len(ended)
    return CompletedSweep(
        source=str(results),
        space=space,
        metric=metric,
        goal=goal,
        trials=[_read_trial(folder, metric, space) for folder in ended],
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


def _search_settings(path: Path) -> tuple[dict[str, Parameter], str, Goal]:
    """Return the search space, the metric and its goal from `search.yaml`."""
    search = read_yaml(path)
    try:
        metric, goal = search["metric"]["name"], search["metric"]["goal"]
        if goal not in get_args(Goal):
            raise ValueError(f"metric.goal: found {goal!r}")
        return read_space(search["parameters"]), str(metric), goal
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(
            f"{path}: {_describe(error)}, expected the search settings of a sweep; run snakemake "
            "again"
        ) from error


def _read_trial(folder: Path, metric: str, space: Mapping[str, Parameter]) -> TrialResult:
    try:
        return _trial(folder, metric, space)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(
            f"{folder}: {_describe(error)}, expected the files of a trial as the pipeline wrote "
            "them; run snakemake again"
        ) from error


def _describe(error: Exception) -> str:
    reason = f"found no {error}" if isinstance(error, KeyError) else str(error)
    return " ".join(reason.split())


def _trial(folder: Path, metric: str, space: Mapping[str, Parameter]) -> TrialResult:
    metrics = read_json(folder / "metrics.json")
    history = [number(float(row[metric])) for row in read_csv(folder / "history.csv")]
    status = metrics["status"]
    if status not in get_args(Status):
        raise ValueError(f"metrics.json: found the status {status!r}")
    value = finite(metrics[metric]) if status == "finished" else None
    if value is None and status == "finished":
        raise ValueError(f"metrics.json: found {metrics[metric]!r} as {metric}")
    parameters = dict(read_json(folder / "suggestion.json")["parameters"])
    for name, parameter in space.items():
        known = contains if isinstance(parameter, Categorical) else _is_finite
        if not isinstance(parameter, Constant) and not known(parameter, parameters[name]):
            raise ValueError(f"suggestion.json: found {parameters[name]!r} as {name}")
    return TrialResult(
        name=folder.name,
        parameters=parameters,
        status=status,
        value=value,
        seconds=training_seconds(folder),
        history=tuple(v for v in history if v is not None and math.isfinite(v)),
        outcomes={name: value for name, value in metrics.items() if finite(value) is not None},
        reason=str(metrics.get("reason", "")),
    )


def _is_finite(_: Any, value: Any) -> bool:
    return finite(value) is not None
