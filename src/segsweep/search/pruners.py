"""Pruning thresholds: the value that a trial must reach by an epoch, from the trials before it.

Thresholds depend on trials that have ended, never on timing.
"""

import math
from collections.abc import Sequence

from segsweep.config.objective import Goal, sign
from segsweep.config.pruner import Hyperband, Pace, Pruner
from segsweep.search.trial_result import TrialResult


def pruning_thresholds(
    pruner: Pruner, ended: Sequence[TrialResult], goal: Goal
) -> dict[int, float]:
    """Return by epoch (from 1) the value that the next trial must reach there."""
    if isinstance(pruner, Hyperband):
        return _hyperband(pruner, ended, goal)
    return _pace(pruner, ended, goal)


def _hyperband(pruner: Hyperband, ended: Sequence[TrialResult], goal: Goal) -> dict[int, float]:
    thresholds = {}
    for band in pruner.bands(max((len(trial.history) for trial in ended), default=0)):
        values = [trial.history[band - 1] for trial in ended if len(trial.history) >= band]
        values.sort(reverse=goal == "maximize")
        rank = int((len(values) + 1) / pruner.eta)  # the trial itself is one of them
        if rank < len(values):
            thresholds[band] = values[rank]
    return thresholds


def _pace(pruner: Pace, ended: Sequence[TrialResult], goal: Goal) -> dict[int, float]:
    finished = [trial for trial in ended if trial.status == "finished"]
    finished.sort(key=lambda trial: -sign(goal) * trial.value)  # type: ignore[operator]
    good = finished[: max(2, math.ceil(pruner.share * len(ended)))]
    if len(good) < 2:
        return {}
    worst = min if goal == "maximize" else max
    last = min(len(trial.history) for trial in good)
    return {
        epoch: worst(trial.best_until(epoch, goal) for trial in good)
        for epoch in range(pruner.min_iter, last + 1)
    }
