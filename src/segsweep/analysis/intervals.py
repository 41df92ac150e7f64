"""95 % intervals of posterior samples, widened to their coverage on simulated sweeps."""

import numpy as np
from scipy.special import expit, logit

LEVEL = 0.95
"""The level of all intervals in findings."""

WIDENING = 1.2
"""Factor on the distances of both ends from the median: without it, intervals of values and of
their differences covered the truth in 90 % of simulated sweeps (`benchmarks/calibration.py`)."""

WIDENING_OF_SHARES = 1.8
"""The same for shares (0 to 1), on the scale of their logit."""


def interval(
    samples: np.ndarray, widening: float = WIDENING, level: float = LEVEL
) -> tuple[float, float]:
    """Return the interval of `samples` (samples,), the 95 % interval unless `level` is given."""
    tail = (1 - level) / 2
    low, median, high = np.quantile(samples, [tail, 0.5, 1 - tail]).tolist()
    return median - widening * (median - low), median + widening * (high - median)


def p_positive(differences: np.ndarray) -> float:
    """Return P(a difference is above 0) from its samples (samples,), widened as its interval is."""
    median = np.median(differences)
    return float(np.mean(median + WIDENING * (differences - median) > 0))


def share_interval(shares: np.ndarray) -> tuple[float, float]:
    """Return the 95 % interval of `shares` (samples,), from 0 to 1."""
    low, high = interval(logit(np.clip(shares, 1e-4, 1 - 1e-4)), WIDENING_OF_SHARES)
    return float(expit(low)), float(expit(high))
