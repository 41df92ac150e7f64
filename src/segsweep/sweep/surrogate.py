"""What the search believes: a Gaussian process that averages over its hyperparameters.

Nothing is fitted, so nothing can fail to converge or differ between two runs: a fixed quasi-random
set of hyperparameters is weighed by how well each explains what was seen (importance sampling).

The prior holds what is known of training before the first trial: there is one good place, rather
near the middle of a sensible range, and the value falls from it like a parabola; pairs of
parameters interact (the best learning rate moves with the batch size); what a parabola misses is
smooth (Matern 5/2: Rasmussen and Williams, 2006, section 4.2); values are noisy.

An earlier study may be known too: its values are another function of the same kind, that goes with
this one to some degree, with an offset of its own. How far the two go together is one more
hyperparameter (an intrinsic model of coregionalization: Bonilla, Chai and Williams, 2007), so a
study that misleads loses its weight as trials come in.

Points are rows of numbers from 0 to 1, values are to be maximized.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import norm, qmc

SETS, KEPT, PARTS = 256, 48, 8
"""How many sets of hyperparameters are weighed, and how many of the weightiest predict; they are
weighed in parts, so that a thousand trials fit in memory."""

LOSERS = 3.0
"""Values lie at most this many times as far below the median as the best lies above it: how badly
a trial failed says nothing about where the good ones are."""

KINSHIPS = np.array([0.0, 0.5, 0.8, 0.95])
"""How far an earlier study may go with this one: correlations."""

DARING = 0.6
"""How far from what is expected a trial in flight is imagined to end, in sd: with 0 the search
looks elsewhere too little, with 1 (Snoek, Larochelle and Adams, 2012) too much."""

OFFSET = 1.5
TILT, BOW, TWIST = 0.6, 0.7, 0.5
"""Prior sd of the constant, and those of the parabola's parts in units of its curvature: linear
(where the summit is), quadratic, and products of two parameters."""


@dataclass(frozen=True)
class Hyperparameters:
    """Quasi-random sets: `length` (sets, columns) in units of the range, all others (sets,).

    `scale` is the sd of values in units of what was seen; `curvature`, `rough` (the sd of what the
    parabola misses) and `noise` (sd) are in units of `scale`; `kinship` is the correlation (0 to 1)
    with an earlier study.
    """

    length: np.ndarray
    scale: np.ndarray
    curvature: np.ndarray
    rough: np.ndarray
    noise: np.ndarray
    kinship: np.ndarray

    @classmethod
    def spread(cls, columns: int) -> "Hyperparameters":
        """Logarithms of all are normal: median and sd stand here."""
        z = _normal(columns + 4, 0)

        def around(median: float, sd: float, which: int | slice) -> np.ndarray:
            return np.asarray(median * np.exp(sd * z[:, which]))

        return cls(
            length=around(0.6, 0.7, slice(4, None)),
            scale=around(1.2, 0.6, 0),
            curvature=around(2.0, 0.7, 1),
            rough=around(0.4, 0.7, 2),
            noise=around(0.05, 1.5, 3),
            kinship=np.zeros(SETS),
        )

    def with_kinships(self) -> "Hyperparameters":
        """Half of the sets, each with every kinship: the trials must be free to deny it."""
        each = np.tile(np.arange(SETS // 2), len(KINSHIPS))
        kinship = np.repeat(KINSHIPS, SETS // 2)
        return replace(self.take(each), kinship=kinship)

    def take(self, which: np.ndarray) -> "Hyperparameters":
        return Hyperparameters(**{name: array[which] for name, array in vars(self).items()})

    def mean(self, points: np.ndarray) -> np.ndarray:
        """(sets, points): the parabola that is expected."""
        return -self.curvature[:, None] * ((points - 0.5) ** 2).sum(1)

    def covariance(
        self, some: np.ndarray, others: np.ndarray, apart: np.ndarray | bool = False
    ) -> np.ndarray:
        """(sets, some, others), without noise; `apart` (some, others): not of the same study."""
        square = np.zeros((len(self.noise), len(some), len(others)))
        for column, length in enumerate(self.length.T):
            away = (some[:, None, column] - others[None, :, column]) ** 2
            square += away / (length**2)[:, None, None]
        root = np.sqrt(5 * square)
        matern = (1 + root + 5 / 3 * square) * np.exp(-root)
        parabola = _terms(some) @ _terms(others).T
        shape = (self.curvature**2)[:, None, None] * parabola
        shape += (self.rough**2)[:, None, None] * matern
        kin = self.kinship[:, None, None]
        return np.where(apart, kin * shape, OFFSET**2 + shape)

    def variance(self, points: np.ndarray) -> np.ndarray:
        """(sets, points): the diagonal of `covariance`."""
        parabola = (_terms(points) ** 2).sum(1)
        return OFFSET**2 + self.curvature[:, None] ** 2 * parabola + self.rough[:, None] ** 2


def _normal(columns: int, seed: int) -> np.ndarray:
    """(SETS, columns) quasi-random numbers of the standard normal law."""
    sequence = qmc.Sobol(columns, rng=np.random.default_rng(seed))
    return np.asarray(norm.ppf(np.clip(sequence.random(SETS), 1e-6, 1 - 1e-6)))


def _terms(points: np.ndarray) -> np.ndarray:
    centred = points - 0.5
    first, second = np.triu_indices(points.shape[1], 1)
    return np.concatenate(
        [TILT * centred, BOW * centred**2, TWIST * centred[:, first] * centred[:, second]], axis=1
    )


class Surrogate:
    """The belief after `values` (trials,) at `points` (trials, columns), and with trials in flight.

    `doubt` (trials,) is the sd of values beyond the common noise, `earlier` (trials,) says which
    are of an earlier study. How trials in flight will end is imagined, otherwise by each set of
    hyperparameters. `floor` is what the values of losers count as.
    """

    def __init__(
        self,
        points: np.ndarray,
        values: np.ndarray,
        in_flight: np.ndarray,
        doubt: np.ndarray | None = None,
        earlier: np.ndarray | None = None,
    ) -> None:
        self._earlier = np.zeros(len(values), bool) if earlier is None else earlier
        self.floor = _floor(values[~self._earlier])
        deviations, self.centre = _centred(values, self._earlier)
        self.unit = float(np.sqrt((deviations**2).mean())) if deviations.any() else 1.0
        self._doubt = np.zeros(len(values)) if doubt is None else doubt / self.unit
        every = Hyperparameters.spread(points.shape[1])
        if self._earlier.any():
            every = every.with_kinships()
        likelihood = np.concatenate(
            [
                self._explain(every.take(part), points, deviations)[0]
                for part in np.array_split(np.arange(len(every.noise)), PARTS)
            ]
        )
        best = np.argsort(-likelihood, kind="stable")[:KEPT]
        weight = np.exp(likelihood[best] - likelihood[best[0]])
        self.weight = weight / weight.sum()
        self.sets, self.points = every.take(best), points
        _, residual, self._factor, self._white = self._explain(self.sets, points, deviations)
        if len(in_flight):
            believed = self._imagined(in_flight)
            self.points = np.concatenate([points, in_flight])
            self._earlier = np.concatenate([self._earlier, np.zeros(len(in_flight), bool)])
            self._doubt = np.concatenate([self._doubt, np.zeros(len(in_flight))])
            self._factor = self._inverse_factor(self.sets, self.points)
            residual = np.concatenate([residual, believed], axis=1)
            self._white = np.einsum("hij,hj->hi", self._factor, residual)

    def _imagined(self, points: np.ndarray) -> np.ndarray:
        """(sets, points): how trials in flight may end, one draw for each set."""
        expected = self._deviation(points)[0]
        apart = self._earlier[:, None] & np.ones(len(points), bool)
        gain = self._factor @ self.sets.covariance(self.points, points, apart)
        left = self.sets.covariance(points, points) - gain.transpose(0, 2, 1) @ gain
        spread = np.linalg.cholesky(left + 1e-6 * np.eye(len(points)))
        return expected + DARING * np.einsum("hij,hj->hi", spread, _normal(len(points), 1)[:KEPT])

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
        noise = sets.noise[:, None] ** 2 + (self._doubt / sets.scale[:, None]) ** 2 + 1e-8
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
    return middle - LOSERS * (float(values.max()) - middle)
