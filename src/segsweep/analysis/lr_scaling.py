"""What the batch size does when all else is retuned, and how the learning rate goes along.

With the batch the best learning rate grows: in proportion for SGD (Goyal et al., "Accurate, large
minibatch SGD", 2017), rather with the square root for Adam (Malladi et al., NeurIPS 2022). The
exponent is measured here, in every world that the trials leave possible. What is known before is
that it lies somewhere between -1/4 and 3/2: the model looks at the learning rate after so much
scaling with the batch, for each of some exponents, weighed by how well it then explains the trials.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from segsweep.analysis.posterior import WORLDS, Worlds, near, spread
from segsweep.config.distributions import Number
from segsweep.config.search_space import Categorical
from segsweep.search.encoding import Varied, columns, fit_surrogate
from segsweep.search.trial_result import Values

BATCH, RATE = "batch_size", "learning_rate"

MOST = 6
"""Batches that are looked at where the batch is a range."""

AROUND, STEP = 64, 0.08
"""Settings of all else: so many over the whole space, and as many around the best trials, in steps
of this share of the range (sd)."""

RATES = 33
"""Learning rates at which the best is looked for."""

CENSORED = 0.25
"""In more of the worlds than this a best rate lies at an end: the exponent is not known."""

EXPONENTS = (-0.25, 0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5)


@dataclass(frozen=True)
class Isolated:
    """One batch size: the value with all else at its best, and in the middle; both (worlds,)."""

    batch_size: int
    best: np.ndarray
    typical: np.ndarray


@dataclass(frozen=True)
class Scaling:
    """The best learning rate by batch: `rates` (worlds, batches), and the `exponent` (worlds,).

    `at_edge` is the share (0 to 1) of the worlds in which a best rate lies at an end of its range.
    """

    batches: list[int]
    rates: np.ndarray
    exponent: np.ndarray
    at_edge: float


def batches_of(varied: Varied) -> list[int]:
    """The batch sizes of a space, rising; none where they are not two positive whole numbers."""
    parameter = varied.get(BATCH)
    if parameter is None:
        return []
    if isinstance(parameter, Categorical):
        values = parameter.values
    else:
        values = [parameter.from_unit(u) for u in np.linspace(0, 1, MOST).tolist()]
    whole = [v for v in values if isinstance(v, int | float) and v >= 1 and v == int(v)]
    sizes = sorted({int(v) for v in whole})
    return sizes if len(whole) == len(values) and len(sizes) > 1 else []


def _rates_of(varied: Varied) -> np.ndarray | None:
    """Learning rates over their range; None where they are not one above zero."""
    rate = varied.get(RATE)
    if not isinstance(rate, Number) or rate.low <= 0:
        return None
    return np.array([rate.from_unit(u) for u in np.linspace(0, 1, RATES).tolist()], dtype=float)


def isolate(worlds: Worlds) -> list[Isolated]:
    """Every batch size with all else retuned; empty where it was not searched."""
    batches = batches_of(worlds.varied)
    if not batches:
        return []
    rng, places = np.random.default_rng(4), worlds.best_places
    around = [near(worlds.varied, places[i % len(places)], STEP, rng) for i in range(AROUND)]
    settings = [*spread(worlds.varied, AROUND, seed=2), *around]
    asked = [{**setting, BATCH: batch} for batch in batches for setting in settings]
    drawn = worlds.draws(asked, seed=2).reshape(-1, len(batches), len(settings))
    wide = drawn[:, :, :AROUND]
    return [
        Isolated(batch, drawn[:, i].max(1), np.median(wide[:, i], axis=1))
        for i, batch in enumerate(batches)
    ]


def scaling(worlds: Worlds) -> Scaling | None:
    """How the best learning rate grows with the batch; None where not both were searched."""
    batches, rates = batches_of(worlds.varied), _rates_of(worlds.varied)
    if not batches or rates is None:
        return None
    drawn = _drawn_scaled(worlds, _grid(worlds, batches, rates)).reshape(-1, len(batches), RATES)
    place = drawn.argmax(2)
    best = np.log(rates)[place]
    wanted = np.log(batches) - np.mean(np.log(batches))
    exponent = (best - best.mean(1, keepdims=True)) @ wanted / (wanted @ wanted)
    edge = ((place == 0) | (place == RATES - 1)).any(1)
    return Scaling(batches, np.exp(best), exponent, float(edge.mean()))


def rate_map(worlds: Worlds) -> list[dict[str, Any]]:
    """Expected value over batch and learning rate, all else as in the best trial: rows of a grid.

    Values are in the metric's own units.
    """
    batches, rates = batches_of(worlds.varied), _rates_of(worlds.varied)
    if not batches or rates is None:
        return []
    asked = _grid(worlds, batches, rates)
    means, sds = worlds.expected(asked)
    return [
        {BATCH: one[BATCH], RATE: one[RATE], "mean": worlds.sign * mean, "sd": sd}
        for one, mean, sd in zip(asked, means.tolist(), sds.tolist(), strict=True)
    ]


def _grid(worlds: Worlds, batches: Sequence[int], rates: np.ndarray) -> list[dict[str, Any]]:
    """Each batch with each learning rate, all else as in the best trial."""
    base = worlds.incumbent.parameters
    return [{**base, BATCH: batch, RATE: rate} for batch in batches for rate in rates.tolist()]


def _drawn_scaled(worlds: Worlds, asked: Sequence[Values]) -> np.ndarray:
    """(worlds, asked): from the beliefs under all `EXPONENTS`, each as often as it is likely."""
    beliefs = []
    with threadpool_limits(1):
        for exponent in EXPONENTS:
            seen = partial(_scaled, exponent)
            belief = fit_surrogate(worlds.varied, worlds.observed, [], worlds.goal, seen=seen)
            beliefs.append((belief, seen(worlds.varied, asked)))
        evidence = np.array([belief.evidence for belief, _ in beliefs])
        weight = np.exp(evidence - np.logaddexp.reduce(evidence))
        many = np.diff((np.cumsum(weight) * WORLDS + 0.5).astype(int), prepend=0).tolist()
        return np.concatenate(
            [
                belief.draws(points, count, seed=3)
                for count, (belief, points) in zip(many, beliefs, strict=True)
                if count
            ]
        )


def _scaled(exponent: float, varied: Varied, rows: Sequence[Values]) -> np.ndarray:
    """`columns`, with each learning rate as it would be at the middle batch."""
    points, rate = columns(varied, rows), varied[RATE]
    assert isinstance(rate, Number)
    batches = np.array([row[BATCH] for row in rows], dtype=float)
    middle = np.exp(np.mean(np.log(batches_of(varied))))
    rates = np.array([row[RATE] for row in rows], dtype=float) * (batches / middle) ** -exponent
    if rate.model_scale == "log":
        share = np.log(rates / rate.low) / np.log(rate.high / rate.low)
    else:
        share = (rates - rate.low) / (rate.high - rate.low)
    points[:, _column_of(varied, RATE)] = share
    return points


def _column_of(varied: Varied, name: str) -> int:
    """Which of the model's columns is that of a number."""
    before = itertools.takewhile(lambda other: other != name, varied)
    return columns({other: varied[other] for other in before}, []).shape[1]
