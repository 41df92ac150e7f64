"""What the true surface of a sweep may be: functions drawn from the belief of the search's model.

A finding is asked of each of these *worlds*; how far the answers agree is how sure it is.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from scipy.stats import qmc
from threadpoolctl import threadpool_limits

from segsweep.analysis.completed_sweep import CompletedSweep
from segsweep.analysis.permutation_test import LEVEL, chance
from segsweep.config.objective import sign
from segsweep.search.encoding import Varied, columns, fit_surrogate, placed
from segsweep.search.trial_result import TrialResult, Values

WORLDS = 400
"""How many functions are drawn."""

DESIGN = 512
"""Configurations, evenly over the whole space, at which effects are read off."""

EACH, NEAR = 32, (0.15, 0.05)
"""Configurations around each of the best trials for each step, in shares of the range (sd)."""

SHARES = ("dice", "iou", "jaccard", "acc", "f1", "auc", "precision", "recall")

MOST = 400
"""Trials that the model is given, the best and an even choice of the others: what more would tell
is not worth their time, which grows with the third power."""


class Worlds:
    """What is posterior_of_trials after a sweep. Values are in the metric's units, to be maximized.

    `varied` is the space that is looked at: the sweep's own, or a wider one.
    """

    def __init__(self, sweep: CompletedSweep, varied: Varied | None = None) -> None:
        self.varied = sweep.varied if varied is None else varied
        self.goal, self.sign = sweep.goal, sign(sweep.goal)
        self.most = 1.0 if self.sign > 0 and _is_share(sweep) else np.inf
        self.observed = _fewer(sweep.observed, self.sign)
        self.finished = [one for one in self.observed if one.value is not None]
        with threadpool_limits(1):  # the bits do not depend on the number of threads
            self.belief = fit_surrogate(self.varied, self.observed, [], sweep.goal)

    def draws(self, configurations: Sequence[Values], seed: int = 0) -> np.ndarray:
        """(WORLDS, configurations): the value of each, in each world."""
        with threadpool_limits(1):
            drawn = self.belief.draws(columns(self.varied, configurations), WORLDS, seed)
        return np.minimum(drawn, self.most)

    def expected(self, configurations: Sequence[Values]) -> tuple[np.ndarray, np.ndarray]:
        """Mean and sd of the value without luck, (configurations,) each."""
        with threadpool_limits(1):
            means, sds = self.belief.predict(columns(self.varied, configurations))
        return np.minimum(means, self.most), sds

    @property
    def noise(self) -> float:
        """The sd of a value's luck."""
        return self.belief.noise

    @cached_property
    def chance(self) -> float:
        """How often (0 to 1) luck alone would look as much like an effect."""
        points = columns(self.varied, [one.parameters for one in self.finished])
        values = self.sign * np.array([one.value for one in self.finished], dtype=float)
        return chance(points, np.maximum(values, self.belief.floor))

    @property
    def tell(self) -> bool:
        """Whether the sweep tells anything of its parameters."""
        return self.chance <= LEVEL

    @cached_property
    def design(self) -> list[dict[str, Any]]:
        """Configurations evenly over the whole space."""
        return spread(self.varied, DESIGN)

    @cached_property
    def on_design(self) -> np.ndarray:
        """(WORLDS, DESIGN)."""
        return self.draws(self.design)

    @cached_property
    def candidates(self) -> list[dict[str, Any]]:
        """The design, and configurations around the best trials."""
        rng = np.random.default_rng(5)
        around = [
            near(self.varied, centre, step, rng)
            for centre in self.best_places
            for step in NEAR
            for _ in range(EACH)
        ]
        return [*self.design, *around]

    @cached_property
    def winners(self) -> list[dict[str, Any]]:
        """(WORLDS): the best of the candidates in each world."""
        drawn = self.draws(self.candidates, seed=1)
        return [self.candidates[i] for i in drawn.argmax(1)]

    @cached_property
    def ranked(self) -> list[TrialResult]:
        """The finished trials, the best posterior mean first."""
        means, _ = self.expected([one.parameters for one in self.finished])
        return [self.finished[i] for i in np.argsort(-means, kind="stable")]

    @property
    def best_places(self) -> list[Values]:
        """The best three of them."""
        return [one.parameters for one in self.ranked[:3]]

    @property
    def incumbent(self) -> TrialResult:
        """The best of them."""
        return self.ranked[0]


def _is_share(sweep: CompletedSweep) -> bool:
    """Whether the metric ends at 1, as Dice and IoU do."""
    named = any(word in sweep.metric.lower() for word in SHARES)
    return named and all(0 <= (trial.value or 0) <= 1 for trial in sweep.finished)


def spread(varied: Varied, count: int, seed: int = 1) -> list[dict[str, Any]]:
    """Quasi-random configurations, even on the scales that the search's model sees."""
    shares = qmc.Sobol(len(varied), rng=np.random.default_rng(seed)).random(count).tolist()
    return [placed(varied, row) for row in shares]


def near(
    varied: Varied, centre: Mapping[str, Any], step: float, rng: np.random.Generator
) -> dict[str, Any]:
    """A configuration around another; `step` is the sd in shares of the ranges."""
    moves = rng.normal(0, step, len(varied)).tolist()
    shares = [
        float(np.clip(p.to_unit(centre[name]) + move, 0, 1))
        for (name, p), move in zip(varied.items(), moves, strict=True)
    ]
    return placed(varied, shares)


def _fewer(observed: Sequence[TrialResult], upwards: int) -> list[TrialResult]:
    if len(observed) <= MOST:
        return list(observed)
    worst = min(upwards * one.value for one in observed if one.value is not None)
    order = sorted(
        range(len(observed)),
        key=lambda i: -(worst if (v := observed[i].value) is None else upwards * v),
    )
    best, rest = order[: MOST // 2], order[MOST // 2 :]
    others = [rest[i * len(rest) // (MOST // 2)] for i in range(MOST // 2)]
    return [observed[i] for i in sorted(best + others)]
