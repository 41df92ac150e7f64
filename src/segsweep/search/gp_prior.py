"""The hyperparameters of the search's model: a fixed quasi-random set, and the prior they make.

The prior holds what is known of training before the first trial: there is one good place, rather
near the middle of a sensible range, and the value falls from it like a parabola; pairs of
parameters interact (the best learning rate moves with the batch size); what a parabola misses is
smooth (Matern 5/2: Rasmussen and Williams, 2006, section 4.2); values are noisy.

Points are rows of numbers from 0 to 1, values are to be maximized.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import norm, qmc

SETS = 256
"""How many sets of hyperparameters there are."""

TASK_CORRELATIONS = np.array([0.0, 0.5, 0.8, 0.95])
"""How far an earlier study may go with this one: correlations."""

OFFSET = 1.5
PRIOR_LINEAR, PRIOR_QUADRATIC, PRIOR_INTERACTION = 0.6, 0.7, 0.5
"""Prior sd of the constant, and those of the parabola's parts in units of its curvature: linear
(where the summit is), quadratic, and products of two parameters."""


@dataclass(frozen=True)
class Hyperparameters:
    """Quasi-random sets: `length` (sets, columns) in units of the range, all others (sets,).

    `scale` is the sd of values in units of what was seen; `curvature`, `residual_sd` (the sd of what the
    parabola misses) and `noise` (sd) are in units of `scale`; `task_correlation` is the correlation (0 to 1)
    with an earlier study.
    """

    length: np.ndarray
    scale: np.ndarray
    curvature: np.ndarray
    residual_sd: np.ndarray
    noise: np.ndarray
    task_correlation: np.ndarray

    @classmethod
    def spread(cls, columns: int) -> "Hyperparameters":
        """Logarithms of all are normal: median and sd stand here."""
        z = normal(columns + 4, 0)

        def around(median: float, sd: float, which: int | slice) -> np.ndarray:
            return np.asarray(median * np.exp(sd * z[:, which]))

        return cls(
            length=around(0.6, 0.7, slice(4, None)),
            scale=around(1.2, 0.6, 0),
            curvature=around(2.0, 0.7, 1),
            residual_sd=around(0.4, 0.7, 2),
            noise=around(0.05, 1.5, 3),
            task_correlation=np.zeros(SETS),
        )

    def with_task_correlations(self) -> "Hyperparameters":
        """Half of the sets, each with every task_correlation: the trials must be free to deny it."""
        each = np.tile(np.arange(SETS // 2), len(TASK_CORRELATIONS))
        task_correlation = np.repeat(TASK_CORRELATIONS, SETS // 2)
        return replace(self.take(each), task_correlation=task_correlation)

    def take(self, which: np.ndarray | slice) -> "Hyperparameters":
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
        shape += (self.residual_sd**2)[:, None, None] * matern
        kin = self.task_correlation[:, None, None]
        return np.where(apart, kin * shape, OFFSET**2 + shape)

    def variance(self, points: np.ndarray) -> np.ndarray:
        """(sets, points): the diagonal of `covariance`."""
        parabola = (_terms(points) ** 2).sum(1)
        return OFFSET**2 + self.curvature[:, None] ** 2 * parabola + self.residual_sd[:, None] ** 2


def normal(columns: int, seed: int) -> np.ndarray:
    """(SETS, columns) quasi-random numbers of the standard normal law."""
    sequence = qmc.Sobol(columns, rng=np.random.default_rng(seed))
    return np.asarray(norm.ppf(np.clip(sequence.random(SETS), 1e-6, 1 - 1e-6)))


def _terms(points: np.ndarray) -> np.ndarray:
    centred = points - 0.5
    first, second = np.triu_indices(points.shape[1], 1)
    return np.concatenate(
        [
            PRIOR_LINEAR * centred,
            PRIOR_QUADRATIC * centred**2,
            PRIOR_INTERACTION * centred[:, first] * centred[:, second],
        ],
        axis=1,
    )
