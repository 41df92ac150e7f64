"""A finding: one sentence on a sweep, with its number, its interval and how sure it is."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

Sure = Literal["sure", "likely", "cannot tell"]

SURE, LIKELY = 0.975, 0.8
"""Shares of the possible surfaces that must agree."""


@dataclass(frozen=True)
class Finding:
    """`id` names it for the redesign; `topic` is its heading; `plot` the picture beside it.

    `number` is what the sentence is about, in the metric's units or a share, with a 95 % interval
    (of the trials themselves, where the sentence speaks of them: their middle half, or their ends).
    """

    id: str
    topic: str
    sentence: str
    sure: Sure
    number: float | None = None
    interval: tuple[float, float] | None = None
    plot: str | None = None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def how_sure(agree: np.ndarray | float) -> Sure:
    """From the share of worlds that agree, or which of them do."""
    share = float(np.mean(agree))
    return "sure" if share >= SURE else "likely" if share >= LIKELY else "cannot tell"
