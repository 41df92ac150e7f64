"""Whether a sweep shows anything but luck: a permutation test, before any effect is spoken of.

The statistic is the score of a Gaussian process of the search's own kernel, y' (K + s I)^-1 y; it
is small where near configurations have near values. It is held against the same values dealt out
anew (Good, "Permutation, Parametric and Bootstrap Tests of Hypotheses",
2005), so that nothing is assumed of how values scatter.
"""

import numpy as np

from segsweep.search.gp_prior import Hyperparameters

FEWEST = 6
"""Finished trials below which nothing is said."""

LEVEL = 0.02
"""How often luck alone is taken for more; below 0.05, as trials are not drawn at random."""

DEALS = 1999

LUCK = 0.1
"""s as a share of the kernel's variance."""

CURVATURE, RESIDUAL_SD, LENGTH = 2.0, 0.4, 0.6
"""The middle of what the search's model thinks possible."""


def chance(points: np.ndarray, values: np.ndarray) -> float:
    """How often (0 to 1) luck alone would make so much of `values` (trials,) at `points`.

    `points` (trials, columns) are as the search's model sees them. 1 where there are too few.
    """
    if len(values) < FEWEST or np.ptp(values) == 0:
        return 1.0
    scores = values - values.mean()
    if np.ptp(points, axis=0).max() < 1e-9:
        return 1.0
    inverse = _inverse(points)
    rng = np.random.default_rng(0)
    dealt = rng.permuted(np.tile(scores, (DEALS, 1)), axis=1)
    seen = scores @ inverse @ scores
    others = np.einsum("di,di->d", dealt @ inverse, dealt)
    return float((1 + (others <= seen * (1 + 1e-12)).sum()) / (1 + DEALS))


def _inverse(points: np.ndarray) -> np.ndarray:
    one = np.ones(1)
    middle = Hyperparameters(
        LENGTH * np.ones((1, points.shape[1])),
        one,
        CURVATURE * one,
        RESIDUAL_SD * one,
        one,
        0 * one,
    )
    centring = np.eye(len(points)) - 1 / len(points)
    kernel = centring @ middle.covariance(points, points)[0] @ centring
    luck = LUCK * np.trace(kernel) / len(points)
    return np.asarray(np.linalg.inv(kernel + luck * np.eye(len(points))))
