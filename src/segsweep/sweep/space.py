"""The search space as W&B writes it: one typed object per parameter of a sweep.

Source of the forms: W&B's "Sweep configuration options" documentation. `model_scale` says how the
search looks at a parameter, which W&B's own engine leaves to the distribution:

- numeric `values` are ordered: the search sees their rank, not their names;
- a positive range whose maximum is at least ten times its minimum is seen on a logarithmic scale.
"""

import math
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

LOG_SCALE_RATIO = 10.0

Scalar = bool | int | float | str


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Constant(_Form):
    """`value: 40`: the same in every trial."""

    value: Any
    distribution: Literal["constant"] = "constant"


class Categorical(_Form):
    """`values: [16, 32, 64]`: one of a list; numbers are taken as ordered."""

    values: Annotated[list[Scalar], Field(min_length=1)]
    distribution: Literal["categorical"] = "categorical"

    @property
    def ordered(self) -> list[Scalar]:
        """The values as the search sees them: numbers in rising order, anything else as written."""
        if self.is_numeric:
            return sorted(self.values)
        return list(self.values)

    @property
    def is_numeric(self) -> bool:
        return all(isinstance(v, int | float) and not isinstance(v, bool) for v in self.values)


class _Range(_Form):
    min: float
    max: float

    @model_validator(mode="after")
    def _min_below_max(self) -> "_Range":
        if not (math.isfinite(self.min) and math.isfinite(self.max) and self.min < self.max):
            raise ValueError(f"found min {self.min} and max {self.max}, expected min below max")
        return self

    @property
    def model_scale(self) -> Literal["linear", "log"]:
        wide = self.min > 0 and self.max / self.min >= LOG_SCALE_RATIO
        return "log" if wide else "linear"


class IntUniform(_Range):
    """`distribution: int_uniform`, or `min` and `max` as whole numbers."""

    min: int
    max: int
    distribution: Literal["int_uniform"] = "int_uniform"


class Uniform(_Range):
    """`distribution: uniform`, or `min` and `max` of which one is not whole."""

    distribution: Literal["uniform"] = "uniform"


class LogUniformValues(_Range):
    """`distribution: log_uniform_values`: uniform in the logarithm between two values."""

    distribution: Literal["log_uniform_values"]

    @model_validator(mode="after")
    def _positive(self) -> "LogUniformValues":
        if self.min <= 0:
            raise ValueError(
                f"found min {self.min}, expected a min above 0 for a logarithmic scale"
            )
        return self

    @property
    def model_scale(self) -> Literal["linear", "log"]:
        return "log"


Parameter = Constant | Categorical | IntUniform | Uniform | LogUniformValues

FORMS: dict[str, type[Parameter]] = {
    "constant": Constant,
    "categorical": Categorical,
    "int_uniform": IntUniform,
    "uniform": Uniform,
    "log_uniform_values": LogUniformValues,
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
    return bool(parameter.min <= value <= parameter.max)


def extremes(parameter: Parameter) -> list[Any]:
    """Every value that a parameter can take, or the two ends of its range."""
    if isinstance(parameter, Constant):
        return [parameter.value]
    if isinstance(parameter, Categorical):
        return parameter.values
    return [parameter.min, parameter.max]


def to_wandb(parameter: Parameter) -> dict[str, Any]:
    """The parameter as W&B reads it, with nothing that W&B would infer by itself."""
    written = parameter.model_dump()
    if isinstance(parameter, Constant | Categorical):
        del written["distribution"]
    return written


def read_space(specs: dict[str, Any]) -> dict[str, Parameter]:
    """The `parameters` table of a W&B sweep configuration, typed."""
    return {name: form_of(spec).model_validate(spec) for name, spec in specs.items()}
