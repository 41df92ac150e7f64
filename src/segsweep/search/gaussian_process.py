"""What the search believes: a Gaussian process that averages over its hyperparameters.

Nothing is fitted, so nothing can fail to converge or differ between two runs: a fixed quasi-random
set of hyperparameters is weighed by how well each explains what was seen (importance sampling).

An earlier study may be known too: its values are another function of the same kind, that goes with
this one to some degree, with an offset of its own. How far the two go together is one more
hyperparameter (an intrinsic model of coregionalization: Bonilla, Chai and Williams, 2007), so a
study that misleads loses its weight as trials come in.

Points are rows of numbers from 0 to 1, values are to be maximized.
"""

import math

import numpy as np
from scipy.stats import norm

from segsweep.search.gp_prior import Hyperparameters, normal

KEPT, PARTS = 48, 8
"""How many of the weightiest sets of hyperparameters predict; they are weighed in parts, so that a
thousand trials fit in memory."""

CLIP_BELOW = 3.0
"""Values lie at most this many times as far below the median as the best lies above it: how badly
a trial failed says nothing about where the good ones are."""

FANTASY_SD = 0.6
"""How far from what is expected a trial in flight is imagined to end, in sd: with 0 the search
looks elsewhere too little, with 1 (Snoek, Larochelle and Adams, 2012) too much."""


