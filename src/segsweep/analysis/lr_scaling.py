"""The effect of the batch size, and how the best learning rate scales with it.

The best learning rate grows with the batch size: linearly for SGD (Goyal et al., "Accurate, large
minibatch SGD", 2017), more like the square root for Adam (Malladi et al., NeurIPS 2022). The
exponent is estimated in every posterior sample. The prior is that it lies between -1/4 and 3/2:
for each exponent of a grid a surrogate is fitted to learning rates divided by batch size to that
power, and weighted by its marginal likelihood.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from segsweep.analysis.intervals import interval
from segsweep.analysis.posterior import SAMPLES, PosteriorSamples, perturb, sobol_configurations
from segsweep.config.distributions import Number
from segsweep.config.search_space import Categorical
from segsweep.core.progress import Progress
from segsweep.search.gaussian_process import Fit, Surrogate
from segsweep.search.surrogate import Varied, encode, fit_surrogate
from segsweep.search.trial_result import Values

BATCH_SIZE, LEARNING_RATE = "batch_size", "learning_rate"

MAX_BATCH_SIZES = 6
"""Batch sizes that are compared where the batch size is a range."""

SETTINGS, STEP = 64, 0.08
"""Settings of the other parameters: this many over the whole space, and as many around the best
trials, at this distance (sd, as a share of the range)."""

RATES = 33
"""Learning rates among which the best is searched."""

MAX_AT_BOUND = 0.25
"""The exponent is not known if a best rate lies at a bound in a larger share of the samples."""

EXPONENTS = (-0.25, 0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5)

Encoder = Callable[[Varied, Sequence[Values]], np.ndarray]


@dataclass(frozen=True)
class BatchSizeEffect:
    """The value at one batch size, with larger values better.

    Attributes:
        batch_size: The batch size.
        best: The value with the other parameters at their best, (samples,).
        typical: The median value over the other parameters, (samples,).
    """

    batch_size: int
    best: np.ndarray
    typical: np.ndarray


@dataclass(frozen=True)
class LrScaling:
    """The best learning rate at each batch size.

    Attributes:
        batch_sizes: The batch sizes, rising.
        rates: The best learning rates, (samples, batch sizes).
        exponent: The slope of log(best rate) against log(batch size), (samples,).
        at_bound: Share (0 to 1) of the samples in which a best rate is at a bound of its range.
        fits: The fits of the surrogates, one for each of EXPONENTS.
    """

    batch_sizes: list[int]
    rates: np.ndarray
    exponent: np.ndarray
    at_bound: float
    fits: list[Fit]

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of `exponent`, which needs no widening."""
        return interval(self.exponent, widening=1.0)


def batch_size_effects(samples: PosteriorSamples) -> list[BatchSizeEffect]:
    """Return the effect of each batch size; an empty list where it was not searched."""
    batch_sizes = _batch_sizes(samples.varied)
    if not batch_sizes:
        return []
    rng, centres = np.random.default_rng(4), samples.best_configurations
    neighbours = [
        perturb(samples.varied, centres[i % len(centres)], STEP, rng) for i in range(SETTINGS)
    ]
    settings = [*sobol_configurations(samples.varied, SETTINGS, seed=2), *neighbours]
    grid = [{**setting, BATCH_SIZE: size} for size in batch_sizes for setting in settings]
    drawn = samples.draw(grid, seed=2).reshape(-1, len(batch_sizes), len(settings))
    whole_space = drawn[:, :, :SETTINGS]
    return [
        BatchSizeEffect(size, drawn[:, i].max(1), np.median(whole_space[:, i], axis=1))
        for i, size in enumerate(batch_sizes)
    ]


def lr_scaling(samples: PosteriorSamples, fits: Sequence[Fit] = ()) -> LrScaling | None:
    """Return how the best learning rate scales; None unless rate and batch size were searched.

    `fits` are those of an earlier call for the same trials, if they are known already.
    """
    batch_sizes, rates = _batch_sizes(samples.varied), _rates(samples.varied)
    if not batch_sizes or rates is None:
        return None
    grid = _grid(samples, batch_sizes, rates)
    surrogates = _surrogates(samples, fits)
    drawn = _draw(surrogates, samples.varied, grid).reshape(-1, len(batch_sizes), RATES)
    index = drawn.argmax(2)
    best = np.log(rates)[index]
    sizes = np.log(np.array(batch_sizes, dtype=float))
    centred = sizes - np.mean(sizes)
    exponent = (best - best.mean(1, keepdims=True)) @ centred / (centred @ centred)
    at_bound = ((index == 0) | (index == RATES - 1)).any(1)
    fits = [surrogate.fit for surrogate, _ in surrogates]
    return LrScaling(batch_sizes, np.exp(best), exponent, float(at_bound.mean()), fits)


