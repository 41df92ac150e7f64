"""A finding: a sentence about a sweep with its number, interval and confidence."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from scipy.stats import beta

Confidence = Literal["high", "likely", "inconclusive"]

HIGH, LIKELY = 0.975, 0.8
"""Posterior probabilities from which the confidence is high or likely."""


@dataclass(frozen=True)
class Finding:
    """One statement about a sweep.

    Attributes:
        id: Its name, to which the reasons of the next sweep refer.
        topic: Its heading.
        sentence: The statement.
        confidence: How certain it is: the probability of the sentence as it is written. Where a
            sentence gives a probability P, the confidence is that of P. Facts that were counted or
            measured, without a conclusion, are `high`.
        number: The quantity in the sentence, in the metric's units or as a share (0 to 1).
        interval: The 95 % interval of `number`; for quantities that are measured on trials, their
            quartiles or their range.
        plot: The name of the plot that shows it.
    """

    id: str
    topic: str
    sentence: str
    confidence: Confidence
    number: float | None = None
    interval: tuple[float, float] | None = None
    plot: str | None = None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def confidence_of(agree: np.ndarray | float) -> Confidence:
    """Return the confidence in a statement that holds in the samples `agree`, or with that P."""
    probability = float(np.mean(agree))
    if probability >= HIGH:
        return "high"
    return "likely" if probability >= LIKELY else "inconclusive"


def probability_of_most(agree: int, of: int) -> float:
    """Return P(more than half of all such trials agree) if `agree` of `of` trials do.

    The share of such trials has a uniform prior, so one trial gives 75 % and three give 94 %.
    """
    return float(beta.sf(0.5, agree + 1, of - agree + 1))
