"""The search space in W&B's format: one typed object per parameter of a sweep.

Source: W&B's "Sweep configuration options" documentation. Only `scale`, the scale on which the
surrogate model sees a parameter, is not W&B's.
"""

import math
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from segsweep.config import distributions as d
from segsweep.config.distributions import IntUniform, Number, Uniform
from segsweep.config.number import StrictModel

Scalar = bool | int | float | str

MAX_CHOICES = 1000
"""Maximum number of values in a list. Search a longer list of numbers as a range."""


class Constant(StrictModel):
    """`value: 40`: the same in every trial."""

    value: Any
    distribution: Literal["constant"] = "constant"


class Categorical(StrictModel):
    """`values: [16, 32, 64]`: one of a list.

    `random` draws by the `probabilities`, one per value. The surrogate model sees the rank of
    ordered values and one column per value of others; without `scale`, numbers are ordered.
    """

    values: Annotated[list[Scalar], Field(min_length=1, max_length=MAX_CHOICES)]
    probabilities: list[Annotated[float, Field(ge=0, le=1)]] | None = None
    scale: Literal["ordered", "unordered"] | None = None
    distribution: Literal["categorical", "categorical_w_probabilities"] = "categorical"

    @model_validator(mode="after")
    def _check_probabilities(self) -> "Categorical":
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

    @model_validator(mode="after")
    def _check_order(self) -> "Categorical":
        if self.scale == "ordered" and not self.is_numeric:
            raise ValueError(
                f"found scale ordered with the values {self.values}, expected numbers; write "
                "numbers, or leave scale out"
            )
        return self

    @property
    def ordered(self) -> list[Scalar]:
        """The values as the surrogate model sees them: sorted if ordered, else as written."""
        if self.is_ordered:
            return sorted(self.values)
        return list(self.values)

    @property
    def is_ordered(self) -> bool:
        return self.is_numeric and self.scale != "unordered"

    @property
    def is_numeric(self) -> bool:
        return all(isinstance(v, int | float) and not isinstance(v, bool) for v in self.values)

    def from_unit(self, u: float) -> Scalar:
        """Return the value at position `u` (0 to 1) between the first and the last."""
        return self.ordered[round(u * (len(self.values) - 1))]

    def to_unit(self, value: Scalar) -> float:
        """Return the position (0 to 1) of a value: inverse of `from_unit`."""
        return self.ordered.index(value) / max(1, len(self.values) - 1)

    def quantile(self, u: float) -> Scalar:
        """Return the value at quantile `u` (0 to 1, without 1) of the probabilities."""
        probabilities = self.probabilities or [1 / len(self.values)] * len(self.values)
        total = 0.0
        for value, probability in zip(self.values, probabilities, strict=True):
            total += probability
            if u < total:
                return value
        pairs = zip(self.values[::-1], probabilities[::-1], strict=True)
        return next(value for value, probability in pairs if probability > 0)


Parameter = Constant | Categorical | Number

PARAMETER_TYPES: dict[str, type[Parameter]] = {
    "constant": Constant,
    "categorical": Categorical,
    "categorical_w_probabilities": Categorical,
    "int_uniform": IntUniform,
    "uniform": Uniform,
    "q_uniform": d.QUniform,
    "log_uniform_values": d.LogUniformValues,
    "inv_log_uniform_values": d.LogUniformValues,
    "q_log_uniform_values": d.QLogUniformValues,
    "log_uniform": d.LogUniform,
    "inv_log_uniform": d.LogUniform,
    "q_log_uniform": d.QLogUniform,
    "normal": d.Normal,
    "q_normal": d.QNormal,
    "log_normal": d.LogNormal,
    "q_log_normal": d.QLogNormal,
    "beta": d.Beta,
    "q_beta": d.QBeta,
}


def parameter_type(spec: Any) -> type[Parameter]:
    """Return the type that W&B infers from the keys of a parameter's table.

    Raises:
        ValueError: No type fits.
    """
    if not isinstance(spec, dict):
        raise ValueError(
            f"found {spec!r}, expected a table with 'value', 'values', or 'min' and 'max'"
        )
    distribution = spec.get("distribution")
    if distribution is not None:
        if not isinstance(distribution, str) or distribution not in PARAMETER_TYPES:
            raise ValueError(
                f"found distribution {distribution!r}, expected one of {', '.join(PARAMETER_TYPES)}"
            )
        return PARAMETER_TYPES[distribution]
    if "value" in spec:
        return Constant
    if "values" in spec:
        return Categorical
    if "min" in spec and "max" in spec:
        integers = all(
            isinstance(spec[k], int) and not isinstance(spec[k], bool) for k in ("min", "max")
        )
        return IntUniform if integers else Uniform
    raise ValueError(
        f"found only {sorted(map(str, spec))}, expected 'value', 'values', or 'min' and 'max'"
    )


def contains(parameter: Parameter, value: Any) -> bool:
    """Return whether a trial may have this value."""
    if isinstance(parameter, Constant):
        return bool(value == parameter.value)
    if isinstance(parameter, Categorical):
        return value in parameter.values
    first, last = extremes(parameter)
    return bool(min(first, parameter.low) <= value <= max(last, parameter.high))


def extremes(parameter: Parameter) -> list[Any]:
    """Return all values of a constant or categorical parameter, or the two ends of a range."""
    if isinstance(parameter, Constant):
        return [parameter.value]
    if isinstance(parameter, Categorical):
        return parameter.values
    return [parameter.snap(parameter.low), parameter.snap(parameter.high)]


def to_table(parameter: Parameter) -> dict[str, Any]:
    """Return the parameter as `read_space` reads it, without what would be inferred."""
    table = parameter.model_dump(exclude_none=True)
    if isinstance(parameter, Constant | Categorical):
        del table["distribution"]
    return table


def to_wandb(parameter: Parameter) -> dict[str, Any]:
    """Return the parameter as W&B reads it, which refuses `scale`."""
    return {key: value for key, value in to_table(parameter).items() if key != "scale"}


def read_space(specs: dict[str, Any]) -> dict[str, Parameter]:
    """Return the `parameters` table of a W&B sweep configuration, flat and typed."""
    return {
        name: parameter_type(spec).model_validate(spec) for name, spec in flatten(specs).items()
    }


def flatten(specs: dict[str, Any]) -> dict[str, Any]:
    """Return the tables of all parameters by their dotted names, such as `model.depth`.

    Raises:
        ValueError: A table is wrong; the message begins with its dotted name.
    """
    flat: dict[str, Any] = {}
    for name, spec in specs.items():
        for dotted, table in _leaves(str(name), spec):
            if dotted in flat:
                raise ValueError(f"{dotted}: found two tables, expected one; delete the other")
            flat[dotted] = table
    return flat


def _leaves(name: str, spec: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(spec, dict) or "parameters" not in spec:
        yield name, spec
        return
    group = spec["parameters"]
    if others := sorted(map(str, spec.keys() - {"parameters"})):
        raise ValueError(
            f"{name}: found {others} next to 'parameters', expected a parameter or a group, not "
            "both; delete one of them"
        )
    if not isinstance(group, dict) or not group:
        raise ValueError(
            f"{name}.parameters: found {group!r}, expected a table of parameters; write one, or "
            f"delete '{name}'"
        )
    for key, inner in group.items():
        yield from _leaves(f"{name}.{key}", inner)
