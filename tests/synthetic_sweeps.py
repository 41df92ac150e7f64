"""Sweeps on synthetic surfaces with a known optimum, run by the real sampler."""

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
"""The search space of the first sweep of the original report."""

Value = Callable[[Mapping[str, Any]], float]


def searched(
    specs: dict[str, Any], value: Value, noise: float, count: int, seed: int, method: str = "bayes"
) -> list[TrialResult]:
    """Run a sweep on a surface.

    Args:
        specs: The search space in W&B's format.
        value: The surface: the value of a configuration without noise.
        noise: The standard deviation of the noise.
        count: The number of trials.
        seed: The seed of the sampler and of the noise.
        method: As in W&B.
    """
    space, rng = read_space(specs), np.random.default_rng([11, seed])
    observed: list[TrialResult] = []
    for i in range(count):
        chosen = suggest(space, observed, [], index=i, seed=seed, method=method).parameters
        observed.append(TrialResult(chosen, value(chosen) + rng.normal(0, noise)))
    return observed


def finished(specs: dict[str, Any], observed: list[TrialResult]) -> CompletedSweep:
    """Return the trials as a completed sweep, as the analysis takes it."""
    trials = [
        TrialResult(trial.parameters, trial.value, name=f"{i:03d}", outcomes={"epochs": 40.0})
        for i, trial in enumerate(observed)
    ]
    return CompletedSweep("a synthetic surface", read_space(specs), METRIC, "maximize", trials)


def sweep(
    specs: dict[str, Any], value: Value, noise: float, count: int, seed: int, method: str = "bayes"
) -> CompletedSweep:
    """Run a sweep on a surface and return it as a completed sweep; see `searched`."""
    return finished(specs, searched(specs, value, noise, count, seed, method))


def report_surface(p: Mapping[str, Any]) -> float:
    """Return a Dice whose optimum is near learning rate 1.6e-4, dropout 0.2, l2_reg 6e-5, batch 16.

    The best learning rate grows with the batch size.
    """
    doublings = np.log2(p["batch_size"] / 16)
    rate = np.log10(p["learning_rate"] / 1.6e-4) - 0.75 * doublings * np.log10(2)
    dice = 0.57 - 0.006 * doublings**2 - 0.03 * rate**2 - 0.4 * (p["dropout"] - 0.2) ** 2
    return float(dice - 0.006 * np.log10(p["l2_reg"] / 6e-5) ** 2)


def opposite_surface(p: Mapping[str, Any]) -> float:
    """Return a Dice that is best with small batches, the lowest learning rate and no dropout."""
    dice = 0.57 - 0.02 * np.log2(p["batch_size"] / 4) - 0.12 * p["dropout"]
    dice -= 0.015 * np.log10(p["learning_rate"] / 1e-5) ** 2
    return float(dice - 0.006 * np.log10(p["l2_reg"] / 6e-5) ** 2)


def flat_surface(p: Mapping[str, Any]) -> float:
    """Return the same value everywhere: no parameter has an effect."""
    return 0.5
