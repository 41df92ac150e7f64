"""The most important parameter is identified; in sweeps by bayes, where confidence is high."""

from collections.abc import Mapping

import numpy as np
import pytest

from segsweep.analysis.hyperparameter_findings import importance
from segsweep.analysis.importance import main_effects
from segsweep.analysis.posterior import PosteriorSamples
from synthetic_sweeps import REPORTED, report_surface, sweep

SWEEPS = 20


def steep(p: Mapping[str, float]) -> float:
    return report_surface(p) - 0.05 * np.log10(p["l2_reg"] / 1e-4) ** 2


@pytest.mark.parametrize("method", ["bayes", "random"])
def test_the_most_important_parameter_comes_first(method: str) -> None:
    """Trials by bayes lie near the best, so they determine the whole space less well."""
    correct, confident = [], []
    for seed in range(SWEEPS):
        samples = PosteriorSamples(sweep(REPORTED, steep, 0.004, 30, seed, method))
        effects = main_effects(samples)
        correct.append(effects[0].parameter == "l2_reg")
        confident.append(importance(samples, effects).confidence == "high")
    assert np.mean(correct) >= (0.95 if method == "random" else 0.7)
    assert all(ok for ok, high in zip(correct, confident, strict=True) if high)