class Surrogate:
    """The belief after `values` (trials,) at `points` (trials, columns), and with trials in flight.

    `noise_sd` (trials,) is the sd of values beyond the common noise, `earlier` (trials,) says which
    are of an earlier study. How trials in flight will end is imagined, otherwise by each set of
    hyperparameters. `floor` is what the values of losers count as; `evidence` the log likelihood of
    what was seen, up to a constant.
    """

    def __init__(
        self,
        points: np.ndarray,
        values: np.ndarray,
        in_flight: np.ndarray,
        noise_sd: np.ndarray | None = None,
        earlier: np.ndarray | None = None,
    ) -> None:
        self._earlier = np.zeros(len(values), bool) if earlier is None else earlier
        self.floor = _floor(values[~self._earlier])
        deviations, self.centre = _centred(values, self._earlier)
        self.unit = float(np.sqrt((deviations**2).mean())) if deviations.any() else 1.0
        self._noise_sd = np.zeros(len(values)) if noise_sd is None else noise_sd / self.unit
        every = Hyperparameters.spread(points.shape[1])
        if self._earlier.any():
            every = every.with_task_correlations()
        likelihood = np.concatenate(
            [
                self._explain(every.take(part), points, deviations)[0]
                for part in np.array_split(np.arange(len(every.noise)), PARTS)
            ]
        )
        best = np.argsort(-likelihood, kind="stable")[:KEPT]
        weight = np.exp(likelihood[best] - likelihood[best[0]])
        self.weight = weight / weight.sum()
        self.evidence = float(np.logaddexp.reduce(likelihood))
        self.sets, self.points = every.take(best), points
        _, residual, self._factor, self._white = self._explain(self.sets, points, deviations)
        if len(in_flight):
            posterior_of_trials = self._imagined(in_flight)
            self.points = np.concatenate([points, in_flight])
            self._earlier = np.concatenate([self._earlier, np.zeros(len(in_flight), bool)])
            self._noise_sd = np.concatenate([self._noise_sd, np.zeros(len(in_flight))])
            self._factor = self._inverse_factor(self.sets, self.points)
            residual = np.concatenate([residual, posterior_of_trials], axis=1)
            self._white = np.einsum("hij,hj->hi", self._factor, residual)

    def _imagined(self, points: np.ndarray) -> np.ndarray:
        """(sets, points): how trials in flight may end, one draw for each set."""
        expected, spread = self._jointly(slice(None), points)
        return expected + FANTASY_SD * np.einsum(
            "hij,hj->hi", spread, normal(len(points), 1)[:KEPT]
        )

    def _jointly(self, which: slice, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of some sets: how far the prior's mean was off at all points together, and the Cholesky
        factor of the covariance of that."""
        sets = self.sets.take(which)
        apart = self._earlier[:, None] & np.ones(len(points), bool)
        gain = self._factor[which] @ sets.covariance(self.points, points, apart)
        left = sets.covariance(points, points) - gain.transpose(0, 2, 1) @ gain
        spread = np.linalg.cholesky(left + 1e-6 * np.eye(len(points)))
        return np.einsum("hi,hip->hp", self._white[which], gain), spread

    def _explain(
        self, sets: Hyperparameters, points: np.ndarray, deviations: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """(sets, ...): log likelihood, residuals, inverse factors, white residuals."""
        residual = deviations / self.unit / sets.scale[:, None] - sets.mean(points)
        factor = self._inverse_factor(sets, points)
        white = np.einsum("hij,hj->hi", factor, residual)
        likelihood = -0.5 * (white**2).sum(1) - len(deviations) * np.log(sets.scale)
        likelihood += np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(1)
        return likelihood, residual, factor, white

    @property
    def knows(self) -> bool:
        """Whether anything of this study is known, or in flight."""
        return not self._earlier.all()

    def predict(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and sd of the value without noise, (points,) each."""
        means, sds = self._each(points)
        mean = self.weight @ means
        variance = self.weight @ (sds**2 + (means - mean) ** 2)
        return self.centre + self.unit * mean, self.unit * np.sqrt(variance)

    @property
    def noise(self) -> float:
        """The sd of a value's luck, as far as it is known."""
        return self.unit * float(self.weight @ (self.sets.scale * self.sets.noise))

    def draws(self, points: np.ndarray, count: int, seed: int) -> np.ndarray:
        """(count, points): functions that may be the true one, without noise, each at all points.

        Their share of each set of hyperparameters is its weight.
        """
        rng = np.random.default_rng(seed)
        parts = (np.cumsum(self.weight) * count + rng.random()).astype(int)
        found = []
        for i, many in enumerate(np.diff(parts, prepend=0)):
            if many:
                which = slice(i, i + 1)
                (off,), (spread,) = self._jointly(which, points)
                drawn = off + rng.standard_normal((many, len(points))) @ spread.T
                found.append(self.sets.scale[i] * (self.sets.take(which).mean(points) + drawn))
        return self.centre + self.unit * np.concatenate(found)

    def expected_improvement(self, points: np.ndarray) -> np.ndarray:
        """(points,): by how much more than the best trial so far, in units of the values' sd."""
        means, sds = self._each(points)
        best = self._each(self.points[~self._earlier])[0].max(1, keepdims=True)
        above = (means - best) / sds
        return np.asarray(self.weight @ (sds * (above * norm.cdf(above) + norm.pdf(above))))

    def _each(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        deviation, variance = self._deviation(points)
        scale = self.sets.scale[:, None]
        return scale * (self.sets.mean(points) + deviation), scale * np.sqrt(variance)

    def _deviation(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(sets, points): how far the prior's mean was off, and the variance of that."""
        apart = self._earlier[:, None] & np.ones(len(points), bool)
        gain = self._factor @ self.sets.covariance(self.points, points, apart)
        mean = np.einsum("hi,hip->hp", self._white, gain)
        left = self.sets.variance(points) - np.einsum("hip,hip->hp", gain, gain)
        return mean, np.maximum(left, 1e-10)

    def _inverse_factor(self, sets: Hyperparameters, points: np.ndarray) -> np.ndarray:
        """(sets, points, points): the inverse of the Cholesky factor of the values' covariance."""
        whole = sets.covariance(points, points, self._earlier[:, None] != self._earlier)
        noise = sets.noise[:, None] ** 2 + (self._noise_sd / sets.scale[:, None]) ** 2 + 1e-8
        whole += noise[:, :, None] * np.eye(len(points))
        return np.asarray(np.linalg.inv(np.linalg.cholesky(whole)))


def _centred(values: np.ndarray, earlier: np.ndarray) -> tuple[np.ndarray, float]:
    """Values less the mean of their study, losers drawn in; and this study's mean, as far known."""
    deviations, centre = np.zeros(len(values)), 0.0
    for study in (earlier, ~earlier):
        if study.any():
            kept = np.maximum(values[study], _floor(values[study]))
            centre = float(kept.mean())
            deviations[study] = kept - centre
    return deviations, centre


def _floor(values: np.ndarray) -> float:
    """What the values of losers count as."""
    if len(values) < 3:
        return -math.inf
    middle = float(np.median(values))
    return middle - CLIP_BELOW * (float(values.max()) - middle)
