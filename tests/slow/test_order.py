"""What matters most is found first, in sweeps as people run them."""

from functools import partial

import numpy as np

from known import REPORTED, like_the_report, sweep
from segsweep.analysis.evidence.importance import effects
from segsweep.analysis.evidence.worlds import Worlds


def test_the_order_is_right_in_most_sweeps_by_bayes() -> None:
    first = [
        effects(Worlds(sweep(REPORTED, partial(steep, "l2_reg"), 0.004, 30, seed)))[0].parameter
        for seed in range(10)
    ]
    assert first.count("l2_reg") >= 9


def steep(name: str, p: dict[str, float]) -> float:
    return like_the_report(p) - 0.05 * np.log10(p[name] / 1e-4) ** 2
