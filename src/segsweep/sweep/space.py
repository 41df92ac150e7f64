"""The search space as W&B writes it: one typed object per parameter of a sweep.

Source of the forms: W&B's "Sweep configuration options" documentation, and the schema and engine of
its package `sweeps` where that is silent. A form's `quantile` is what method `random` returns. How
the model of the search looks at a parameter is another matter (`low`, `high`, `model_scale`):

- numeric `values` are ordered: the model sees their rank, not their names;
- a positive range whose upper end is at least ten times its lower, and every logarithmic
  distribution, is seen in logarithms; all else on a line;
- of distributions without ends the model sees all but one value in a thousand on each side, and
  `random` returns nothing beyond.
"""

import math
from statistics import NormalDist
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

LOG_SCALE_RATIO = 10.0
TAIL = 0.001
DIGITS = 4
"""Significant digits of a value on a continuous scale."""

Scalar = bool | int | float | str
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Quantum = Annotated[int, Field(gt=0)] | Positive
Finite = Annotated[float, Field(allow_inf_nan=False)]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Constant(_Form):
    """`value: 40`: the same in every trial."""

    value: Any
    distribution: Literal["constant"] = "constant"


class Categorical(_Form):
    """`values: [16, 32, 64]`: one of a list; numbers are taken as ordered.

    `probabilities`, one per value, are what `random` draws by.
    """

    values: Annotated[list[Scalar], Field(min_length=1)]
    probabilities: list[Annotated[float, Field(ge=0, le=1)]] | None = None
    distribution: Literal["categorical", "categorical_w_probabilities"] = "categorical"

    @model_validator(mode="after")
    def _one_probability_each(self) -> "Categorical":
        if self.probabilities is None:
            if self.distribution != "categorical":
                raise ValueError("found no probabilities, expected one for each value")
            return self
        if len(self.probabilities) != len(self.values):
            raise ValueError(
                f"found {len(self.probabilities)} probabilities for {len(self.values)} values, "
                "expected one for each"
            )
        if not math.isclose(math.fsum(self.probabilities), 1, abs_tol=1e-6):
            total = math.fsum(self.probabilities)
            raise ValueError(f"found probabilities with the sum {total:g}, expected 1")
        return self

    @property
    def ordered(self) -> list[Scalar]:
        """The values as the search sees them: numbers in rising order, anything else as written."""
        if self.is_numeric:
            return sorted(self.values)
        return list(self.values)

    @property
    def is_numeric(self) -> bool:
        return all(isinstance(v, int | float) and not isinstance(v, bool) for v in self.values)

    def quantile(self, u: float) -> Scalar:
        """The value at share `u` (0 to 1, 1 left out) of the probabilities."""
        shares = self.probabilities or [1 / len(self.values)] * len(self.values)
        total = 0.0
        for value, share in zip(self.values, shares, strict=True):
            total += share
            if u < total:
                return value
        return next(v for v, s in zip(self.values[::-1], shares[::-1], strict=True) if s > 0)


class _Number(_Form):
    """A number between two ends, `low` and `high`; a multiple of `q` in the forms that have it."""

    @property
    def low(self) -> float:
        raise NotImplementedError

    @property
    def high(self) -> float:
        raise NotImplementedError

    @property
    def model_scale(self) -> Literal["linear", "log"]:
        wide = self.low > 0 and self.high / self.low >= LOG_SCALE_RATIO
        return "log" if wide else "linear"

    def quantile(self, u: float) -> int | float:
        """The value at share `u` (0 to 1) of the distribution: what `random` returns."""
        return self.snap(self._at(u))

    def place(self, u: float) -> int | float:
        """The value at share `u` (0 to 1) of the range, on the scale that the model sees."""
        return self.snap(_between(self.low, self.high, u, self.model_scale == "log"))

    def snap(self, value: float) -> int | float:
        """The nearest value that a trial may have: four digits, or a multiple of `q`."""
        inside = min(max(value, self.low), self.high)
        q = getattr(self, "q", None)
        if q is None:
            return min(max(float(f"{inside:.{DIGITS}g}"), self.low), self.high)
        multiple = round(inside / q) * q
        return int(multiple) if isinstance(q, int) else float(f"{multiple:.12g}")

    def _at(self, u: float) -> float:
        raise NotImplementedError


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

    def place(self, u: float) -> int:
        log = self.model_scale == "log"
        return self.snap(math.floor(_between(self.min, self.max + 1, u, log)))

    def snap(self, value: float) -> int:
        return round(min(max(value, self.min), self.max))


class Uniform(_Range):
    """`distribution: uniform`, or `min` and `max` of which one is not whole."""

    distribution: Literal["uniform"] = "uniform"


class QUniform(_Range):
    """`distribution: q_uniform`: uniform, rounded to a multiple of `q`."""

    q: Quantum = 1
    distribution: Literal["q_uniform"]


class LogUniformValues(_Range):
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

    @property
    def model_scale(self) -> Literal["linear", "log"]:
        return "log"

    def _at(self, u: float) -> float:
        return _between(self.low, self.high, u, log=True)


