"""Other people's names for our hyperparameters, so that a sweep made elsewhere reads like ours."""

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
    "bs": "batch_size",
    "batch": "batch_size",
    "batchsize": "batch_size",
    "dropoutrate": "dropout",
    "dropoutprob": "dropout",
    "pdropout": "dropout",
    "l2": "l2_reg",
    "l2reg": "l2_reg",
    "l2regularization": "l2_reg",
    "weightdecay": "l2_reg",
    "wd": "l2_reg",
    "numepochs": "epochs",
    "filters": "base_channels",
    "basefilters": "base_channels",
    "opt": "optimizer",
    "amp": "mixed_precision",
}
"""By their letters and digits alone."""

WORDS = ("optimizer", "scheduler", "loss", "norm")


def canonical(sweep: CompletedSweep) -> CompletedSweep:
    """The same sweep with our names for its parameters, where they are known and free."""
    names = {name: _ours(name) for name in sweep.space}
    taken = list(names.values())
    names = {old: new if taken.count(new) == 1 else old for old, new in names.items()}

    space = {names[name]: _lowered(names[name], p) for name, p in sweep.space.items()}

    def renamed(values: Mapping[str, Any]) -> dict[str, Any]:
        ours = {names.get(name, name): value for name, value in values.items()}
        return {name: _lower(name, value) for name, value in ours.items()}

    trials = [replace(trial, parameters=renamed(trial.parameters)) for trial in sweep.trials]
    return replace(sweep, space=space, trials=trials)


def _lower(name: str, value: Any) -> Any:
    """`adam` for Adam: our words have no capitals."""
    return value.lower() if name in WORDS and isinstance(value, str) else value


def _lowered(name: str, parameter: Parameter) -> Parameter:
    if isinstance(parameter, Categorical):
        values = list(dict.fromkeys(_lower(name, value) for value in parameter.values))
        same = len(values) == len(parameter.values)
        return parameter.model_copy(update={"values": values}) if same else parameter
    if isinstance(parameter, Constant):
        return Constant(value=_lower(name, parameter.value))
    return parameter


def _ours(name: str) -> str:
    """Our name for a parameter, or its own."""
    last = name.rpartition(".")[2].rpartition("/")[2]
    plain = "".join(c for c in last.lower() if c.isalnum())
    exact = {"".join(c for c in ours if c.isalnum()): ours for ours in SEARCHABLE}
    return ALIASES.get(plain) or exact.get(plain) or name
