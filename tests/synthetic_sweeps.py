"""Sweeps of surfaces whose truth is known, run by the real search."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from segsweep.analysis.completed_sweep import CompletedSweep
from segsweep.config.search_space import read_space
from segsweep.search.sampler import suggest
from segsweep.search.trial_result import TrialResult

LOG = "log_uniform_values"
METRIC = "val_dice_coefficient"
REPORTED = {
    "batch_size": {"values": [4, 8, 16]},
    "learning_rate": {"distribution": LOG, "min": 1e-5, "max": 1e-3},
    "dropout": {"min": 0.0, "max": 0.5},
    "l2_reg": {"distribution": LOG, "min": 1e-6, "max": 1e-3},
}
"""The space of the report's first sweep."""

Value = Callable[[Mapping[str, Any]], float]


def searched(
    specs: dict[str, Any], value: Value, noise: float, count: int, seed: int, method: str = "bayes"
) -> list[TrialResult]:
    """`count` trials of the search on a surface that is seen through noise (sd)."""
    space, rng = read_space(specs), np.random.default_rng([11, seed])
    observed: list[TrialResult] = []
    for i in range(count):
        chosen = suggest(space, observed, [], index=i, seed=seed, method=method).parameters
        observed.append(TrialResult(chosen, value(chosen) + rng.normal(0, noise)))
    return observed


def finished(specs: dict[str, Any], observed: list[TrialResult]) -> CompletedSweep:
    trials = [
        TrialResult(one.parameters, one.value, name=f"{i:03d}", outcomes={"epochs": 40.0})
        for i, one in enumerate(observed)
    ]
    return CompletedSweep("a known surface", read_space(specs), METRIC, "maximize", trials)


def sweep(
    specs: dict[str, Any], value: Value, noise: float, count: int, seed: int, method: str = "bayes"
) -> CompletedSweep:
    return finished(specs, searched(specs, value, noise, count, seed, method))


def like_the_report(p: Mapping[str, Any]) -> float:
    """Best at the largest batch, learning rate near 1.6e-4, dropout near .2, l2 near 6e-5."""
    doublings = np.log2(p["batch_size"] / 16)
    rate = np.log10(p["learning_rate"] / 1.6e-4) - 0.75 * doublings * np.log10(2)
    dice = 0.57 - 0.006 * doublings**2 - 0.03 * rate**2 - 0.4 * (p["dropout"] - 0.2) ** 2
    return float(dice - 0.006 * np.log10(p["l2_reg"] / 6e-5) ** 2)


def its_opposite(p: Mapping[str, Any]) -> float:
    """Small batches win, the best learning rate is the lowest, dropout does harm."""
    dice = 0.57 - 0.02 * np.log2(p["batch_size"] / 4) - 0.12 * p["dropout"]
    dice -= 0.015 * np.log10(p["learning_rate"] / 1e-5) ** 2
    return float(dice - 0.006 * np.log10(p["l2_reg"] / 6e-5) ** 2)


def nothing_but_luck(p: Mapping[str, Any]) -> float:
    return 0.5
