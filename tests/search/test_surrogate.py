"""Pruned trials in the surrogate model: their extrapolated values, and what the sampler does."""

import numpy as np
import pytest

from segsweep.config.search_space import read_space
from segsweep.search.sampler import incumbent, suggest
from segsweep.search.surrogate import extrapolate
from segsweep.search.trial_result import TrialResult


def pruned(history: tuple[float, ...]) -> TrialResult:
    return TrialResult({"learning_rate": 0.09}, None, "pruned", history)


def test_a_pruned_trial_is_extrapolated_with_the_rise_of_finished_ones() -> None:
    finished = [
        TrialResult({"learning_rate": 0.001}, 0.9, history=(0.5, 0.8, 0.9)),
        TrialResult({"learning_rate": 0.01}, 0.8, history=(0.6, 0.7, 0.8)),
        TrialResult({"learning_rate": 0.02}, 0.7, history=(0.4, 0.6, 0.7)),
    ]
    rises = [0.4, 0.2, 0.3]
    expected, noise_sd = extrapolate(pruned((0.3,)), finished, "maximize")  # type: ignore[misc]
    assert expected == pytest.approx(0.3 + np.mean(rises))
    assert noise_sd == pytest.approx(np.std(rises))
    assert extrapolate(pruned((0.55,)), finished, "maximize")[0] == 0.8  # type: ignore[index]
    assert extrapolate(pruned((0.85,)), finished, "maximize")[0] == 0.85  # type: ignore[index]
    assert extrapolate(pruned((0.3,) * 4), finished, "maximize") is None


def test_the_sampler_avoids_regions_of_pruned_trials() -> None:
    space = read_space(
        {"learning_rate": {"distribution": "log_uniform_values", "min": 1e-5, "max": 0.1}}
    )
    observed = [
        TrialResult({"learning_rate": rate}, value, history=(value - 0.3, value))
        for rate, value in ((0.0001, 0.85), (0.001, 0.9), (0.003, 0.89))
    ]
    observed += [
        TrialResult({"learning_rate": r}, None, "pruned", (0.2,)) for r in (0.02, 0.05, 0.09)
    ]
    parameters = suggest(space, observed, [], index=6, seed=0).parameters
    assert parameters["learning_rate"] < 0.01
    assert incumbent(space, observed)[0] in (1, 2)


def test_pruned_trials_are_not_repeated_if_none_has_finished() -> None:
    space = read_space({"batch_size": {"values": [2, 4, 8]}})
    observed = [TrialResult({"batch_size": 4}, None, "pruned", (0.2,))]
    assert suggest(space, observed, [], index=1, seed=0).parameters["batch_size"] in (2, 8)
