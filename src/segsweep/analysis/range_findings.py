"""The finding about ranges that have the optimum at a bound, and should be extended."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from segsweep.analysis.finding import LIKELY, Finding, confidence_of
from segsweep.analysis.posterior import PosteriorSamples
from segsweep.config.search_space import Categorical
from segsweep.core.formatting import format_percent

BOUND_ZONE = 0.1
"""An optimum in this outer part of a range counts as being at its bound."""

AT_BOUND = 0.5
"""A range is reported as too narrow from this probability that the optimum is at its bound."""

TOPIC = "Ranges that are too narrow"


class Bound(NamedTuple):
    """The bound (lower, upper) of a range nearest to the optimum, and the samples with it there.

    Attributes:
        name: lower or upper.
        is_there: Whether the optimum is in its zone, (samples,).
    """

    name: str
    is_there: np.ndarray

    @property
    def probability(self) -> float:
        return float(self.is_there.mean())


def optima_at_bounds(samples: PosteriorSamples) -> dict[str, Bound]:
    """Return for each ordered parameter the bound at which the optimum is more probable."""
    bounds = {}
    for name, shares in _optimum_shares(samples).items():
        lower = Bound("lower", shares <= BOUND_ZONE)
        upper = Bound("upper", shares >= 1 - BOUND_ZONE)
        bounds[name] = lower if lower.probability > upper.probability else upper
    return bounds


def _optimum_shares(samples: PosteriorSamples) -> dict[str, np.ndarray]:
    """Return the position (0 to 1) of the optimum in each ordered range, (samples,) each."""
    return {
        name: np.array([parameter.to_unit(optimum[name]) for optimum in samples.optima])
        for name, parameter in samples.varied.items()
        if not isinstance(parameter, Categorical)
        or (parameter.is_ordered and len(parameter.values) > 2)  # each of two is at a bound
    }


def narrow_ranges(samples: PosteriorSamples) -> Finding:
    """Report the ranges that have the optimum at a bound.

    The confidence is that all of the bounds that the sentence states have it; less probable ones
    are named as possible.
    """
    if not samples.is_significant:
        sentence = (
            f"The effects of the parameters {samples.significance}, so no range is reported as "
            "too narrow."
        )
        return Finding("edges", TOPIC, sentence, "inconclusive")
    bounds = sorted(optima_at_bounds(samples).items(), key=lambda item: -item[1].probability)
    stated, possible, together = {}, {}, np.ones(len(samples.optima), bool)
    for name, bound in bounds:
        if np.mean(together & bound.is_there) >= LIKELY:
            stated[name], together = bound, together & bound.is_there
        elif bound.probability >= AT_BOUND:
            possible[name] = bound
    if not stated and not possible:
        return _no_narrow_range(samples)
    parts = []
    if stated:
        joint = f"; P(all of these) = {format_percent(float(together.mean()))}"
        parts.append(f"The optimum is at {_listed(stated)}{joint if len(stated) > 1 else ''}.")
    if possible:
        parts.append(f"The optimum may be at {_listed(possible)}.")
    probability = float(together.mean()) if stated else bounds[0][1].probability
    confidence = confidence_of(probability) if stated else "inconclusive"
    return Finding("edges", TOPIC, " ".join(parts), confidence, probability)


def _no_narrow_range(samples: PosteriorSamples) -> Finding:
    """Report that the optimum is inside all ranges, or that this is inconclusive."""
    is_inside = np.ones(len(samples.optima), bool)
    for shares in _optimum_shares(samples).values():
        is_inside &= (shares > BOUND_ZONE) & (shares < 1 - BOUND_ZONE)
    inside = float(is_inside.mean())
    confidence = confidence_of(inside)
    sentence = f"The optimum is not at a bound of any range (P = {format_percent(inside)})."
    if confidence == "inconclusive":
        sentence = (
            "Whether the optimum is at a bound is inconclusive for every range; P(at no bound) = "
            f"{format_percent(inside)}."
        )
    return Finding("edges", TOPIC, sentence, confidence, inside)


def _listed(bounds: Mapping[str, Bound]) -> str:
    return ", at ".join(
        f"the {bound.name} bound of {name} (P = {format_percent(bound.probability)})"
        for name, bound in bounds.items()
    )
