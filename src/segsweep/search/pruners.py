"""Pruning thresholds: the value that a trial must reach by an epoch, from the trials before it.

Thresholds follow from trials that ended, so they do not depend on timing.
"""

import math
from collections.abc import Sequence

from segsweep.config.objective import Goal, sign
from segsweep.config.pruner import Hyperband, Pruner
from segsweep.search.trial_result import TrialResult


def pruning_thresholds(
    pruner: Pruner, ended: Sequence[TrialResult], goal: Goal
) -> dict[int, float]:
    """Return by epoch (from 1) the value that the next trial must reach there."""
    if isinstance(pruner, Hyperband):
        return _hyperband(pruner, ended, goal)
    finished = [one for one in ended if one.status == "finished"]
    finished.sort(key=lambda one: -sign(goal) * one.value)  # type: ignore[operator]
    good = finished[: max(2, math.ceil(pruner.share * len(ended)))]
    if len(good) < 2:
        return {}
    worst = min if goal == "maximize" else max
    last = min(len(one.history) for one in good)
    return {
        epoch: worst(one.until(epoch, goal) for one in good)
        for epoch in range(pruner.min_iter, last + 1)
    }


def _hyperband(pruner: Hyperband, ended: Sequence[TrialResult], goal: Goal) -> dict[int, float]:
    found = {}
    for band in pruner.bands(max((len(one.history) for one in ended), default=0)):
        there = [one.history[band - 1] for one in ended if len(one.history) >= band]
        there.sort(reverse=goal == "maximize")
        rank = int((len(there) + 1) / pruner.eta)  # the trial itself is one of them
        if rank < len(there):
            found[band] = there[rank]
    return found
