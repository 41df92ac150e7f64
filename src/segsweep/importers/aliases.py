"""Other common names of this project's hyperparameters, so that sweeps made elsewhere match."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from segsweep.analysis.completed_sweep import CompletedSweep
from segsweep.config.parameter_names import standard_name
from segsweep.config.search_space import Categorical, Constant, Parameter

LOWERCASE_VALUES = ("optimizer", "scheduler", "loss", "norm")
"""Parameters whose values this project writes in lower case."""


def with_standard_names(sweep: CompletedSweep) -> CompletedSweep:
    """Return the sweep with this project's names for its parameters, where that is unambiguous."""
    names = {name: standard_name(name) for name in sweep.space}
    targets = list(names.values())
    names = {old: new if targets.count(new) == 1 else old for old, new in names.items()}
    space = {
        names[name]: _lower_values(names[name], parameter)
        for name, parameter in sweep.space.items()
    }

    def rename(values: Mapping[str, Any]) -> dict[str, Any]:
        renamed = {names.get(name, name): value for name, value in values.items()}
        return {name: _lower(name, value) for name, value in renamed.items()}

    trials = [replace(trial, parameters=rename(trial.parameters)) for trial in sweep.trials]
    return replace(sweep, space=space, trials=trials)


def _lower(name: str, value: Any) -> Any:
    """Return `adam` for Adam."""
    return value.lower() if name in LOWERCASE_VALUES and isinstance(value, str) else value


def _lower_values(name: str, parameter: Parameter) -> Parameter:
    """Return the parameter with one value for `Adam` and `adam`, whose probabilities add up."""
    if isinstance(parameter, Constant):
        return Constant(value=_lower(name, parameter.value))
    if not isinstance(parameter, Categorical):
        return parameter
    lower = [_lower(name, value) for value in parameter.values]
    values = list(dict.fromkeys(lower))
    probabilities = parameter.probabilities and [
        math.fsum(p for v, p in zip(lower, parameter.probabilities, strict=True) if v == value)
        for value in values
    ]
    return parameter.model_copy(update={"values": values, "probabilities": probabilities})
