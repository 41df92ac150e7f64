"""The interval of the scaling exponent contains the true exponent."""

import numpy as np
import pytest

from segsweep.analysis.lr_scaling import lr_scaling
from segsweep.analysis.posterior import PosteriorSamples
from surfaces import report
from synthetic_sweeps import LOG, sweep

SPACE = {
    "batch_size": {"values": [4, 8, 16, 32, 64, 128]},
    "learning_rate": {"distribution": LOG, "min": 1e-5, "max": 1e-2},
    "dropout": {"min": 0.0, "max": 0.5},
    "l2_reg": {"distribution": LOG, "min": 1e-6, "max": 1e-2},
}
INSTANCES = 20


@pytest.mark.parametrize("method", ["bayes", "random"])
def test_the_interval_contains_the_true_exponent_in_90_percent(method: str) -> None:
    """The true exponent of each surface is 1/2 or 1 (benchmarks/surfaces.py)."""
    covered, widths = [], []
    for number in range(INSTANCES):
        truth = np.random.default_rng([1, number]).choice([0.5, 1.0])
        value = report(number).value
        scaling = lr_scaling(PosteriorSamples(sweep(SPACE, value, 0.005, 40, number, method)))
        assert scaling is not None
        low, high = scaling.interval
        covered.append(low <= truth <= high)
        widths.append(high - low)
    assert np.mean(covered) >= 0.9
    if method == "random":  # bayes samples near the best, which determines the exponent less
        assert np.median(widths) < 1.5
