"""The distributions of numbers, as W&B names them, one form each.

Source: W&B's "Sweep configuration options" documentation, and the schema and engine of its package
`sweeps` where that is silent. `quantile` is what method `random` returns. How the model of the
search looks at a form is another matter (`low`, `high`, `model_scale`):

- a positive range whose upper end is at least ten times its lower, and every logarithmic
  distribution, is seen in logarithms; all else on a line; a `scale` of its own goes before both;
- of distributions without ends the model sees all but one value in a thousand on each side, and
  `random` returns nothing beyond.
"""

import math
from abc import abstractmethod
from statistics import NormalDist
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Scale = Literal["linear", "log"]

LOG_SCALE_RATIO = 10.0
TAIL = 0.001
DIGITS = 4
"""Significant digits of a value on a continuous scale."""

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class Form(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Number(Form):
    """A number between two ends, `low` and `high`, of four significant digits."""

    scale: Scale | None = None

    @model_validator(mode="after")
    def _has_logarithms(self) -> "_Number":
        if self.scale == "log" and self._usual_scale == "linear" and self.low <= 0:
            raise ValueError(
                f"found scale log with the lower end {self.low:g}, expected a lower end above 0; "
                "raise it, or leave scale out"
            )
        return self

    @property
    @abstractmethod
    def low(self) -> float: ...

    @property
    @abstractmethod
    def high(self) -> float: ...

    @property
    def model_scale(self) -> Scale:
        return self.scale or self._usual_scale

    @property
    def _usual_scale(self) -> Scale:
        wide = self.low > 0 and self.high / self.low >= LOG_SCALE_RATIO
        return "log" if wide else "linear"

    def quantile(self, u: float) -> int | float:
        """The value at share `u` (0 to 1) of the distribution: what `random` returns."""
        return self.snap(self._at(u))

    def from_unit(self, u: float) -> int | float:
        """The value at share `u` (0 to 1) of the range, on the scale that the model sees."""
        return self.snap(_between(self.low, self.high, u, self.model_scale == "log"))

    def to_unit(self, value: float) -> float:
        """Where a value lies in the range, 0 to 1, on that scale: `from_unit` inverted."""
        low, high, inside = self.low, self.high, self._inside(value)
        if self.model_scale == "log":
            return math.log(inside / low) / math.log(high / low)
        return (inside - low) / (high - low)

    def snap(self, value: float) -> int | float:
        """The nearest value that a trial may have."""
        return self._inside(float(f"{self._inside(value):.{DIGITS}g}"))

    def _inside(self, value: float) -> float:
        return min(max(value, self.low), self.high)

    @abstractmethod
    def _at(self, u: float) -> float: ...


class _Rounded(_Number):
    """Rounded to a multiple of `q`; whole numbers where `q` is written as one."""

    q: int | float = 1

    @model_validator(mode="after")
    def _step_above_zero(self) -> "_Rounded":
        if not 0 < self.q < math.inf:
            raise ValueError(f"found q {self.q}, expected a step above 0")
        return self

    def snap(self, value: float) -> int | float:
        multiple = round(self._inside(value) / self.q) * self.q
        return int(multiple) if isinstance(self.q, int) else float(f"{multiple:.12g}")


class _Range(_Number):
    """`min` and `max` are the ends themselves."""

    min: Finite
    max: Finite

    @model_validator(mode="after")
    def _min_below_max(self) -> "_Range":
        if not self.min < self.max:
            raise ValueError(f"found min {self.min} and max {self.max}, expected min below max")
        return self

    @property
    def low(self) -> float:
        return self.min

    @property
    def high(self) -> float:
        return self.max

    def _at(self, u: float) -> float:
        return _between(self.low, self.high, u, log=False)


class IntUniform(_Range):
    """`distribution: int_uniform`, or `min` and `max` as whole numbers."""

    min: int
    max: int
    distribution: Literal["int_uniform"] = "int_uniform"

    def _at(self, u: float) -> float:
        return math.floor(_between(self.min, self.max + 1, u, log=False))

    def snap(self, value: float) -> int:
        return round(self._inside(value))


class Uniform(_Range):
    """`distribution: uniform`, or `min` and `max` of which one is not whole."""

    distribution: Literal["uniform"] = "uniform"


class QUniform(_Rounded, _Range):
    """`distribution: q_uniform`: uniform, rounded to a multiple of `q`."""

    distribution: Literal["q_uniform"]


class _LogRange(_Range):
    """Uniform in the logarithm, which the model sees too."""

    @property
    def _usual_scale(self) -> Scale:
        return "log"

    def _at(self, u: float) -> float:
        return _between(self.low, self.high, u, log=True)


class LogUniformValues(_LogRange):
    """`distribution: log_uniform_values`: uniform in the logarithm between two values.

    So is `inv_log_uniform_values`: log(1/x) is uniform where log(x) is.
    """

    distribution: Literal["log_uniform_values", "inv_log_uniform_values"]

    @model_validator(mode="after")
    def _above_zero(self) -> "LogUniformValues":
        if self.min <= 0:
            raise ValueError(
                f"found min {self.min}, expected a min above 0 for a logarithmic scale"
            )
        return self


class QLogUniformValues(_Rounded, LogUniformValues):
    """`distribution: q_log_uniform_values`: the same, rounded to a multiple of `q`."""

    distribution: Literal["q_log_uniform_values"]  # type: ignore[assignment]


class LogUniform(_LogRange):
    """`distribution: log_uniform`: `min` and `max` are exponents of e.

    With `inv_log_uniform` they are those of 1/x.
    """

    distribution: Literal["log_uniform", "inv_log_uniform"]

    @model_validator(mode="after")
    def _can_be_exponents(self) -> "LogUniform":
        if max(abs(self.min), abs(self.max)) > 300:
            raise ValueError(
                f"found the exponents min {self.min} and max {self.max}, expected logarithms (to "
                "the base e); for values write distribution log_uniform_values"
            )
        return self

    @property
    def low(self) -> float:
        return math.exp(-self.max if self.distribution == "inv_log_uniform" else self.min)

    @property
    def high(self) -> float:
        return math.exp(-self.min if self.distribution == "inv_log_uniform" else self.max)


class QLogUniform(_Rounded, LogUniform):
    """`distribution: q_log_uniform`: the same, rounded to a multiple of `q`."""

    distribution: Literal["q_log_uniform"]  # type: ignore[assignment]


class _Bell(_Number):
    """A distribution by its shape; its ends are the quantiles at `TAIL` and 1 - `TAIL`."""

    @property
    def low(self) -> float:
        return self._at(TAIL)

    @property
    def high(self) -> float:
        return self._at(1 - TAIL)


class Normal(_Bell):
    """`distribution: normal`: mean `mu`, standard deviation `sigma`."""

    mu: Finite = 0.0
    sigma: Positive = 1.0
    distribution: Literal["normal"]

    def _at(self, u: float) -> float:
        return NormalDist(self.mu, self.sigma).inv_cdf(min(max(u, TAIL), 1 - TAIL))


class QNormal(_Rounded, Normal):
    """`distribution: q_normal`: the same, rounded to a multiple of `q`."""

    distribution: Literal["q_normal"]  # type: ignore[assignment]


class LogNormal(Normal):
    """`distribution: log_normal`: the logarithm is normal with `mu` and `sigma`."""

    distribution: Literal["log_normal"]  # type: ignore[assignment]

    @model_validator(mode="after")
    def _is_of_logarithms(self) -> "LogNormal":
        if abs(self.mu) + 4 * self.sigma > 300:
            raise ValueError(
                f"found mu {self.mu} and sigma {self.sigma}, expected those of logarithms (to the "
                "base e) of the values"
            )
        return self

    @property
    def _usual_scale(self) -> Scale:
        return "log"

    def _at(self, u: float) -> float:
        return math.exp(super()._at(u))


class QLogNormal(_Rounded, LogNormal):
    """`distribution: q_log_normal`: the same, rounded to a multiple of `q`."""

    distribution: Literal["q_log_normal"]  # type: ignore[assignment]


class Beta(_Bell):
    """`distribution: beta`: between 0 and 1, with the shape `a`, `b`."""

    a: Positive = 1.0
    b: Positive = 1.0
    distribution: Literal["beta"]

    def _at(self, u: float) -> float:
        from scipy.special import betaincinv  # slow to import, and seldom needed

        return float(betaincinv(self.a, self.b, min(max(u, TAIL), 1 - TAIL)))


class QBeta(_Rounded, Beta):
    """`distribution: q_beta`: the same, rounded to a multiple of `q`."""

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


def _between(low: float, high: float, u: float, log: bool) -> float:
    return low * (high / low) ** u if log else low + u * (high - low)