def rate_map(samples: PosteriorSamples) -> list[dict[str, Any]]:
    """Return posterior mean and sd over a grid of batch sizes and learning rates, one row each.

    The other parameters are as in the incumbent. Values are in the metric's own sign.
    """
    batch_sizes, rates = _batch_sizes(samples.varied), _rates(samples.varied)
    if not batch_sizes or rates is None:
        return []
    grid = _grid(samples, batch_sizes, rates)
    means, sds = samples.predict(grid)
    return [
        {
            BATCH_SIZE: point[BATCH_SIZE],
            LEARNING_RATE: point[LEARNING_RATE],
            "mean": samples.sign * mean,
            "sd": sd,
        }
        for point, mean, sd in zip(grid, means.tolist(), sds.tolist(), strict=True)
    ]


def _batch_sizes(varied: Varied) -> list[int]:
    """Return the batch sizes of a space, rising; none unless they are two or more whole numbers."""
    parameter = varied.get(BATCH_SIZE)
    if parameter is None:
        return []
    if isinstance(parameter, Categorical):
        values = parameter.values
    else:
        values = [parameter.from_unit(u) for u in np.linspace(0, 1, MAX_BATCH_SIZES).tolist()]
    whole = [v for v in values if isinstance(v, int | float) and v >= 1 and v == int(v)]
    sizes = sorted({int(v) for v in whole})
    return sizes if len(whole) == len(values) and len(sizes) > 1 else []


def _rates(varied: Varied) -> np.ndarray | None:
    """Return RATES learning rates over their range; None unless the range is above zero."""
    rate = varied.get(LEARNING_RATE)
    if not isinstance(rate, Number) or rate.low <= 0:
        return None
    return np.array([rate.from_unit(u) for u in np.linspace(0, 1, RATES).tolist()], dtype=float)


def _grid(
    samples: PosteriorSamples, batch_sizes: Sequence[int], rates: np.ndarray
) -> list[dict[str, Any]]:
    """Return each batch size with each rate, the other parameters as in the incumbent."""
    base = samples.incumbent.parameters
    return [
        {**base, BATCH_SIZE: size, LEARNING_RATE: rate}
        for size in batch_sizes
        for rate in rates.tolist()
    ]


def _surrogates(samples: PosteriorSamples, fits: Sequence[Fit]) -> list[tuple[Surrogate, Encoder]]:
    """Return the surrogate and its encoder for each of EXPONENTS."""
    surrogates = []
    progress = Progress("analysis: models of the learning rate", len(EXPONENTS))
    with threadpool_limits(1):
        for i, exponent in enumerate(EXPONENTS):
            encoder: Encoder = partial(_scaled_columns, exponent)
            surrogate = fit_surrogate(
                samples.varied,
                samples.for_secondary,
                [],
                samples.goal,
                encoder=encoder,
                fit=fits[i] if fits else None,
            )
            surrogates.append((surrogate, encoder))
            progress.step()
    return surrogates


def _draw(
    surrogates: Sequence[tuple[Surrogate, Encoder]], varied: Varied, grid: Sequence[Values]
) -> np.ndarray:
    """Return samples over `grid`, (samples, grid), from all surrogates.

    The number of samples of each is proportional to its marginal likelihood.
    """
    evidence = np.array([surrogate.fit.log_evidence for surrogate, _ in surrogates])
    weight = np.exp(evidence - np.logaddexp.reduce(evidence))
    counts = np.diff((np.cumsum(weight) * SAMPLES + 0.5).astype(int), prepend=0).tolist()
    with threadpool_limits(1):
        return np.concatenate(
            [
                surrogate.sample(encoder(varied, grid), count, seed=3)
                for count, (surrogate, encoder) in zip(counts, surrogates, strict=True)
                if count
            ]
        )


def _scaled_columns(exponent: float, varied: Varied, rows: Sequence[Values]) -> np.ndarray:
    """Encode `rows` with each learning rate rescaled to the geometric mean of the batch sizes."""
    points, rate = encode(varied, rows), varied[LEARNING_RATE]
    assert isinstance(rate, Number)
    batches = np.array([row[BATCH_SIZE] for row in rows], dtype=float)
    middle = np.exp(np.mean(np.log(np.array(_batch_sizes(varied), dtype=float))))
    factors = (batches / middle) ** -exponent
    rates = np.array([row[LEARNING_RATE] for row in rows], dtype=float) * factors
    if rate.model_scale == "log":
        share = np.log(rates / rate.low) / np.log(rate.high / rate.low)
    else:
        share = (rates - rate.low) / (rate.high - rate.low)
    points[:, _column_index(varied, LEARNING_RATE)] = share
    return points


def _column_index(varied: Varied, name: str) -> int:
    """Return the index of the encoded column of a number."""
    before = itertools.takewhile(lambda other: other != name, varied)
    return encode({other: varied[other] for other in before}, []).shape[1]
