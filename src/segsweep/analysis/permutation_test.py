"""Permutation test: whether the values of a sweep depend on its parameters at all.

No effect is reported unless this test is significant. The statistic is y' (K + s I)^-1 y, the
score of a Gaussian process with the surrogate's kernel; it is small where similar configurations
have similar values. It is compared with the same statistic for randomly permuted values (Good,
"Permutation, Parametric and Bootstrap Tests of Hypotheses", 2005), so nothing is assumed about the
distribution of the values.
"""

import numpy as np

from segsweep.search.gp_prior import KernelHyperparameters

MIN_TRIALS = 6
"""The test needs at least this many finished trials."""

SIGNIFICANCE_LEVEL = 0.02
"""Below the usual 0.05, since the trials of a Bayesian search are not drawn at random."""

PERMUTATIONS = 1999

NOISE_SHARE = 0.1
"""s, as a share of the kernel's mean variance."""

CURVATURE, RESIDUAL_SD, LENGTH = 2.0, 0.4, 0.6
"""Kernel hyperparameters: the prior medians of the surrogate."""


def permutation_p_value(points: np.ndarray, values: np.ndarray) -> float:
    """Return the p-value (0 to 1) of `values` under random permutation.

    Args:
        points: Encoded configurations, (trials, columns), as the surrogate sees them.
        values: The metric of each trial, (trials,).

    Returns:
        The p-value; 1 where there are too few trials, or all values or all points are equal.
    """
    if len(values) < MIN_TRIALS or np.ptp(values) == 0:
        return 1.0
    scores = values - values.mean()
    if np.ptp(points, axis=0).max() < 1e-9:
        return 1.0
    inverse = _inverse_covariance(points)
    rng = np.random.default_rng(0)
    permuted = rng.permuted(np.tile(scores, (PERMUTATIONS, 1)), axis=1)
    observed = scores @ inverse @ scores
    statistics = np.einsum("di,di->d", permuted @ inverse, permuted)
    return float((1 + (statistics <= observed * (1 + 1e-12)).sum()) / (1 + PERMUTATIONS))


def _inverse_covariance(points: np.ndarray) -> np.ndarray:
    """Return (K + s I)^-1 of the centred kernel, (trials, trials)."""
    one = np.ones(1)
    medians = KernelHyperparameters(
        LENGTH * np.ones((1, points.shape[1])),
        one,
        CURVATURE * one,
        RESIDUAL_SD * one,
        one,
        0 * one,
    )
    centring = np.eye(len(points)) - 1 / len(points)
    kernel = centring @ medians.covariance(points, points)[0] @ centring
    noise = NOISE_SHARE * np.trace(kernel) / len(points)
    return np.asarray(np.linalg.inv(kernel + noise * np.eye(len(points))))
