"""The expected gain of the next sweep over the best trial so far, also outside the searched ranges.

Outside the ranges no trial constrains the surrogate, so its parabola would go on as inside, but
gains from larger batches or networks usually diminish. In half of the posterior samples an effect
therefore stops at the bound, and in the other half it goes on at a smaller pace: the surrogate is
evaluated at positions that are moved towards the bound.

The maximum over many configurations is larger in a posterior sample than in truth, since the
samples spread more than the error of their mean. They are moved towards their mean.

Both constants (EXTRAPOLATION, SPREAD) were chosen on simulated sweeps, so that the mean gain is
unbiased and the intervals have their coverage (`benchmarks/calibration.py`).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from segsweep.analysis.intervals import LEVEL, interval
from segsweep.analysis.posterior import PosteriorSamples, sobol_configurations
from segsweep.config.distributions import Number
from segsweep.config.search_space import Categorical, Constant, Parameter
from segsweep.core.formatting import format_value
from segsweep.search.trial_result import Values

MIN_TRIALS, MAX_TRIALS = 10, 60
"""The smallest and the largest number of trials of the next sweep."""

GAIN_SHARE = 0.9
"""The next sweep has as many trials as reach this share of the gain of MAX_TRIALS trials."""

EXTRAPOLATION = (0.0, 0.5)
"""The effect of a step outside a range, as a share of the same step inside: one value for each of
two halves of the posterior samples."""

SPREAD = 0.65
"""Distance of posterior samples from their mean, as a share of that in the surrogate."""


@dataclass(frozen=True)
class ExpectedGain:
    """The gain of the best of some random trials of the next sweep over the best trial so far.

    Attributes:
        trials: The number of trials.
        samples: The gain in each posterior sample, (samples,), 0 or more, in the metric's units.
        inside: The gain of those of them that are inside the searched ranges, (samples,).
        outside: The parameters that exceed the searched ranges, with the values or ranges.
    """

    trials: int
    samples: np.ndarray
    inside: np.ndarray
    outside: list[str]

    @property
    def mean(self) -> float:
        return float(self.samples.mean())

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Return the interval of the gain, of 0 or more."""
        low, high = interval(self.samples, level=level)
        return max(0.0, low), high

    @property
    def by_extrapolation(self) -> float:
        """The part of `mean` that configurations outside the searched ranges add."""
        return float((self.samples - self.inside).mean())


def expected_gain(
    samples: PosteriorSamples, space: Mapping[str, Parameter], fixed: Mapping[str, Any]
) -> ExpectedGain:
    """Return the number of trials of the next sweep and their expected gain.

    The gain is that of random trials in each posterior sample, so it is a lower estimate: Bayesian
    optimisation needs fewer trials.
    """
    points = random_trials(space, fixed, MAX_TRIALS)
    drawn = _draw(samples, [*points, samples.incumbent.parameters])
    above = np.maximum(drawn[:, :-1] - drawn[:, -1:], 0.0)
    gain = np.maximum.accumulate(above, axis=1)
    mean = gain.mean(0)
    count = int(np.argmax(mean >= GAIN_SHARE * mean[MAX_TRIALS - 1])) + 1
    count = min(MAX_TRIALS, max(MIN_TRIALS, 5 * -(-count // 5)))
    is_inside = np.array([_is_inside(samples, point) for point in points[:count]])
    inside = np.where(is_inside, above[:, :count], 0.0).max(1)
    outside = [
        text
        for name, parameter in samples.varied.items()
        if (text := _outside(name, parameter, space.get(name), fixed.get(name)))
    ]
    return ExpectedGain(count, gain[:, count - 1], inside, outside)


def _draw(samples: PosteriorSamples, configurations: Sequence[Values]) -> np.ndarray:
    """Return the value of each configuration in each sample, (samples, configurations).

    See EXTRAPOLATION and SPREAD.
    """
    halves = []
    for i, pace in enumerate(EXTRAPOLATION):
        positions = np.array([_position(samples, point, pace) for point in configurations])
        mean = samples.mean_at(positions)
        drawn = samples.draw_at(positions, seed=6)[i :: len(EXTRAPOLATION)]
        halves.append(mean + SPREAD * (drawn - mean))
    return np.concatenate(halves)


def random_trials(
    space: Mapping[str, Parameter], fixed: Mapping[str, Any], count: int
) -> list[dict[str, Any]]:
    """Return the first `count` of quasi-random configurations of the next sweep."""
    varied: dict[str, Any] = {n: p for n, p in space.items() if not isinstance(p, Constant)}
    drawn = sobol_configurations(varied, 2 ** math.ceil(math.log2(count)), seed=6)
    return [{**fixed, **point} for point in drawn[:count]]


def _position(samples: PosteriorSamples, configuration: Values, pace: float) -> list[float]:
    """Return the encoded configuration; steps outside a range are multiplied by `pace`."""
    columns: list[float] = []
    for name, parameter in samples.varied.items():
        value = configuration[name]
        if isinstance(parameter, Categorical) and not parameter.is_ordered:
            columns += [float(value == one) for one in parameter.values]
            continue
        share = _share(parameter, value)
        columns.append(share + (1 - pace) * (max(0.0, -share) - max(0.0, share - 1)))
    return columns


def _share(parameter: Categorical | Number, value: Any) -> float:
    """Return the position of a value in an ordered range; below 0 or above 1 outside of it."""
    if isinstance(parameter, Number):
        low, high, is_log = parameter.low, parameter.high, parameter.model_scale == "log"
        if is_log:
            return math.log(value / low) / math.log(high / low)
        return float((value - low) / (high - low))
    known = np.array(parameter.ordered, dtype=float)
    if len(known) == 1:
        return 0.0
    if known[0] > 0 and value > 0:  # batch sizes and channels grow by factors
        known, value = np.log(known), math.log(value)
    step = 1 / (len(known) - 1)
    if known[0] <= value <= known[-1]:
        return float(np.interp(value, known, np.linspace(0, 1, len(known))))
    if value < known[0]:
        return float((value - known[0]) / (known[1] - known[0]) * step)
    return float(1 + (value - known[-1]) / (known[-1] - known[-2]) * step)


def _is_inside(samples: PosteriorSamples, configuration: Values) -> bool:
    """Whether a configuration is inside all ranges of the finished sweep."""
    return all(
        -1e-9 <= _share(parameter, configuration[name]) <= 1 + 1e-9
        for name, parameter in samples.varied.items()
        if not isinstance(parameter, Categorical) or parameter.is_ordered
    )


def _outside(
    name: str, before: Categorical | Number, after: Parameter | None, fixed: Any
) -> str | None:
    """Return how a parameter of the next sweep exceeds its range, None if it does not."""
    if isinstance(before, Categorical) and not before.is_ordered:
        return None
    if after is None:
        ends: Sequence[Any] = [] if fixed is None else [fixed]
    elif isinstance(after, Constant):
        ends = [after.value]
    else:
        ends = after.values if isinstance(after, Categorical) else [after.low, after.high]
    known = before.ordered if isinstance(before, Categorical) else [before.low, before.high]
    parts = []
    if any(_share(before, end) < -1e-9 for end in ends):
        parts.append(f"below {format_value(known[0])}")
    if any(_share(before, end) > 1 + 1e-9 for end in ends):
        parts.append(f"above {format_value(known[-1])}")
    return f"{name} {' and '.join(parts)}" if parts else None
