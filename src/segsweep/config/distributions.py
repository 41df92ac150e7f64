"""The distributions of numbers, named as in W&B, one class each.

Source: W&B's "Sweep configuration options" documentation, and where that is silent the schema and
engine of its package `sweeps`. The range of an unbounded distribution leaves out one value in a
thousand at each end; method `random` returns nothing outside it.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import NormalDist
from typing import Annotated, Literal

from pydantic import Field, model_validator

from segsweep.config.number import BaseNumber, Finite, Range, Rounded, Scale, interpolate

TAIL = 0.001
"""Fraction of an unbounded distribution that is left out at each end."""

MIN_EXPONENT, MAX_EXPONENT = 0.1, 16
"""Positive exponents outside of these are values: e to the power 0.1 is 1.1, and e to the power 16
is 9 million."""

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class IntUniform(Range):
    """`distribution: int_uniform`, or `min` and `max` as integers."""

    min: int
    max: int
    distribution: Literal["int_uniform"] = "int_uniform"

    def _at(self, u: float) -> float:
        return math.floor(interpolate(self.min, self.max + 1, u, log=False))

    def snap(self, value: float) -> int:
        return round(self._clip(value))


class Uniform(Range):
    """`distribution: uniform`, or `min` and `max` that are not both integers."""

    distribution: Literal["uniform"] = "uniform"


class QUniform(Rounded, Range):
    """`distribution: q_uniform`: `uniform`, rounded to a multiple of `q`."""

    distribution: Literal["q_uniform"]


class _LogRange(Range):
    """Uniform in the logarithm, which is also the model's scale."""

    @property
    def _default_scale(self) -> Scale:
        return "log"

    def _at(self, u: float) -> float:
        return interpolate(self.low, self.high, u, log=True)


class LogUniformValues(_LogRange):
    """`distribution: log_uniform_values`: uniform in the logarithm between two values.

    `inv_log_uniform_values` is the same distribution: log(1/x) is uniform if log(x) is.
    """

    distribution: Literal["log_uniform_values", "inv_log_uniform_values"]

    @model_validator(mode="after")
    def _check_positive(self) -> "LogUniformValues":
        if self.min <= 0:
            raise ValueError(
                f"found min {self.min}, expected a min above 0 for a logarithmic scale"
            )
        return self


class QLogUniformValues(Rounded, LogUniformValues):
    """`distribution: q_log_uniform_values`: `log_uniform_values`, rounded to a multiple of `q`."""

    distribution: Literal["q_log_uniform_values"]  # type: ignore[assignment]


class LogUniform(_LogRange):
    """`distribution: log_uniform`: `min` and `max` are exponents of e.

    With `inv_log_uniform` they are the exponents of 1/x.
    """

    distribution: Literal["log_uniform", "inv_log_uniform"]

    def _check_logarithms(self) -> None:
        is_small = self.max <= 1 or self.min < MIN_EXPONENT
        are_values = self.min > 0 and (is_small or self.max >= MAX_EXPONENT)
        if are_values or max(abs(self.min), abs(self.max)) > 300:
            raise ValueError(
                f"found min {self.min} and max {self.max}, which {self.distribution} takes as "
                f"exponents of e ({_power(self.min)} to {_power(self.max)}), expected logarithms; "
                f"for values write distribution {self.distribution}_values"
            )

    @property
    def low(self) -> float:
        return math.exp(-self.max if self.distribution == "inv_log_uniform" else self.min)

    @property
    def high(self) -> float:
        return math.exp(-self.min if self.distribution == "inv_log_uniform" else self.max)


class QLogUniform(Rounded, LogUniform):
    """`distribution: q_log_uniform`: `log_uniform`, rounded to a multiple of `q`."""

    distribution: Literal["q_log_uniform"]  # type: ignore[assignment]


def _power(exponent: float) -> str:
    return f"{math.exp(exponent):.4g}" if abs(exponent) < 300 else f"e^{exponent:g}"


class _Unbounded(BaseNumber):
    """An unbounded distribution; its range ends at the quantiles `TAIL` and 1 - `TAIL`."""

    @property
    def low(self) -> float:
        return self._at(TAIL)

    @property
    def high(self) -> float:
        return self._at(1 - TAIL)


class Normal(_Unbounded):
    """`distribution: normal`: mean `mu`, standard deviation `sigma`."""

    mu: Finite = 0.0
    sigma: Positive = 1.0
    distribution: Literal["normal"]

    def _at(self, u: float) -> float:
        return NormalDist(self.mu, self.sigma).inv_cdf(min(max(u, TAIL), 1 - TAIL))


class QNormal(Rounded, Normal):
    """`distribution: q_normal`: `normal`, rounded to a multiple of `q`."""

    distribution: Literal["q_normal"]  # type: ignore[assignment]


class LogNormal(Normal):
    """`distribution: log_normal`: the logarithm is normal, with `mu` and `sigma`."""

    distribution: Literal["log_normal"]  # type: ignore[assignment]

    def _check_logarithms(self) -> None:
        if abs(self.mu) + 4 * self.sigma > 300 or 0 < self.mu < MIN_EXPONENT:
            raise ValueError(
                f"found mu {self.mu} and sigma {self.sigma}, expected those of logarithms (to the "
                "base e) of the values"
            )

    @property
    def _default_scale(self) -> Scale:
        return "log"

    def _at(self, u: float) -> float:
        return math.exp(super()._at(u))


class QLogNormal(Rounded, LogNormal):
    """`distribution: q_log_normal`: `log_normal`, rounded to a multiple of `q`."""

    distribution: Literal["q_log_normal"]  # type: ignore[assignment]


class Beta(_Unbounded):
    """`distribution: beta`: between 0 and 1, with the shape parameters `a` and `b`."""

    a: Positive = 1.0
    b: Positive = 1.0
    distribution: Literal["beta"]

    def _at(self, u: float) -> float:
        from scipy.special import betaincinv  # slow to import and rarely needed

        return float(betaincinv(self.a, self.b, min(max(u, TAIL), 1 - TAIL)))


class QBeta(Rounded, Beta):
    """`distribution: q_beta`: `beta`, rounded to a multiple of `q`."""

    distribution: Literal["q_beta"]  # type: ignore[assignment]


Number = (
    IntUniform
    | Uniform
    | QUniform
    | LogUniformValues
    | QLogUniformValues
    | LogUniform
    | QLogUniform
    | Normal
    | QNormal
    | LogNormal
    | QLogNormal
    | Beta
    | QBeta
)


@contextmanager
def explain_distribution(parameter: object) -> Iterator[None]:
    """Add to a `ValueError` about a value of a parameter what its distribution means."""
    try:
        yield
    except ValueError as error:
        if isinstance(parameter, LogUniform):
            advice = f"for values write {parameter.distribution}_values"
            text = f"min and max of {parameter.distribution} are exponents of e; {advice}"
        elif isinstance(parameter, LogNormal):
            text = f"mu and sigma of {parameter.distribution} are those of the natural logarithm"
        elif isinstance(parameter, BaseNumber) and "a whole number" in str(error):
            text = "for whole numbers write distribution int_uniform, or one with q: 1"
        else:
            raise
        raise ValueError(f"{error}; {text}") from None
