"""The best batch size and the loss at other batch sizes are estimated."""

import numpy as np
import pytest

from segsweep.analysis.intervals import interval
from segsweep.analysis.lr_scaling import batch_size_effects, lr_scaling
from segsweep.analysis.posterior import PosteriorSamples
from synthetic_sweeps import LOG, sweep

SPACE = {
    "batch_size": {"values": [4, 8, 16, 32, 64, 128]},
    "learning_rate": {"distribution": LOG, "min": 1e-5, "max": 1e-2},
    "dropout": {"min": 0.0, "max": 0.5},
    "l2_reg": {"distribution": LOG, "min": 1e-6, "max": 1e-2},
}


def test_the_best_batch_size_and_the_loss_at_others() -> None:
    def value(p: dict[str, float]) -> float:
        return 0.6 - 0.01 * abs(np.log2(p["batch_size"] / 16)) - 0.1 * (p["dropout"] - 0.2) ** 2

    effects = batch_size_effects(PosteriorSamples(sweep(SPACE, value, 0.002, 40, 0, "random")))  # type: ignore[arg-type]
    assert [effect.batch_size for effect in effects] == [4, 8, 16, 32, 64, 128]
    best = [float(effect.best.mean()) for effect in effects]
    assert int(np.argmax(best)) == 2
    assert best[2] == pytest.approx(0.6, abs=0.004)
    lost = effects[2].best - effects[5].best
    low, high = interval(lost)
    assert low <= 0.03 <= high
    assert all((effect.best >= effect.typical).all() for effect in effects)


def test_without_batch_size_and_learning_rate_there_is_no_result() -> None:
    space = {name: SPACE[name] for name in ("dropout", "l2_reg")}
    samples = PosteriorSamples(sweep(space, lambda p: p["dropout"], 0.01, 8, 0))
    assert batch_size_effects(samples) == []
    assert lr_scaling(samples) is None
