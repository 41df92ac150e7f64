"""Samples of the true response surface of a sweep, drawn from the posterior of the surrogate.

Every finding is computed for each sample; the spread over the samples is its uncertainty.
"""

import copy
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from scipy.stats import qmc
from threadpoolctl import threadpool_limits

from segsweep.analysis.completed_sweep import CompletedSweep
from segsweep.analysis.intervals import interval
from segsweep.analysis.permutation_test import MIN_TRIALS, SIGNIFICANCE_LEVEL, permutation_p_value
from segsweep.config.metric_names import is_share
from segsweep.config.objective import sign
from segsweep.core.thinning import evenly
from segsweep.search.gaussian_process import Fit
from segsweep.search.surrogate import Varied, decode, encode, fit_surrogate
from segsweep.search.trial_result import TrialResult, Values

SAMPLES = 400
"""How many functions are drawn from the posterior."""

TEMPERING, MIXED = 0.4, 16
"""Samples are drawn from MIXED of the surrogate's hyperparameters, resampled by their weights to
the power TEMPERING. Without it few of them have all the weight, and samples spread too little."""

MANY_TRIALS, MIXED_OF_MANY_TRIALS = 100, 6
"""Above this number of trials, fewer are mixed: each costs more time, and they differ less."""

DESIGN_POINTS = 512
"""Configurations, spread evenly over the whole space, at which effects are evaluated."""

NEIGHBOURS, STEPS = 32, (0.15, 0.05)
"""Candidates around each of the best trials for each step (sd, as a share of the range)."""

MAX_TRIALS = 400
"""The surrogate is fitted to at most this many trials: the best half of that number, and an even
selection of the others by rank. Its time grows with the third power of the number."""

MAX_TRIALS_SECONDARY = 200
"""The same for the secondary surrogates, if a sweep has more than MAX_TRIALS trials. They model the
scaling of the learning rate, the run time and the next space."""


