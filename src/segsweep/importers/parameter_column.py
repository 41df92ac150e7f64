"""The values of a parameter in all runs, with the types of the sweep's own configuration."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from segsweep.config.distributions import IntUniform
from segsweep.config.search_space import Categorical, Parameter, contains
from segsweep.core.errors import UserError
from segsweep.importers.parsing import finite, scalar
from segsweep.importers.runs import Notes, Run


@dataclass(frozen=True)
class Column:
    """The values of a parameter.

    Attributes:
        parameter: Its distribution.
        values: Its value in each run; None where the run cannot be used.
        reasons: Why a run cannot be used, by the run's index.
    """

    parameter: Parameter
    values: Sequence[Any]
    reasons: Mapping[int, str]


def typed_column(
    name: str,
    runs: Sequence[Run],
    values: Sequence[Any],
    typed: Parameter,
    reasons: dict[int, str],
    notes: Notes,
) -> Column:
    """Return the values with the types that the sweep's configuration has for them."""
    converted = [None if value is None else _as_in(typed, value) for value in values]
    outside = [i for i, v in enumerate(converted) if v is not None and not contains(typed, v)]
    known = [i for i, value in enumerate(converted) if value is not None]
    if outside and len(outside) == len(known):
        raise UserError(
            f"{notes.source}: {name} of {runs[outside[0]].name}: found "
            f"{values[outside[0]]}, and no run with a value that the sweep's configuration has for "
            f"{name}, expected the configuration of this sweep; correct it, or omit --sweep-config"
        )
    fractions = [i for i in known if (finite(converted[i]) or 0) % 1]
    if isinstance(typed, IntUniform) and fractions:
        raise UserError(
            f"{notes.source}: {name} of {runs[fractions[0]].name}: found {values[fractions[0]]}, "
            f"expected whole numbers as in the sweep's configuration (min {typed.min}, max "
            f"{typed.max}); write {float(typed.min)} and {float(typed.max)} there if fractions "
            "were searched"
        )
    for i in outside:
        reasons[i] = f"{name} outside the sweep's range"
    return Column(typed, converted, reasons)


def _as_in(parameter: Parameter, value: Any) -> Any:
    """Return `value` with the type that the space has for it."""
    if isinstance(parameter, Categorical):
        text = str(scalar(value))
        equal = (v for v in parameter.values if v == value or str(v) == text)
        return next(equal, scalar(value))
    parsed = finite(value)
    return float("nan") if parsed is None else parsed  # NaN is outside every range
