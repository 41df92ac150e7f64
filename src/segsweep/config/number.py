"""Base classes of the distributions: a number between two ends, on a linear or logarithmic scale.

`quantile` is what method `random` draws from. The surrogate model sees the range (`low`, `high`) on
a scale (`model_scale`): logarithmic for logarithmic distributions and for a positive range whose
upper end is at least ten times its lower end; else linear. The key `scale` overrides both.
"""

import math
from abc import abstractmethod
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from segsweep.core.float32 import LARGEST

Scale = Literal["linear", "log"]

LOG_SCALE_RATIO = 10.0
"""Ratio of the ends of a range from which the model's scale is logarithmic."""

DIGITS = 4
"""Significant digits of a value on a continuous scale."""

MAX_STEPS = 2**53
"""Maximum number of steps `q` from 0 to the end of a range: float64 has these whole numbers."""

Finite = Annotated[float, Field(allow_inf_nan=False)]


class StrictModel(BaseModel):
    """A table without unknown keys and without conversion of types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class BaseNumber(StrictModel):
    """A number between `low` and `high` with `DIGITS` significant digits."""

    scale: Scale | None = None

    def _check_logarithms(self) -> None:
        """Raise `ValueError` if numbers that have to be logarithms are none."""

    @model_validator(mode="after")
    def _check_size(self) -> "BaseNumber":
        self._check_logarithms()
        try:
            low, high = self.low, self.high
        except OverflowError:
            return self  # another validator refuses this
        if isinstance(self, Range) and not low < high:
            return self  # another validator refuses this
        is_log = self.model_scale == "log" and low > 0
        if not -LARGEST <= low < high <= LARGEST or (is_log and math.isinf(high / low)):
            raise ValueError(
                f"found the range {low:g} to {high:g}, expected two different numbers up to "
                f"{LARGEST:.2g} (float32), and on a logarithmic scale a finite ratio of them; "
                "choose other ends"
            )
        return self

    @model_validator(mode="after")
    def _check_log_scale(self) -> "BaseNumber":
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
        return self.snap(interpolate(self.low, self.high, u, self.model_scale == "log"))

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


class Rounded(BaseNumber):
    """Rounds to a multiple of `q`; values are integers if `q` is one."""

    q: int | float = 1

    @model_validator(mode="after")
    def _check_step(self) -> "Rounded":
        if not 0 < self.q < math.inf:
            raise ValueError(f"found q {self.q}, expected a step above 0")
        if max(abs(self.low), abs(self.high)) > MAX_STEPS * self.q:
            raise ValueError(
                f"found q {self.q}, which is too small for the range {self.low:g} to "
                f"{self.high:g}, expected at most 2^53 steps; choose a larger q, or a "
                "distribution without q"
            )
        return self

    def snap(self, value: float) -> int | float:
        multiple = round(self._clip(value) / self.q) * self.q
        return int(multiple) if isinstance(self.q, int) else float(f"{multiple:.12g}")


class Range(BaseNumber):
    """A range between `min` and `max`."""

    min: Finite
    max: Finite

    @model_validator(mode="after")
    def _check_range(self) -> "Range":
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
        return interpolate(self.low, self.high, u, log=False)


def interpolate(low: float, high: float, u: float, log: bool) -> float:
    """Return the value at position `u` (0 to 1) between two ends."""
    return low * (high / low) ** u if log else low + u * (high - low)
