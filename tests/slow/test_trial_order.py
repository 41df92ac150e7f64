"""What matters most is found first; in sweeps by bayes, where it is said to be sure."""

from collections.abc import Mapping

import numpy as np
import pytest

from segsweep.analysis.importance import effects
from segsweep.analysis.parameter_findings import importance
from segsweep.analysis.posterior import Worlds
from synthetic_sweeps import REPORTED, like_the_report, sweep

SWEEPS = 20


def steep(p: Mapping[str, float]) -> float:
    return like_the_report(p) - 0.05 * np.log10(p["l2_reg"] / 1e-4) ** 2


@pytest.mark.parametrize("method", ["bayes", "random"])
def test_the_parameter_that_matters_most_comes_first(method: str) -> None:
    """Trials by bayes lie near the best, so they tell less of the whole space."""
    right, sure = [], []
    for seed in range(SWEEPS):
        worlds = Worlds(sweep(REPORTED, steep, 0.004, 30, seed, method))
        found = effects(worlds)
        right.append(found[0].parameter == "l2_reg")
        sure.append(importance(worlds, found).sure == "sure")
    assert np.mean(right) >= (0.95 if method == "random" else 0.7)
    assert all(ok for ok, said in zip(right, sure, strict=True) if said)
