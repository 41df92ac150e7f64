"""Batches are told apart where they differ."""

import numpy as np
import pytest

from segsweep.analysis.importance import interval
from segsweep.analysis.lr_scaling import isolate, scaling
from segsweep.analysis.posterior import Worlds
from synthetic_sweeps import LOG, sweep

SPACE = {
    "batch_size": {"values": [4, 8, 16, 32, 64, 128]},
    "learning_rate": {"distribution": LOG, "min": 1e-5, "max": 1e-2},
    "dropout": {"min": 0.0, "max": 0.5},
    "l2_reg": {"distribution": LOG, "min": 1e-6, "max": 1e-2},
}


def test_the_best_batch_and_what_others_lose() -> None:
    def value(p: dict[str, float]) -> float:
        return 0.6 - 0.01 * abs(np.log2(p["batch_size"] / 16)) - 0.1 * (p["dropout"] - 0.2) ** 2

    isolated = isolate(Worlds(sweep(SPACE, value, 0.002, 40, 0, "random")))  # type: ignore[arg-type]
    assert [one.batch_size for one in isolated] == [4, 8, 16, 32, 64, 128]
    best = [float(one.best.mean()) for one in isolated]
    assert int(np.argmax(best)) == 2
    assert best[2] == pytest.approx(0.6, abs=0.004)
    lost = isolated[2].best - isolated[5].best
    low, high = interval(lost)
    assert low <= 0.03 <= high
    assert all((one.best >= one.typical).all() for one in isolated)


def test_without_a_batch_or_a_learning_rate_nothing_is_said() -> None:
    space = {name: SPACE[name] for name in ("dropout", "l2_reg")}
    worlds = Worlds(sweep(space, lambda p: p["dropout"], 0.01, 8, 0))
    assert isolate(worlds) == []
    assert scaling(worlds) is None
