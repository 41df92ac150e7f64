"""The permutation test keeps its level on pure noise and detects real effects."""

import numpy as np
import pytest

from segsweep.analysis.permutation_test import SIGNIFICANCE_LEVEL, permutation_p_value
from segsweep.config.search_space import read_space
from segsweep.search.surrogate import encode
from synthetic_sweeps import REPORTED, flat_surface, report_surface, searched


def is_significant(value: object, count: int, seed: int, method: str) -> bool:
    observed = searched(REPORTED, value, 0.004, count, seed, method)  # type: ignore[arg-type]
    points = encode(read_space(REPORTED), [trial.parameters for trial in observed])  # type: ignore[arg-type]
    return (
        permutation_p_value(points, np.array([trial.value for trial in observed], float))
        <= SIGNIFICANCE_LEVEL
    )


@pytest.mark.parametrize("method", ["bayes", "random"])
@pytest.mark.parametrize("count", [8, 20])
def test_pure_noise_is_rarely_significant(method: str, count: int) -> None:
    significant = [is_significant(flat_surface, count, seed, method) for seed in range(60)]
    assert np.mean(significant) <= 0.05


def test_real_effects_are_significant() -> None:
    assert (
        np.mean([is_significant(report_surface, 30, seed, "random") for seed in range(10)]) >= 0.9
    )


def test_too_few_trials_or_equal_values_have_p_1() -> None:
    rng = np.random.default_rng(0)
    assert permutation_p_value(rng.random((5, 2)), rng.random(5)) == 1.0
    assert permutation_p_value(rng.random((20, 2)), np.ones(20)) == 1.0
