"""Luck is hardly ever taken for an effect, and effects are seen."""

import numpy as np
import pytest

from segsweep.analysis.permutation_test import LEVEL, chance
from segsweep.config.search_space import read_space
from segsweep.search.encoding import columns
from synthetic_sweeps import REPORTED, like_the_report, nothing_but_luck, searched


def tells(value: object, count: int, seed: int, method: str) -> bool:
    observed = searched(REPORTED, value, 0.004, count, seed, method)  # type: ignore[arg-type]
    points = columns(read_space(REPORTED), [one.parameters for one in observed])  # type: ignore[arg-type]
    return chance(points, np.array([one.value for one in observed], float)) <= LEVEL


@pytest.mark.parametrize("method", ["bayes", "random"])
@pytest.mark.parametrize("count", [8, 20])
def test_pure_noise_is_told_in_at_least_95_percent(method: str, count: int) -> None:
    told = [tells(nothing_but_luck, count, seed, method) for seed in range(60)]
    assert np.mean(told) <= 0.05


def test_effects_are_seen() -> None:
    assert np.mean([tells(like_the_report, 30, seed, "random") for seed in range(10)]) >= 0.9


def test_too_few_trials_or_equal_values_tell_nothing() -> None:
    rng = np.random.default_rng(0)
    assert chance(rng.random((5, 2)), rng.random(5)) == 1.0
    assert chance(rng.random((20, 2)), np.ones(20)) == 1.0