class QLogUniformValues(LogUniformValues):
    """`distribution: q_log_uniform_values`: the same, rounded to a multiple of `q`."""

    q: Quantum = 1
    distribution: Literal["q_log_uniform_values"]  # type: ignore[assignment]


class LogUniform(_Range):
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

    @property
    def model_scale(self) -> Literal["linear", "log"]:
        return "log"

    def _at(self, u: float) -> float:
        return _between(self.low, self.high, u, log=True)


class QLogUniform(LogUniform):
    """`distribution: q_log_uniform`: the same, rounded to a multiple of `q`."""

    q: Quantum = 1
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


class QNormal(Normal):
    """`distribution: q_normal`: the same, rounded to a multiple of `q`."""

    q: Quantum = 1
    distribution: Literal["q_normal"]  # type: ignore[assignment]


class LogNormal(Normal):
    """`distribution: log_normal`: the logarithm is normal with `mu` and `sigma`."""

    distribution: Literal["log_normal"]  # type: ignore[assignment]

    @property
    def model_scale(self) -> Literal["linear", "log"]:
        return "log"

    def _at(self, u: float) -> float:
        return math.exp(super()._at(u))


class QLogNormal(LogNormal):
    """`distribution: q_log_normal`: the same, rounded to a multiple of `q`."""

    q: Quantum = 1
    distribution: Literal["q_log_normal"]  # type: ignore[assignment]


class Beta(_Bell):
    """`distribution: beta`: between 0 and 1, with the shape `a`, `b`."""

    a: Positive = 1.0
    b: Positive = 1.0
    distribution: Literal["beta"]

    def _at(self, u: float) -> float:
        from scipy.special import betaincinv  # slow to import, and seldom needed

        return float(betaincinv(self.a, self.b, min(max(u, TAIL), 1 - TAIL)))


class QBeta(Beta):
    """`distribution: q_beta`: the same, rounded to a multiple of `q`."""

    q: Quantum = 1
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
Parameter = Constant | Categorical | Number

FORMS: dict[str, type[Parameter]] = {
    "constant": Constant,
    "categorical": Categorical,
    "categorical_w_probabilities": Categorical,
    "int_uniform": IntUniform,
    "uniform": Uniform,
    "q_uniform": QUniform,
    "log_uniform_values": LogUniformValues,
    "inv_log_uniform_values": LogUniformValues,
    "q_log_uniform_values": QLogUniformValues,
    "log_uniform": LogUniform,
    "inv_log_uniform": LogUniform,
    "q_log_uniform": QLogUniform,
    "normal": Normal,
    "q_normal": QNormal,
    "log_normal": LogNormal,
    "q_log_normal": QLogNormal,
    "beta": Beta,
    "q_beta": QBeta,
}


def form_of(spec: Any) -> type[Parameter]:
    """The form that W&B infers from the keys of a parameter's table.

    Raises `ValueError` with a sentence when no form fits.
    """
    if not isinstance(spec, dict):
        raise ValueError(
            f"found {spec!r}, expected a table with 'value', 'values', or 'min' and 'max'"
        )
    distribution = spec.get("distribution")
    if distribution is not None:
        if not isinstance(distribution, str) or distribution not in FORMS:
            raise ValueError(
                f"found distribution {distribution!r}, expected one of {', '.join(FORMS)}"
            )
        return FORMS[distribution]
    if "value" in spec:
        return Constant
    if "values" in spec:
        return Categorical
    if "min" in spec and "max" in spec:
        whole = all(
            isinstance(spec[k], int) and not isinstance(spec[k], bool) for k in ("min", "max")
        )
        return IntUniform if whole else Uniform
    raise ValueError(
        f"found only {sorted(map(str, spec))}, expected 'value', 'values', or 'min' and 'max'"
    )


def contains(parameter: Parameter, value: Any) -> bool:
    """Whether a trial may have this value."""
    if isinstance(parameter, Constant):
        return bool(value == parameter.value)
    if isinstance(parameter, Categorical):
        return value in parameter.values
    first, last = extremes(parameter)
    return bool(min(first, parameter.low) <= value <= max(last, parameter.high))


def extremes(parameter: Parameter) -> list[Any]:
    """Every value that a parameter can take, or the two ends of its range."""
    if isinstance(parameter, Constant):
        return [parameter.value]
    if isinstance(parameter, Categorical):
        return parameter.values
    return [parameter.snap(parameter.low), parameter.snap(parameter.high)]


def to_wandb(parameter: Parameter) -> dict[str, Any]:
    """The parameter as W&B reads it, with nothing that W&B would infer by itself."""
    written = parameter.model_dump(exclude_none=True)
    if isinstance(parameter, Constant | Categorical):
        del written["distribution"]
    return written


def read_space(specs: dict[str, Any]) -> dict[str, Parameter]:
    """The `parameters` table of a W&B sweep configuration, typed."""
    return {name: form_of(spec).model_validate(spec) for name, spec in specs.items()}


def _between(low: float, high: float, u: float, log: bool) -> float:
    return low * (high / low) ** u if log else low + u * (high - low)
