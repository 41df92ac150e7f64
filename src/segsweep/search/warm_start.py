"""The trials of an earlier study, from its leaderboard, as far as this study can use them."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segsweep.config.search_space import Categorical, Constant, Parameter, contains
from segsweep.core.errors import UserError
from segsweep.core.files import read_csv
from segsweep.core.thinning import evenly
from segsweep.search.trial_result import TrialResult

MOST = 50
"""Trials that are used, evenly from the best to the worst: more would slow every suggestion."""


@dataclass(frozen=True)
class Prior:
    """`trials`: what is used; `left_out`: reasons, each with the number of trials."""

    trials: list[TrialResult]
    left_out: dict[str, int]


def refuse_missing(path: Any) -> None:
    """Raise `UserError` if a study names a file that is not there."""
    if isinstance(path, str) and not Path(path).is_file():
        raise UserError(
            f"params.yaml: sweep.prior_trials: found no file {path}, expected the leaderboard of "
            "an earlier study; copy it there, or remove the key"
        )


def read_prior(path: str, space: Mapping[str, Parameter], metric: Mapping[str, str]) -> Prior:
    """Read a leaderboard; raises `UserError` where it is none, or has none of use."""
    lines = read_csv(path)
    columns = set(lines[0]) if lines else set()
    varied = _varied(space)
    if missing := sorted({"status", metric["name"], *varied} - columns):
        raise UserError(
            f"{path}: found no column {', '.join(missing)}, expected the leaderboard.csv of a "
            "study that searched the same parameters by the same metric"
        )
    trials: list[TrialResult] = []
    reasons: Counter[str] = Counter()
    for line in lines:
        values = {name: _typed(line[name], p) for name, p in varied.items()}
        value = _number(line[metric["name"]])
        if line["status"] != "finished":
            reasons[f"status {line['status']}"] += 1
        elif value is None:
            reasons[f"no number as {metric['name']}"] += 1
        elif outside := _outside(varied, values):
            reasons[outside] += 1
        else:
            trials.append(TrialResult(values, value))
    if not trials:
        found = "; ".join(f"{n} with {reason}" for reason, n in reasons.items())
        raise UserError(
            f"{path}: found no trial that this study can use ({found}), expected finished trials "
            "inside the ranges of sweep.parameters"
        )
    return _used(trials, reasons, metric)


def listed_prior(
    listed: Sequence[Mapping[str, Any]],
    space: Mapping[str, Parameter],
    metric: Mapping[str, str],
) -> Prior:
    """Those of `listed` trials (`parameters`, `value`) that lie inside this study's ranges."""
    varied = _varied(space)
    trials: list[TrialResult] = []
    reasons: Counter[str] = Counter()
    for one in listed:
        values = {name: one["parameters"].get(name) for name in varied}
        if outside := _outside(varied, values):
            reasons[outside] += 1
        else:
            trials.append(TrialResult(values, one["value"]))
    return _used(trials, reasons, metric)


def _varied(space: Mapping[str, Parameter]) -> dict[str, Any]:
    return {name: p for name, p in space.items() if not isinstance(p, Constant)}


def _outside(varied: Mapping[str, Any], values: Mapping[str, Any]) -> str | None:
    """Why a configuration is none of this study's; None where it is one."""
    outside = [n for n, v in values.items() if v is None or not contains(varied[n], v)]
    return f"no value of this study's range as {', '.join(outside)}" if outside else None


def _used(trials: list[TrialResult], reasons: Counter[str], metric: Mapping[str, str]) -> Prior:
    trials.sort(key=lambda one: one.value or 0.0, reverse=metric["goal"] == "maximize")
    used = evenly(trials, MOST)
    if len(used) < len(trials):
        reasons[f"a rank between those of the {MOST} that are used"] = len(trials) - len(used)
    return Prior(used, dict(reasons))


def _typed(cell: str | None, parameter: Parameter) -> Any:
    """The value that a cell of the table stands for; None where it is none of the parameter's."""
    number = _number(cell)
    if isinstance(parameter, Categorical):
        known = (v for v in parameter.values if cell == str(v) or number == v)
        return next(known, None)
    return number


def _number(cell: str | None) -> float | None:
    try:
        number = float(cell or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None
