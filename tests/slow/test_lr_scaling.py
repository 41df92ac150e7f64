"""The exponent of the learning rate lies in its interval."""

import numpy as np
import pytest

from segsweep.analysis.importance import interval
from segsweep.analysis.lr_scaling import scaling
from segsweep.analysis.posterior import Worlds
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
def test_the_true_exponent_is_in_the_interval_in_nine_of_ten(method: str) -> None:
    """Surfaces of the report's kind, whose exponent is 1/2 or 1 (benchmarks/surfaces.py)."""
    held, widths = [], []
    for number in range(INSTANCES):
        truth = np.random.default_rng([1, number]).choice([0.5, 1.0])
        value = report(number).value
        found = scaling(Worlds(sweep(SPACE, value, 0.005, 40, number, method)))
        assert found is not None
        low, high = interval(found.exponent)
        held.append(low <= truth <= high)
        widths.append(high - low)
    assert np.mean(held) >= 0.9
    if method == "random":  # a search that only looks near the best learns less of the exponent
        assert np.median(widths) < 1.5
