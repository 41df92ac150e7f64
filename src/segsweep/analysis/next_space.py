"""The search space of the next sweep: each parameter's range, changed by the findings."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from segsweep.analysis.batch_findings import probability_best
from segsweep.analysis.completed_sweep import CompletedSweep
from segsweep.analysis.finding import LIKELY
from segsweep.analysis.findings import Analysis
from segsweep.analysis.hyperparameter_findings import MIN_SHARE, matters
from segsweep.analysis.intervals import share_interval
from segsweep.analysis.lr_scaling import BATCH_SIZE, LEARNING_RATE, MAX_AT_BOUND
from segsweep.analysis.range_arithmetic import rounded_range, value_at
from segsweep.analysis.range_findings import AT_BOUND, optima_at_bounds
from segsweep.config.distributions import Number
from segsweep.config.search_space import Categorical, Parameter
from segsweep.config.validation import limits
from segsweep.core.formatting import format_percent, format_value

MIN_P_BEST = 0.1
"""A categorical value is kept if it is the best with at least this probability."""

MIN_P_BEST_EXTENDED = 0.25
"""The same for batch sizes, where the range is extended past a bound."""

OPTIMUM_QUANTILES = (0.05, 0.95)
"""A range is kept between these quantiles of the optimum."""

MARGIN, MIN_WIDTH = 0.05, 0.2
"""Margin around them, and the smallest width, as shares of the range that was searched."""

EXTENSION = 0.5
"""How far a range is extended past a bound that has the optimum, as a share of the range."""

MAX_GROWTH = 8
"""The largest batch size of the next sweep is at most this multiple of the best so far."""

PRIOR_EXPONENT = (0.5, 1.0)
"""Exponent of the best learning rate against the batch size where the trials do not determine it:
square-root (Malladi et al., 2022) to linear scaling (Goyal et al., 2017)."""


class Change(NamedTuple):
    """A parameter in the next sweep (None: it is fixed), the reason, and the finding behind it."""

    parameter: Parameter | None
    reason: str
    finding: str


@dataclass(frozen=True)
class BatchSizes:
    """The batch sizes of the next sweep, the reason for them, and the best one so far."""

    sizes: list[int]
    reason: str
    best: int


def next_batch_sizes(analysis: Analysis, fits: Callable[[int], bool]) -> BatchSizes | None:
    """Choose batch sizes that may be best and fit in memory; None if they were not searched,
    or are larger than a study allows.

    Args:
        analysis: The analysis of the finished sweep.
        fits: Whether a batch size fits in the memory of the target device.
    """
    searched = [effect.batch_size for effect in analysis.batch_sizes]
    most = limits(BATCH_SIZE)[1]
    if not searched or max(searched) > most:
        return None
    p_best = probability_best(analysis.batch_sizes)
    best = searched[int(p_best.argmax())]
    extend_from = AT_BOUND if len(searched) > 2 else LIKELY  # each of two values is at a bound
    kept = [size for size, p in zip(searched, p_best, strict=True) if p >= MIN_P_BEST_EXTENDED]
    if not analysis.samples.is_significant:
        sizes, reason = searched, "the trials do not determine the best batch size yet"
    elif p_best[-1] >= extend_from:
        sizes = sorted({*kept, *(best * 2**step for step in range(MAX_GROWTH.bit_length()))})
        reason = (
            f"the largest batch size so far, {best}, is best with P = "
            f"{format_percent(float(p_best[-1]))}, so larger ones may be better"
        )
    elif p_best[0] >= extend_from:
        sizes = sorted({*kept, max(1, best // 4), max(1, best // 2), best, 2 * best})
        reason = (
            f"the smallest batch size so far, {best}, is best with P = "
            f"{format_percent(float(p_best[0]))}, so smaller ones may be better"
        )
    else:
        likely = [i for i, p in enumerate(p_best) if p >= MIN_P_BEST]
        sizes = searched[min(likely) : max(likely) + 1]
        reason = f"P(best) is at least {format_percent(MIN_P_BEST)} for the outermost of them"
    fitting = [size for size in sizes if size <= most]
    while len(fitting) > 1 and not fits(fitting[-1]):
        reason += f"; {fitting.pop()} is predicted not to fit in memory"
    if not fits(fitting[0]):
        reason += f"; {fitting[0]} is predicted not to fit in memory either"
    train_images = _training_split_size(analysis.sweep)
    if train_images is not None and any(size > train_images for size in fitting):
        fitting = [size for size in fitting if size < train_images] + [train_images]
        reason += f"; the training split has {train_images} images"
    return BatchSizes(fitting, reason, best)


def _training_split_size(sweep: CompletedSweep) -> int | None:
    """Return the number of training images if a batch size was larger than that, else None."""
    pairs = [
        (t.outcomes.get("effective_batch_size"), t.parameters.get(BATCH_SIZE)) for t in sweep.trials
    ]
    limited = [
        int(used)
        for used, requested in pairs
        if used is not None and requested and 1 <= used < requested
    ]
    return min(limited, default=None)


def next_parameter(analysis: Analysis, name: str, batch_sizes: BatchSizes | None) -> Change:
    """Return the space of one parameter in the next sweep, and the reason for it."""
    samples, parameter = analysis.samples, analysis.sweep.varied[name]
    if name == BATCH_SIZE and batch_sizes:
        if len(batch_sizes.sizes) == 1:
            return Change(None, batch_sizes.reason, "batch size")
        values = Categorical(values=list(batch_sizes.sizes))
        return Change(values, batch_sizes.reason, "batch size")
    if not samples.is_significant:
        return Change(parameter, "its effect is not significant", "importance")
    effect = next(effect for effect in analysis.effects if effect.parameter == name)
    if matters(samples, effect) is False and name != LEARNING_RATE:
        reason = (
            f"it explains less than {format_percent(MIN_SHARE)} of the variance (at most "
            f"{format_percent(share_interval(effect.share)[1])})"
        )
        return Change(None, reason, "importance")
    if isinstance(parameter, Categorical):
        return _next_values(analysis, name, parameter)
    if name == LEARNING_RATE and batch_sizes:
        return _next_learning_rates(analysis, parameter, batch_sizes)
    low, high, reason, finding = _next_range(analysis, name, parameter)
    return Change(rounded_range(low, high, parameter), reason, finding)


def _next_values(analysis: Analysis, name: str, parameter: Categorical) -> Change:
    """Keep the values of a categorical parameter that may be best."""
    optima = [optimum[name] for optimum in analysis.samples.optima]
    p_best = {value: optima.count(value) / len(optima) for value in parameter.ordered}
    kept = [value for value in parameter.values if p_best[value] >= MIN_P_BEST]
    reason = "P(best) by value: " + ", ".join(
        f"{format_value(value)} {format_percent(p)}" for value, p in p_best.items()
    )
    values = Categorical(values=kept, scale=parameter.scale) if len(kept) > 1 else None
    return Change(values, reason, f"effect of {name}")


def _next_range(analysis: Analysis, name: str, parameter: Number) -> tuple[float, float, str, str]:
    """Return bounds, reason and finding: where the optimum may be, extended at a bound."""
    shares = np.array([parameter.to_unit(optimum[name]) for optimum in analysis.samples.optima])
    low, high = np.quantile(shares, OPTIMUM_QUANTILES) + np.array([-MARGIN, MARGIN])
    missing = MIN_WIDTH - (high - low)
    if missing > 0:
        low, high = low - missing / 2, high + missing / 2
    bound = optima_at_bounds(analysis.samples).get(name)
    lower, upper = (
        format_value(parameter.from_unit(float(np.quantile(shares, quantile))))
        for quantile in OPTIMUM_QUANTILES
    )
    reason = f"the optimum is between {lower} and {upper} with P = 90 %"
    finding = f"effect of {name}"
    low, high = max(0.0, float(low)), min(1.0, float(high))
    if bound is not None and bound.probability >= AT_BOUND:
        low, high = (-EXTENSION, high) if bound.name == "lower" else (low, 1 + EXTENSION)
        reason += (
            f"; it is at the {bound.name} bound of the range with P = "
            f"{format_percent(bound.probability)}, so the range is extended"
        )
        finding = "edges"
    smallest, largest = limits(name)
    if parameter.low > 0:  # a range above zero stays above zero
        smallest = max(smallest, parameter.low / 10)
    wanted = [value_at(parameter, share) for share in (low, high)]
    ends = sorted(min(max(end, smallest), largest) for end in wanted)
    if ends[0] == ends[1]:  # a parameter of another program, outside this project's limits
        ends = [parameter.low, parameter.high]
        reason += "; its values are outside the limits of this project's trainer"
    return ends[0], ends[1], reason, finding


def _next_learning_rates(analysis: Analysis, parameter: Number, batch_sizes: BatchSizes) -> Change:
    """Return the range of the learning rate, extended for new batch sizes by their scaling."""
    low, high, reason, finding = _next_range(analysis, LEARNING_RATE, parameter)
    middle = float(np.median([optimum[LEARNING_RATE] for optimum in analysis.samples.optima]))
    shrinkage = batch_sizes.sizes[0] / batch_sizes.best
    growth = batch_sizes.sizes[-1] / batch_sizes.best
    scaling = analysis.scaling
    if scaling is not None and scaling.at_bound <= MAX_AT_BOUND and np.ptp(scaling.interval) <= 1.0:
        smallest, largest = (min(max(e, 0.0), 1.5) for e in scaling.interval)
        rule = f"the range follows the measured scaling exponent ({smallest:.2f} to {largest:.2f})"
    else:
        largest = PRIOR_EXPONENT[1]
        rule = (
            "the trials do not determine how the best learning rate scales with batch size, so "
            "the range covers square-root to linear scaling"
        )
    directions = []
    if growth > 1:
        high = max(high, middle * growth**largest)
        directions.append(f"grow {growth:g} times")
    if shrinkage < 1:
        low = min(low, middle * shrinkage**largest)
        directions.append(f"shrink to 1/{1 / shrinkage:g}")
    if directions:
        reason += f"; batch sizes {' and '.join(directions)}, and {rule}"
        finding = "learning rate with batch"
    return Change(rounded_range(low, high, parameter), reason, finding)
