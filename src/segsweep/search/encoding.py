"""From trials to the belief of the search: what each of them says, and how surely."""

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean, median, pstdev
from typing import Any

import numpy as np

from segsweep.config.distributions import Number
from segsweep.config.objective import Goal, sign
from segsweep.config.search_space import Categorical
from segsweep.search.gaussian_process import Surrogate
from segsweep.search.trial_result import TrialResult, Values

Varied = Mapping[str, Categorical | Number]


def fit_surrogate(
    varied: Varied,
    observed: Sequence[TrialResult],
    in_flight: Sequence[Values],
    goal: Goal,
    earlier: Sequence[TrialResult] = (),
    seen: Callable[[Varied, Sequence[Values]], np.ndarray] | None = None,
) -> Surrogate:
    """The belief after the trials `observed`; `earlier` are those of an earlier study.

    `seen` makes rows of numbers of configurations, as `columns` does where it is not given. Failed
    trials count as the worst value, stopped ones as `unfinished` has it; where there is nothing to
    go by, as trials still in flight. One that ran out of memory says nothing of values.
    """
    seen = seen or columns
    finished = [one for one in observed if one.value is not None]
    rows = [(one, _value(one, goal), 0.0) for one in earlier]
    flying = list(in_flight)
    for one in observed:
        if one.status == "out_of_memory":
            continue
        if said := _said(one, finished, goal):
            rows.append((one, *said))
        else:
            flying.append(one.parameters)
    return Surrogate(
        seen(varied, [one.parameters for one, _, _ in rows]),
        np.array([value for _, value, _ in rows]),
        seen(varied, flying),
        np.array([noise_sd for _, _, noise_sd in rows]),
        np.arange(len(rows)) < len(earlier),
    )


def _value(one: TrialResult, goal: Goal) -> float:
    assert one.value is not None
    return sign(goal) * one.value


def _said(
    one: TrialResult, finished: Sequence[TrialResult], goal: Goal
) -> tuple[float, float] | None:
    """The value of a trial, to be maximized, and the sd by which it may be off."""
    if one.value is not None:
        return _value(one, goal), 0.0
    if one.status == "pruned":
        return unfinished(one, finished, goal)
    return (min(_value(other, goal) for other in finished), 0.0) if finished else None


def unfinished(
    stopped: TrialResult, finished: Sequence[TrialResult], goal: Goal
) -> tuple[float, float] | None:
    """What a stopped trial would have come to, to be maximized, and the sd by which it may be off.

    From where it stopped it rises as finished trials did, but not above the middle one of them, as
    far as it has not been there already. None where no finished trial came that far.
    """
    epoch = len(stopped.history)
    reached = sign(goal) * stopped.until(epoch, goal)
    as_far = [one for one in finished if len(one.history) >= epoch]
    if not as_far:
        return None
    values = [_value(one, goal) for one in as_far]
    rises = [_value(one, goal) - sign(goal) * one.until(epoch, goal) for one in as_far]
    expected = max(reached, min(reached + fmean(rises), median(values)))
    return expected, pstdev(rises)


def placed(varied: Varied, shares: Sequence[float]) -> dict[str, Any]:
    """The configuration at these shares (0 to 1) of the ranges, on the model's scales."""
    return {name: p.from_unit(u) for (name, p), u in zip(varied.items(), shares, strict=True)}


def columns(varied: Varied, rows: Sequence[Values]) -> np.ndarray:
    """(rows, columns) as the surrogate sees them: a share of the range, or a column per value."""
    found: list[list[float]] = []
    for name, parameter in varied.items():
        if isinstance(parameter, Categorical) and not parameter.is_ordered:
            found += [[float(row[name] == value) for row in rows] for value in parameter.values]
        else:
            found.append([parameter.to_unit(row[name]) for row in rows])
    return np.array(found, dtype=np.float64).reshape(len(found), len(rows)).T
