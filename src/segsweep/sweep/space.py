"""The search space as W&B writes it: one typed object per parameter of a sweep.

Source: W&B's "Sweep configuration options" documentation. Numeric `values` are ordered: the model
of the search sees their rank, not their names.
"""

import math
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from segsweep.sweep import distributions as d
from segsweep.sweep.distributions import Form, IntUniform, Number, Uniform

Scalar = bool | int | float | str


class Constant(Form):
    """`value: 40`: the same in every trial."""

    value: Any
    distribution: Literal["constant"] = "constant"


class Categorical(Form):
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

    def place(self, u: float) -> Scalar:
        """The value at share `u` (0 to 1) of the way from the first to the last."""
        return self.ordered[round(u * (len(self.values) - 1))]

    def share(self, value: Scalar) -> float:
        """How far a value lies on the way from the first to the last, 0 to 1: `place` undone."""
        return self.ordered.index(value) / max(1, len(self.values) - 1)

    def quantile(self, u: float) -> Scalar:
        """The value at share `u` (0 to 1, 1 left out) of the probabilities."""
        shares = self.probabilities or [1 / len(self.values)] * len(self.values)
        total = 0.0
        for value, share in zip(self.values, shares, strict=True):
            total += share
            if u < total:
                return value
        return next(v for v, s in zip(self.values[::-1], shares[::-1], strict=True) if s > 0)


Parameter = Constant | Categorical | Number

FORMS: dict[str, type[Parameter]] = {
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
