"""A finding: a sentence about a sweep with its number, interval and confidence."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

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
        confidence: How certain it is.
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
