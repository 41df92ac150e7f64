"""Select the trials of an earlier study that can start this one: a warm start of the surrogate."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segsweep.config.search_space import Categorical, Constant, Parameter, contains
from segsweep.core.errors import UserError
from segsweep.core.files import read_csv
from segsweep.core.float32 import to_float32_range
from segsweep.core.thinning import evenly
from segsweep.search.trial_result import TrialResult

MAX_EARLIER_TRIALS = 50
"""Maximum number of earlier trials, evenly spaced by rank: more would slow down each suggestion."""


@dataclass(frozen=True)
class EarlierTrials:
    """The trials of an earlier study.

    Attributes:
        trials: Those that this study uses.
        left_out: The number of trials left out, by reason.
    """

    trials: list[TrialResult]
    left_out: dict[str, int]


def check_prior_trials_exist(path: Any) -> None:
    """Raise `UserError` if a study names a file of earlier trials that does not exist."""
    if isinstance(path, str) and not Path(path).is_file():
        raise UserError(
            f"params.yaml: sweep.prior_trials: found no file {path}, expected the leaderboard of "
            "an earlier study; copy it there, or remove the key"
        )


def prior_from_leaderboard(
    path: str, space: Mapping[str, Parameter], metric: Mapping[str, str]
) -> EarlierTrials:
    """Read the trials of an earlier study from its leaderboard.

    Args:
        path: A `leaderboard.csv`.
        space: The search space of this study.
        metric: `name` and `goal`, as in `sweep.metric`.

    Raises:
        UserError: The file is not a leaderboard, or none of its trials can be used.
    """
    rows = read_csv(path)
    columns = set(rows[0]) if rows else set()
    varied = _varied(space)
    if missing := sorted({"status", metric["name"], *varied} - columns):
        raise UserError(
            f"{path}: found no column {', '.join(missing)}, expected the leaderboard.csv of a "
            "study that searched the same parameters by the same metric"
        )
    trials: list[TrialResult] = []
    reasons: Counter[str] = Counter()
    for row in rows:
        values = {name: _parse(row[name], p) for name, p in varied.items()}
        value = _parse_number(row[metric["name"]])
        if row["status"] != "finished":
            reasons[f"status {row['status']}"] += 1
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
    return _thin(trials, reasons, metric)


def prior_from_list(
    prior_trials: Sequence[Mapping[str, Any]],
    space: Mapping[str, Parameter],
    metric: Mapping[str, str],
) -> EarlierTrials:
    """Return the trials that lie in the ranges of this study.

    Args:
        prior_trials: Trials with `parameters` and `value`, as in `sweep.prior_trials`.
        space: The search space of this study.
        metric: `name` and `goal`, as in `sweep.metric`.
    """
    varied = _varied(space)
    trials: list[TrialResult] = []
    reasons: Counter[str] = Counter()
    for trial in prior_trials:
        values = {name: trial["parameters"].get(name) for name in varied}
        if outside := _outside(varied, values):
            reasons[outside] += 1
        else:
            trials.append(TrialResult(values, trial["value"]))
    return _thin(trials, reasons, metric)


def _varied(space: Mapping[str, Parameter]) -> dict[str, Any]:
    return {name: p for name, p in space.items() if not isinstance(p, Constant)}


def _outside(varied: Mapping[str, Any], values: Mapping[str, Any]) -> str | None:
    """Return why a configuration is not in this study's space; None if it is."""
    outside = [n for n, v in values.items() if v is None or not contains(varied[n], v)]
    return f"a value outside this study's range of {', '.join(outside)}" if outside else None


def _thin(
    trials: list[TrialResult], reasons: Counter[str], metric: Mapping[str, str]
) -> EarlierTrials:
    """Keep at most `MAX_EARLIER_TRIALS` trials, of all ranks."""
    trials.sort(key=lambda trial: trial.value or 0.0, reverse=metric["goal"] == "maximize")
    used = evenly(trials, MAX_EARLIER_TRIALS)
    if len(used) < len(trials):
        reasons[f"a rank between those of the {MAX_EARLIER_TRIALS} that are used"] = len(
            trials
        ) - len(used)
    return EarlierTrials(used, dict(reasons))


def _parse(cell: str | None, parameter: Parameter) -> Any:
    """Return the parameter's value that a cell of the table holds; None if it is none."""
    number = _parse_number(cell)
    if isinstance(parameter, Categorical):
        matches = (v for v in parameter.values if cell == str(v) or number == v)
        return next(matches, None)
    return number


def _parse_number(cell: str | None) -> float | None:
    try:
        number = to_float32_range(float(cell or ""))
    except ValueError:
        return None
    return number if math.isfinite(number) else None