class PosteriorSamples:
    """The posterior after a sweep. Values are in the metric's units, with larger ones better.

    Attributes:
        varied: The searched parameters.
        goal: Whether the metric is maximised or minimised.
        sign: 1 or -1; multiply a value by it to get the metric's own sign.
        observed: The trials that the surrogate is fitted to.
        for_secondary: The trials that secondary surrogates are fitted to; see MAX_TRIALS_SECONDARY.
        finished: The trials in `observed` that have a value.
        surrogate: The fitted Gaussian process.
    """

    def __init__(
        self,
        sweep: CompletedSweep,
        fit: Fit | None = None,
        is_secondary: bool = False,
    ) -> None:
        """Fit the surrogate to a sweep.

        Args:
            sweep: The sweep.
            fit: The fit to the same trials, if it is known already.
            is_secondary: Whether this is a secondary surrogate; see MAX_TRIALS_SECONDARY.
        """
        self.varied = sweep.varied
        self.goal, self.sign = sweep.goal, sign(sweep.goal)
        self._upper_bound = 1.0 if self.sign > 0 and _is_bounded_by_1(sweep) else np.inf
        self.for_secondary = _thin(sweep.observed, self.sign, MAX_TRIALS_SECONDARY)
        all_used = _thin(sweep.observed, self.sign, MAX_TRIALS)
        self.observed = self.for_secondary if is_secondary else all_used
        self.finished = [trial for trial in self.observed if trial.value is not None]
        with threadpool_limits(1):  # the bits do not depend on the number of threads
            self.surrogate = fit_surrogate(self.varied, self.observed, [], sweep.goal, fit=fit)
        self._tempered = copy.copy(self.surrogate)  # for samples
        weight = np.cumsum(self.surrogate.weight**TEMPERING)
        count = MIXED if len(self.observed) <= MANY_TRIALS else MIXED_OF_MANY_TRIALS
        ends = (count * weight / weight[-1] + 0.5).astype(int)
        self._tempered.weight = np.diff(ends, prepend=0) / count

    def draw(self, configurations: Sequence[Values], seed: int = 0) -> np.ndarray:
        """Return the value of each configuration in each sample, (SAMPLES, configurations)."""
        return self.draw_at(encode(self.varied, configurations), seed)

    def draw_at(self, points: np.ndarray, seed: int = 0) -> np.ndarray:
        """Return the value at encoded points (points, columns) in each sample, (SAMPLES, points).

        The points may lie outside 0 to 1.
        """
        with threadpool_limits(1):
            drawn = self._tempered.sample(points, SAMPLES, seed)
        return np.minimum(drawn, self._upper_bound)

    def predict(self, configurations: Sequence[Values]) -> tuple[np.ndarray, np.ndarray]:
        """Return the posterior mean and sd without noise, (configurations,) each."""
        with threadpool_limits(1):
            means, sds = self.surrogate.predict(encode(self.varied, configurations))
        return np.minimum(means, self._upper_bound), sds

    def mean_at(self, points: np.ndarray) -> np.ndarray:
        """Return the mean of what `draw_at` draws, (points,)."""
        with threadpool_limits(1):
            return np.minimum(self._tempered.predict(points)[0], self._upper_bound)

    def value_interval(self, values: np.ndarray) -> tuple[float, float]:
        """Return the 95 % interval of values with the metric's own sign, within its bounds."""
        low, high = interval(values)
        return low, min(high, self._upper_bound)

    @property
    def noise_sd(self) -> float:
        """The sd of the value of one training around the true value of its configuration."""
        return self.surrogate.noise_sd

    @cached_property
    def p_value(self) -> float:
        """The p-value (0 to 1) of the permutation test: no parameter has an effect."""
        points = encode(self.varied, [trial.parameters for trial in self.finished])
        values = self.sign * np.array([trial.value for trial in self.finished], dtype=float)
        return permutation_p_value(points, np.maximum(values, self.surrogate.floor))

    @property
    def is_significant(self) -> bool:
        """Whether the values depend on the parameters, by the permutation test."""
        return self.p_value <= SIGNIFICANCE_LEVEL

    @property
    def significance(self) -> str:
        """The result of the test as the end of a sentence, `are not significant (...)`."""
        if len(self.finished) < MIN_TRIALS:
            return f"were not tested ({len(self.finished)} finished trials, {MIN_TRIALS} needed)"
        if self.p_value >= 1:
            return "were not tested (all trials have the same value or the same configuration)"
        negation = "" if self.is_significant else "not "
        return f"are {negation}significant (permutation p = {self.p_value:.2g})"

    @cached_property
    def design_points(self) -> list[dict[str, Any]]:
        """Configurations spread evenly over the whole space."""
        return sobol_configurations(self.varied, DESIGN_POINTS)

    @cached_property
    def design_samples(self) -> np.ndarray:
        """The value at each design point in each sample, (SAMPLES, DESIGN_POINTS).

        Values below the surrogate's floor count as the floor: the surrogate is fitted to values
        that are clipped in this way, so it does not know how far the worst ones are below.
        """
        return np.maximum(self.draw(self.design_points), self.surrogate.floor)

    @cached_property
    def candidates(self) -> list[dict[str, Any]]:
        """The design points, and configurations around the best trials."""
        rng = np.random.default_rng(5)
        neighbours = [
            perturb(self.varied, centre, step, rng)
            for centre in self.best_configurations
            for step in STEPS
            for _ in range(NEIGHBOURS)
        ]
        return [*self.design_points, *neighbours]

    @cached_property
    def optima(self) -> list[dict[str, Any]]:
        """The best of the candidates in each sample, (SAMPLES).

        The samples are not tempered (see TEMPERING): the next ranges would contain rare optima.
        """
        with threadpool_limits(1):
            drawn = self.surrogate.sample(encode(self.varied, self.candidates), SAMPLES, seed=1)
        best = np.minimum(drawn, self._upper_bound).argmax(1)
        return [self.candidates[i] for i in best]

    @cached_property
    def ranked(self) -> list[TrialResult]:
        """The finished trials, best posterior mean first."""
        means, _ = self.predict([trial.parameters for trial in self.finished])
        return [self.finished[i] for i in np.argsort(-means, kind="stable")]

    @cached_property
    def configurations(self) -> list[list[TrialResult]]:
        """The runs of each different configuration, best posterior mean first.

        Runs with equal searched parameters are replicates, such as seeds or folds.
        """
        runs: dict[tuple[Any, ...], list[TrialResult]] = {}
        for trial in self.ranked:
            runs.setdefault(tuple(trial.parameters[name] for name in self.varied), []).append(trial)
        return list(runs.values())

    @property
    def best_configurations(self) -> list[Values]:
        """The three configurations with the best posterior mean."""
        return [runs[0].parameters for runs in self.configurations[:3]]

    @property
    def incumbent(self) -> TrialResult:
        """The trial with the best posterior mean; of replicates, the first."""
        return self.ranked[0]


def sobol_configurations(varied: Varied, count: int, seed: int = 1) -> list[dict[str, Any]]:
    """Return quasi-random configurations, uniform on the scales that the surrogate uses."""
    shares = qmc.Sobol(len(varied), rng=np.random.default_rng(seed)).random(count).tolist()
    return [decode(varied, row) for row in shares]


def perturb(
    varied: Varied, centre: Mapping[str, Any], step: float, rng: np.random.Generator
) -> dict[str, Any]:
    """Return a configuration near `centre`; `step` is the sd as a share of each range."""
    moves = rng.normal(0, step, len(varied)).tolist()
    shares = [
        float(np.clip(p.to_unit(centre[name]) + move, 0, 1))
        for (name, p), move in zip(varied.items(), moves, strict=True)
    ]
    return decode(varied, shares)


def _is_bounded_by_1(sweep: CompletedSweep) -> bool:
    """Whether the metric cannot exceed 1, by its name and its values."""
    return is_share(sweep.metric) and all(0 <= (trial.value or 0) <= 1 for trial in sweep.finished)


def _thin(observed: Sequence[TrialResult], direction: int, most: int) -> list[TrialResult]:
    """Return all trials, or `most` of them if they are more than MAX_TRIALS; see MAX_TRIALS."""
    if len(observed) <= MAX_TRIALS:
        return list(observed)
    worst = min(direction * trial.value for trial in observed if trial.value is not None)
    order = sorted(
        range(len(observed)),
        key=lambda i: -(worst if (v := observed[i].value) is None else direction * v),
    )
    half = most // 2
    kept = sorted([*order[:half], *evenly(order[half:], half)])
    return [observed[i] for i in kept]
