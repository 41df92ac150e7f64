"""How much each parameter decides, and how: a functional analysis of variance of every world.

Over the whole space a function is the sum of its mean, of one effect per parameter, and of what
parameters do together (fANOVA: Hutter, Hoos and Leyton-Brown, ICML 2014). The effects are found by
projection on orthogonal polynomials, whose squared coefficients add up to the variance (Sudret,
"Global sensitivity analysis using polynomial chaos expansions", 2008). Done in every world that the
trials leave possible, this gives each share its interval.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.polynomial.legendre import legvander

from segsweep.analysis.posterior import Worlds
from segsweep.config.distributions import Number
from segsweep.config.search_space import Categorical

DEGREE = 4
"""Of the polynomials: an effect has at most so many bends."""

STEPS = 25
"""Places along a range at which an effect is told."""

BAND = (0.025, 0.975)
"""Quantiles of the worlds: a 95 % interval."""


@dataclass(frozen=True)
class Effect:
    """One parameter: its share of the variance (0 to 1), and its effect on the mean of all else.

    `share` (worlds,); `values` (places,) of the parameter; `curve` (worlds, places) in the metric's
    units, to be maximized.
    """

    parameter: str
    share: np.ndarray
    values: list[Any]
    curve: np.ndarray

    @property
    def gain(self) -> np.ndarray:
        """(worlds,): by how much its best place is better than its worst."""
        return np.ptp(self.curve, axis=1)


def effects(worlds: Worlds) -> list[Effect]:
    """The effect of every searched parameter, the weightiest first."""
    features = {
        name: _features(p, [configuration[name] for configuration in worlds.design])
        for name, p in worlds.varied.items()
    }
    drawn = worlds.on_design
    mean = drawn.mean(1, keepdims=True)
    whole = np.concatenate(list(features.values()), axis=1)
    coefficients = np.linalg.lstsq(whole, (drawn - mean).T, rcond=None)[0]
    variance = np.maximum(drawn.var(1), 1e-300)
    found, first = [], 0
    for name, parameter in worlds.varied.items():
        many = features[name].shape[1]
        own = coefficients[first : first + many]
        first += many
        share = (features[name] @ own).var(0) / variance
        values = _places(parameter)
        curve = mean + (_features(parameter, values) @ own).T
        found.append(Effect(name, np.minimum(share, 1.0), values, curve))
    return sorted(found, key=lambda effect: -float(effect.share.mean()))


def interval(draws: np.ndarray) -> tuple[float, float]:
    """The 95 % interval of draws (worlds,)."""
    low, high = np.quantile(draws, BAND)
    return float(low), float(high)


def in_words(effects: Sequence[Effect]) -> str:
    """Each parameter's share with its interval."""
    said = []
    for one in effects:
        low, high = interval(one.share)
        said.append(f"{one.parameter} {one.share.mean():.0%} ({low:.0%} to {high:.0%})")
    return ", ".join(said)


def _places(parameter: Categorical | Number) -> list[Any]:
    if isinstance(parameter, Categorical):
        return parameter.ordered
    return list(dict.fromkeys(parameter.from_unit(u) for u in np.linspace(0, 1, STEPS).tolist()))


def _features(parameter: Categorical | Number, values: Sequence[Any]) -> np.ndarray:
    """(values, features): polynomials of the share of the range, or contrasts between values."""
    if isinstance(parameter, Categorical):
        levels = parameter.ordered
        one_hot = np.array([[float(value == level) for level in levels] for value in values])
        return one_hot[:, 1:] - 1 / len(levels) if len(levels) > 1 else one_hot * 0
    shares = np.array([parameter.to_unit(value) for value in values])
    return legvander(2 * shares - 1, DEGREE)[:, 1:]
