"""Arithmetic with ranges of parameters: values outside a range, and rounding."""

import math

from segsweep.config.distributions import (
    IntUniform,
    LogUniformValues,
    Number,
    QLogUniformValues,
    QUniform,
    Uniform,
)
from segsweep.config.search_space import Parameter


def value_at(parameter: Number, share: float) -> float:
    """Return the value at a share of the range; the share may be below 0 or above 1."""
    if parameter.model_scale == "log":
        return float(parameter.low * (parameter.high / parameter.low) ** share)
    return float(parameter.low + share * (parameter.high - parameter.low))


def rounded_range(low: float, high: float, like: Number) -> Parameter:
    """Return a range of the same distribution, its bounds rounded as far as its width allows."""
    if isinstance(like, IntUniform):
        return IntUniform(min=math.floor(low), max=max(math.ceil(high), math.floor(low) + 1))
    log = like.model_scale == "log" and low > 0
    digits = 2 if log else max(0, 2 - math.floor(math.log10(high - low)))
    rounded = [float(f"{end:.2g}") if log else round(end, digits) for end in (low, high)]
    low, high = rounded if rounded[0] < rounded[1] else (low, high)
    return _distribution(low, high, log, getattr(like, "q", None))


def _distribution(low: float, high: float, log: bool, q: float | None = None) -> Parameter:
    if log:
        kind = "log_uniform_values"
        if q is None:
            return LogUniformValues(min=low, max=high, distribution=kind)  # type: ignore[arg-type]
        return QLogUniformValues(min=low, max=high, q=q, distribution="q_log_uniform_values")
    scale = "linear" if low > 0 and high >= 10 * low else None
    if q is None:
        return Uniform(min=low, max=high, scale=scale)  # type: ignore[arg-type]
    return QUniform(min=low, max=high, q=q, distribution="q_uniform", scale=scale)  # type: ignore[arg-type]
