"""The distributions of numbers, named as in W&B, one class each.

Source: W&B's "Sweep configuration options" documentation, and where that is silent the schema and
engine of its package `sweeps`. `quantile` is what method `random` draws from. The surrogate model
uses the range (`low`, `high`) on a scale (`model_scale`):

- logarithmic for logarithmic distributions and for a positive range whose upper end is at least ten
  times its lower end; else linear. The key `scale` overrides both.
- The range of an unbounded distribution leaves out one value in a thousand at each end; `random`
  returns nothing outside it.
"""

import math
from abc import abstractmethod
from statistics import NormalDist
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Scale = Literal["linear", "log"]

LOG_SCALE_RATIO = 10.0
"""Ratio of the ends of a range from which the model's scale is logarithmic."""

TAIL = 0.001
"""Fraction of an unbounded distribution that is left out at each end."""

DIGITS = 4
"""Significant digits of a value on a continuous scale."""

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class StrictModel(BaseModel):
    """A table without unknown keys and without conversion of types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Number(StrictModel):
    """A number between `low` and `high` with `DIGITS` significant digits."""

    scale: Scale | None = None

    @model_validator(mode="after")
    def _check_log_scale(self) -> "_Number":
        if self.scale == "log" and self._default_scale == "linear" and self.low <= 0:
            raise ValueError(
                f"found scale log with the lower end {self.low:g}, expected a lower end above 0; "
                "raise it, or leave scale out"
            )
        return self

    @property
    @abstractmethod
    def low(self) -> float:
        """The lower end of the range."""

    @property
    @abstractmethod
    def high(self) -> float:
        """The upper end of the range."""

    @property
    def model_scale(self) -> Scale:
        """The scale on which the surrogate model sees the range."""
        return self.scale or self._default_scale

    @property
    def _default_scale(self) -> Scale:
        wide = self.low > 0 and self.high / self.low >= LOG_SCALE_RATIO
        return "log" if wide else "linear"

    def quantile(self, u: float) -> int | float:
        """Return the value at quantile `u` (0 to 1) of the distribution."""
        return self.snap(self._at(u))

    def from_unit(self, u: float) -> int | float:
        """Return the value at position `u` (0 to 1) of the range, on the model's scale."""
        return self.snap(_between(self.low, self.high, u, self.model_scale == "log"))

    def to_unit(self, value: float) -> float:
        """Return the position (0 to 1) of a value, on the model's scale: inverse of `from_unit`."""
        low, high, clipped = self.low, self.high, self._clip(value)
        if self.model_scale == "log":
            return math.log(clipped / low) / math.log(high / low)
        return (clipped - low) / (high - low)

    def snap(self, value: float) -> int | float:
        """Return the nearest value that a trial may have."""
        return self._clip(float(f"{self._clip(value):.{DIGITS}g}"))

    def _clip(self, value: float) -> float:
        return min(max(value, self.low), self.high)

    @abstractmethod
    def _at(self, u: float) -> float:
        """Return the value at quantile `u`, before rounding."""


class _Rounded(_Number):
    """Rounds to a multiple of `q`; values are integers if `q` is one."""

    q: int | float = 1

    @model_validator(mode="after")
    def _check_step(self) -> "_Rounded":
        if not 0 < self.q < math.inf:
            raise ValueError(f"found q {self.q}, expected a step above 0")
        return self

    def snap(self, value: float) -> int | float:
        multiple = round(self._clip(value) / self.q) * self.q
        return int(multiple) if isinstance(self.q, int) else float(f"{multiple:.12g}")


class _Range(_Number):
    """A range between `min` and `max`."""

    min: Finite
    max: Finite

    @model_validator(mode="after")
    def _check_range(self) -> "_Range":
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
    """`distribution: int_uniform`, or `min` and `max` as integers."""

    min: int
    max: int
    distribution: Literal["int_uniform"] = "int_uniform"

    def _at(self, u: float) -> float:
        return math.floor(_between(self.min, self.max + 1, u, log=False))

    def snap(self, value: float) -> int:
        return round(self._clip(value))


class Uniform(_Range):
    """`distribution: uniform`, or `min` and `max` that are not both integers."""

    distribution: Literal["uniform"] = "uniform"


class QUniform(_Rounded, _Range):
    """`distribution: q_uniform`: `uniform`, rounded to a multiple of `q`."""

    distribution: Literal["q_uniform"]


class _LogRange(_Range):
    """Uniform in the logarithm, which is also the model's scale."""

    @property
    def _default_scale(self) -> Scale:
        return "log"

    def _at(self, u: float) -> float:
        return _between(self.low, self.high, u, log=True)


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


class QLogUniformValues(_Rounded, LogUniformValues):
    """`distribution: q_log_uniform_values`: `log_uniform_values`, rounded to a multiple of `q`."""

    distribution: Literal["q_log_uniform_values"]  # type: ignore[assignment]


class LogUniform(_LogRange):
    """`distribution: log_uniform`: `min` and `max` are exponents of e.

    With `inv_log_uniform` they are the exponents of 1/x.
    """

    distribution: Literal["log_uniform", "inv_log_uniform"]

    @model_validator(mode="after")
    def _check_exponents(self) -> "LogUniform":
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
    """`distribution: q_log_uniform`: `log_uniform`, rounded to a multiple of `q`."""

    distribution: Literal["q_log_uniform"]  # type: ignore[assignment]


class _Unbounded(_Number):
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


class QNormal(_Rounded, Normal):
    """`distribution: q_normal`: `normal`, rounded to a multiple of `q`."""

    distribution: Literal["q_normal"]  # type: ignore[assignment]


class LogNormal(Normal):
    """`distribution: log_normal`: the logarithm is normal, with `mu` and `sigma`."""

    distribution: Literal["log_normal"]  # type: ignore[assignment]

    @model_validator(mode="after")
    def _check_logarithms(self) -> "LogNormal":
        if abs(self.mu) + 4 * self.sigma > 300:
            raise ValueError(
                f"found mu {self.mu} and sigma {self.sigma}, expected those of logarithms (to the "
                "base e) of the values"
            )
        return self

    @property
    def _default_scale(self) -> Scale:
        return "log"

    def _at(self, u: float) -> float:
        return math.exp(super()._at(u))


class QLogNormal(_Rounded, LogNormal):
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


class QBeta(_Rounded, Beta):
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


def _between(low: float, high: float, u: float, log: bool) -> float:
    return low * (high / low) ** u if log else low + u * (high - low)
