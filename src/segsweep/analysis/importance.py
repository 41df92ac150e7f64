"""Parameter importance: a functional analysis of variance of every posterior sample.

Over the whole space a function is the sum of its mean, one main effect for each parameter, and
interactions (fANOVA: Hutter, Hoos and Leyton-Brown, ICML 2014). Main effects are found by
projection onto orthogonal polynomials, whose squared coefficients add up to the variance (Sudret,
"Global sensitivity analysis using polynomial chaos expansions", 2008). Repeated for every
posterior sample, this gives each share its interval.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.polynomial.legendre import legvander

from segsweep.analysis.finding import Confidence, confidence_of
from segsweep.analysis.intervals import share_interval
from segsweep.analysis.posterior import PosteriorSamples
from segsweep.config.distributions import Number
from segsweep.config.search_space import Categorical
from segsweep.core.formatting import format_percent

DEGREE = 4
"""Degree of the polynomials."""

STEPS = 25
"""Values along a range at which an effect is evaluated."""


@dataclass(frozen=True)
class Effect:
    """The main effect of one parameter.

    Attributes:
        parameter: Its name.
        share: Its share of the variance (0 to 1), (samples,).
        values: Values of the parameter, in order.
        curve: The mean over all other parameters at `values`, (samples, values), in the metric's
            units, with larger values better.
    """

    parameter: str
    share: np.ndarray
    values: list[Any]
    curve: np.ndarray


def main_effects(samples: PosteriorSamples) -> list[Effect]:
    """Return the main effect of each searched parameter, the largest share first."""
    features = {
        name: _features(parameter, [point[name] for point in samples.design_points])
        for name, parameter in samples.varied.items()
    }
    drawn = samples.design_samples
    mean = drawn.mean(1, keepdims=True)
    matrix = np.concatenate(list(features.values()), axis=1)
    coefficients = np.linalg.lstsq(matrix, (drawn - mean).T, rcond=None)[0]
    variance = np.maximum(drawn.var(1), 1e-300)
    effects, start = [], 0
    for name, parameter in samples.varied.items():
        stop = start + features[name].shape[1]
        own = coefficients[start:stop]
        start = stop
        share = (features[name] @ own).var(0) / variance
        values = _grid(parameter)
        curve = mean + (_features(parameter, values) @ own).T
        effects.append(Effect(name, np.minimum(share, 1.0), values, curve))
    return sorted(effects, key=lambda effect: -float(effect.share.mean()))


def format_shares(effects: Sequence[Effect]) -> str:
    """Return each parameter's share of the variance with its 95 % interval."""
    parts = []
    for effect in effects:
        low, high = (format_percent(share) for share in share_interval(effect.share))
        mean = format_percent(float(effect.share.mean()))
        parts.append(f"{effect.parameter} {mean} ({low} to {high})")
    return ", ".join(parts)


def largest_share(effects: Sequence[Effect]) -> tuple[str, Confidence]:
    """Return a sentence on which parameter has the largest share, and the confidence in it.

    Args:
        effects: The main effects, the largest mean share first.
    """
    name, first = effects[0].parameter, effects[0].share
    others = [effect.share for effect in effects[1:]]
    probability = float(np.mean(first > np.max(others, axis=0))) if others else 1.0
    confidence, p = confidence_of(probability), format_percent(probability)
    if confidence == "inconclusive":
        return (
            f"Which parameter has the largest share is inconclusive: P({name}) = {p}.",
            confidence,
        )
    return f"{name} has the largest share (P = {p}).", confidence


def _grid(parameter: Categorical | Number) -> list[Any]:
    """Return the values of a categorical parameter, or up to STEPS values along a range."""
    if isinstance(parameter, Categorical):
        return parameter.ordered
    return list(dict.fromkeys(parameter.from_unit(u) for u in np.linspace(0, 1, STEPS).tolist()))


def _features(parameter: Categorical | Number, values: Sequence[Any]) -> np.ndarray:
    """Return polynomials of a number, or contrasts of a categorical, (values, features)."""
    if isinstance(parameter, Categorical):
        levels = parameter.ordered
        one_hot = np.array([[float(value == level) for level in levels] for value in values])
        return one_hot[:, 1:] - 1 / len(levels) if len(levels) > 1 else one_hot * 0
    shares = np.array([parameter.to_unit(value) for value in values])
    return legvander(2 * shares - 1, DEGREE)[:, 1:]
