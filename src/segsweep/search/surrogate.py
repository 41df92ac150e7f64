"""Fit the surrogate model to the trials of a sweep, encoded as rows of numbers from 0 to 1."""

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean, median, pstdev
from typing import Any

import numpy as np

from segsweep.config.distributions import Number
from segsweep.config.objective import Goal, sign
from segsweep.config.search_space import Categorical
from segsweep.search.gaussian_process import Fit, Surrogate
from segsweep.search.trial_result import TrialResult, Values

Varied = Mapping[str, Categorical | Number]
"""The parameters of a search space that are not constant, by name."""


def encode(varied: Varied, configurations: Sequence[Values]) -> np.ndarray:
    """Return the configurations as numbers.

    A number or an ordered categorical has one column: its position in the range, on the scale of
    the model. An unordered categorical has one column per value, 1 where it is the value, else 0.

    Returns:
        float64 of shape (configurations, columns), in 0 to 1.
    """
    columns: list[list[float]] = []
    for name, parameter in varied.items():
        values = [configuration[name] for configuration in configurations]
        if isinstance(parameter, Categorical) and not parameter.is_ordered:
            columns += [[float(value == one) for value in values] for one in parameter.values]
        else:
            columns.append([parameter.to_unit(value) for value in values])
    return np.array(columns, dtype=np.float64).reshape(len(columns), len(configurations)).T


def decode(varied: Varied, positions: Sequence[float]) -> dict[str, Any]:
    """Return the configuration at these positions (0 to 1) of the ranges, one per parameter."""
    return {name: p.from_unit(u) for (name, p), u in zip(varied.items(), positions, strict=True)}


def fit_surrogate(
    varied: Varied,
    observed: Sequence[TrialResult],
    in_flight: Sequence[Values],
    goal: Goal,
    earlier: Sequence[TrialResult] = (),
    encoder: Callable[[Varied, Sequence[Values]], np.ndarray] = encode,
    fit: Fit | None = None,
) -> Surrogate:
    """Return the surrogate after `observed`, which predicts values to be maximized.

    A finished trial counts with its value, a pruned one with the value that `extrapolate` expects,
    and a failed one with the worst value of the finished trials. Where that is not known, the trial
    counts as in flight. A trial that ran out of memory is left out: it says nothing about values.

    Args:
        varied: The parameters that vary.
        observed: The trials that have ended.
        in_flight: The configurations of trials that are running.
        goal: The direction of the metric.
        earlier: Finished trials of an earlier study.
        encoder: Converts configurations to rows of numbers.
        fit: The fit to the same trials with the same encoder, if it is known already.
    """
    finished = [trial for trial in observed if trial.value is not None]
    rows = [(trial, _signed_value(trial, goal), 0.0) for trial in earlier]
    running = list(in_flight)
    for trial in observed:
        if trial.status == "out_of_memory":
            continue
        if target := _target(trial, finished, goal):
            rows.append((trial, *target))
        else:
            running.append(trial.parameters)
    return Surrogate(
        encoder(varied, [trial.parameters for trial, _, _ in rows]),
        np.array([value for _, value, _ in rows]),
        encoder(varied, running),
        np.array([noise_sd for _, _, noise_sd in rows]),
        np.arange(len(rows)) < len(earlier),
        fit,
    )


def extrapolate(
    pruned: TrialResult, finished: Sequence[TrialResult], goal: Goal
) -> tuple[float, float] | None:
    """Estimate the value that a pruned trial would have reached, to be maximized.

    From its last epoch it rises as much as finished trials did on average, but not above their
    median unless it was there already.

    Returns:
        The value and its standard deviation; None if no finished trial has as many epochs.
    """
    epoch = len(pruned.history)
    reached = sign(goal) * pruned.best_until(epoch, goal)
    as_long = [trial for trial in finished if len(trial.history) >= epoch]
    if not as_long:
        return None
    values = [_signed_value(trial, goal) for trial in as_long]
    rises = [
        _signed_value(trial, goal) - sign(goal) * trial.best_until(epoch, goal) for trial in as_long
    ]
    expected = max(reached, min(reached + fmean(rises), median(values)))
    return expected, pstdev(rises)


def _signed_value(trial: TrialResult, goal: Goal) -> float:
    """Return the value of a finished trial, to be maximized."""
    assert trial.value is not None
    return sign(goal) * trial.value


def _target(
    trial: TrialResult, finished: Sequence[TrialResult], goal: Goal
) -> tuple[float, float] | None:
    """Return the value that the surrogate is fitted to and its standard deviation."""
    if trial.value is not None:
        return _signed_value(trial, goal), 0.0
    if trial.status == "pruned":
        return extrapolate(trial, finished, goal)
    return (min(_signed_value(other, goal) for other in finished), 0.0) if finished else None
