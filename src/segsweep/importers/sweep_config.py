"""A sweep configuration as `wandb sweep` takes it: the typed space, the metric and its goal."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

from segsweep.config.objective import Goal
from segsweep.config.search_space import Parameter, flatten, form_of
from segsweep.config.validation_errors import named
from segsweep.core.errors import UserError
from segsweep.core.files import read_yaml
from segsweep.importers.parsing import scalar

USUAL_GOAL: Goal = "minimize"
"""What W&B does where a metric has no goal."""


@dataclass(frozen=True)
class SweepConfig:
    """`metric` and `goal` are None where the configuration names no metric (grid, random)."""

    space: Mapping[str, Parameter]
    metric: str | None = None
    goal: Goal | None = None


def read_sweep_config(path: str | Path) -> SweepConfig:
    return typed(read_yaml(path), str(path))


def typed(config: Any, source: str) -> SweepConfig:
    """The parts that matter here, typed; keys that W&B may have and this does not know are let be.

    Raises `UserError` that begins with `source` where a parameter fits none of W&B's forms.
    """
    if not isinstance(config, dict) or not isinstance(config.get("parameters"), dict):
        raise UserError(
            f"{source}: found no table 'parameters', expected a sweep configuration as `wandb "
            "sweep` takes it"
        )
    metric = config.get("metric") or {}
    if not isinstance(metric, dict) or not isinstance(metric.get("name", ""), str):
        raise UserError(f"{source}: metric: found {metric!r}, expected a table with 'name', 'goal'")
    goal = metric.get("goal", USUAL_GOAL)
    if goal not in get_args(Goal):
        raise UserError(f"{source}: metric.goal: found {goal!r}, expected maximize or minimize")
    try:
        space = {
            name: _parameter(name, spec) for name, spec in flatten(config["parameters"]).items()
        }
    except ValueError as error:
        raise UserError(f"{source}: {'; '.join(str(error).splitlines())}") from None
    name = metric.get("name")
    return SweepConfig(space, name, cast(Goal, goal) if name else None)


def _parameter(name: str, spec: Any) -> Parameter:
    with named(f"parameters.{name}"):
        form = form_of(spec)
        known = {key: value for key, value in spec.items() if key in form.model_fields}
        if isinstance(known.get("values"), list):
            known["values"] = [scalar(value) for value in known["values"]]
        return form.model_validate(known)
