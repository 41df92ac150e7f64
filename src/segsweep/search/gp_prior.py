"""The Gaussian process prior: its mean, its covariance, and a fixed set of kernel hyperparameters.

The prior states what is known about training before the first trial. There is one optimum, near the
middle of a sensible range, and the value falls off around it like a parabola. Pairs of parameters
interact (the best learning rate depends on the batch size). What a parabola does not describe is
smooth (Matern 5/2: Rasmussen and Williams, 2006, section 4.2). Values are noisy.

Points are rows of numbers from 0 to 1; values are to be maximized.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import norm, qmc

SAMPLES = 256
"""Number of quasi-random samples of the hyperparameters."""

TASK_CORRELATIONS = np.array([0.0, 0.5, 0.8, 0.95])
"""Correlations that an earlier study may have with this one."""

OFFSET = 1.5
"""Prior standard deviation of the constant."""

PRIOR_LINEAR, PRIOR_QUADRATIC, PRIOR_INTERACTION = 0.6, 0.7, 0.5
"""Prior standard deviations of the parabola's terms, in units of its curvature: linear (where the
optimum is), quadratic, and products of two parameters."""


@dataclass(frozen=True)
class KernelHyperparameters:
    """Samples of the hyperparameters of the Gaussian process.

    Attributes:
        length: Length scales of the Matern kernel, (samples, columns), in units of the range.
        scale: Standard deviation of the values, (samples,), in units of that of the observed ones.
        curvature: Curvature of the parabola, (samples,), in units of `scale`.
        residual_sd: Standard deviation of what the parabola does not describe, (samples,), in
            units of `scale`.
        noise: Standard deviation of the noise, (samples,), in units of `scale`.
        task_correlation: Correlation (0 to 1) with an earlier study, (samples,).
    """

    length: np.ndarray
    scale: np.ndarray
    curvature: np.ndarray
    residual_sd: np.ndarray
    noise: np.ndarray
    task_correlation: np.ndarray

    @classmethod
    def sample(cls, columns: int) -> "KernelHyperparameters":
        """Return `SAMPLES` quasi-random samples, the same in every process.

        All hyperparameters are log-normal; `lognormal` takes their median and the standard
        deviation of their logarithm.
        """
        z = normal(columns + 4, 0)

        def lognormal(median: float, sd: float, column: int | slice) -> np.ndarray:
            return np.asarray(median * np.exp(sd * z[:, column]))

        return cls(
            length=lognormal(0.6, 0.7, slice(4, None)),
            scale=lognormal(1.2, 0.6, 0),
            curvature=lognormal(2.0, 0.7, 1),
            residual_sd=lognormal(0.4, 0.7, 2),
            noise=lognormal(0.05, 1.5, 3),
            task_correlation=np.zeros(SAMPLES),
        )

    def with_task_correlations(self) -> "KernelHyperparameters":
        """Return half of the samples, each combined with every one of `TASK_CORRELATIONS`.

        0 is one of them, so the trials can show that the earlier study does not help.
        """
        half = np.tile(np.arange(SAMPLES // 2), len(TASK_CORRELATIONS))
        task_correlation = np.repeat(TASK_CORRELATIONS, SAMPLES // 2)
        return replace(self.take(half), task_correlation=task_correlation)

    def take(self, which: np.ndarray | slice) -> "KernelHyperparameters":
        """Return the samples at these indices."""
        return KernelHyperparameters(**{name: array[which] for name, array in vars(self).items()})

    def mean(self, points: np.ndarray) -> np.ndarray:
        """Return the prior mean, a parabola: (samples, points)."""
        return -self.curvature[:, None] * ((points - 0.5) ** 2).sum(1)

    def covariance(
        self, left: np.ndarray, right: np.ndarray, other_study: np.ndarray | bool = False
    ) -> np.ndarray:
        """Return the prior covariance without noise: (samples, left, right).

        Args:
            left: Points, (left, columns).
            right: Points, (right, columns).
            other_study: Whether two points belong to different studies, (left, right).
        """
        distances = [(left[:, None, i] - right[None, :, i]) ** 2 for i in range(left.shape[1])]
        parabola = _terms(left) @ _terms(right).T
        lengths, curvature, residual = self.length**2, self.curvature**2, self.residual_sd**2
        out = np.empty((len(self.noise), len(left), len(right)))
        # one sample at a time, because one matrix fits in the CPU's cache
        for i, correlation in enumerate(self.task_correlation):
            square = np.zeros_like(parabola)
            for distance, length in zip(distances, lengths[i], strict=True):
                square += distance / length
            root = np.sqrt(5 * square)
            matern = (1 + root + 5 / 3 * square) * np.exp(-root)
            shape = curvature[i] * parabola
            shape += residual[i] * matern
            out[i] = np.where(other_study, correlation * shape, OFFSET**2 + shape)
        return out

    def variance(self, points: np.ndarray) -> np.ndarray:
        """Return the diagonal of `covariance`: (samples, points)."""
        parabola = (_terms(points) ** 2).sum(1)
        return OFFSET**2 + self.curvature[:, None] ** 2 * parabola + self.residual_sd[:, None] ** 2


def normal(columns: int, seed: int) -> np.ndarray:
    """Return (SAMPLES, columns) quasi-random numbers of the standard normal distribution."""
    sequence = qmc.Sobol(columns, rng=np.random.default_rng(seed))
    return np.asarray(norm.ppf(np.clip(sequence.random(SAMPLES), 1e-6, 1 - 1e-6)))


def _terms(points: np.ndarray) -> np.ndarray:
    """Return the terms of the parabola, each times its prior standard deviation."""
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
