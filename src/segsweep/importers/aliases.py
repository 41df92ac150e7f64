"""Other common names of this project's hyperparameters, so that sweeps made elsewhere match."""

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from segsweep.analysis.completed_sweep import CompletedSweep
from segsweep.config.search_space import Categorical, Constant, Parameter
from segsweep.config.training_config import SEARCHABLE

ALIASES = {
    "lr": "learning_rate",
    "learningrate": "learning_rate",
    "initlr": "learning_rate",
    "initiallr": "learning_rate",
    "initiallearningrate": "learning_rate",
    "learningrateinit": "learning_rate",
    "baselr": "learning_rate",
    "lr0": "learning_rate",
    "maxlr": "learning_rate",
    "trainlr": "learning_rate",
    "bs": "batch_size",
    "batch": "batch_size",
    "batchsize": "batch_size",
    "bsize": "batch_size",
    "bsz": "batch_size",
    "trainbatchsize": "batch_size",
    "dropoutrate": "dropout",
    "dropoutprob": "dropout",
    "dropoutp": "dropout",
    "droprate": "dropout",
    "pdropout": "dropout",
    "l2": "l2_reg",
    "l2reg": "l2_reg",
    "l2regularization": "l2_reg",
    "weightdecay": "l2_reg",
    "wd": "l2_reg",
    "numepochs": "epochs",
    "nepochs": "epochs",
    "maxepochs": "epochs",
    "maxepoch": "epochs",
    "totalepochs": "epochs",
    "filters": "base_channels",
    "basefilters": "base_channels",
    "opt": "optimizer",
    "amp": "mixed_precision",
}
"""Keys have only the letters and digits of a name, in lower case."""

LOWERCASE_VALUES = ("optimizer", "scheduler", "loss", "norm")
"""Parameters whose values this project writes in lower case."""


def with_standard_names(sweep: CompletedSweep) -> CompletedSweep:
    """Return the sweep with this project's names for its parameters, where that is unambiguous."""
    names = {name: _standard_name(name) for name in sweep.space}
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


def _standard_name(name: str) -> str:
    """Return this project's name for a parameter, or `name` itself."""
    *before, last_part = re.split(r"[./]", name)
    if last_part.lower() in ("name", "type") and before:
        last_part = before[-1]  # such as `optimizer.name`
    letters = "".join(c for c in last_part.lower() if c.isalnum())
    exact = {"".join(c for c in known if c.isalnum()): known for known in SEARCHABLE}
    return ALIASES.get(letters) or exact.get(letters) or name
