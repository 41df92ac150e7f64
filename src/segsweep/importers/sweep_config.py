"""Read a sweep configuration as `wandb sweep` takes it: typed space, metric and goal."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

from segsweep.config.objective import Goal
from segsweep.config.search_space import Parameter, flatten, parameter_type
from segsweep.config.validation import prefix_errors, validate
from segsweep.core.errors import UserError
from segsweep.core.files import read_yaml
from segsweep.importers.parsing import scalar

DEFAULT_GOAL: Goal = "minimize"
"""W&B's default where a metric has no goal."""


@dataclass(frozen=True)
class SweepConfig:
    """The search space; `metric` and `goal` are None where the configuration has no metric."""

    space: Mapping[str, Parameter]
    metric: str | None = None
    goal: Goal | None = None


def read_sweep_config(path: str | Path) -> SweepConfig:
    return parse_sweep_config(read_yaml(path), str(path))


def parse_sweep_config(config: Any, source: str) -> SweepConfig:
    """Return the space, metric and goal of a configuration; other keys are ignored.

    Raises:
        UserError: A parameter has none of W&B's forms. The message begins with `source`.
    """
    if not isinstance(config, dict) or not isinstance(config.get("parameters"), dict):
        raise UserError(
            f"{source}: found no table 'parameters', expected a sweep configuration for `wandb "
            "sweep`"
        )
    metric = config.get("metric") or {}
    if not isinstance(metric, dict) or not isinstance(metric.get("name", ""), str):
        raise UserError(f"{source}: metric: found {metric!r}, expected a table with 'name', 'goal'")
    goal = metric.get("goal", DEFAULT_GOAL)
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
    key = f"parameters.{name}"
    with prefix_errors(key):
        model = parameter_type(spec)
    known = {k: v for k, v in spec.items() if k in model.model_fields}
    if isinstance(known.get("values"), list):
        known["values"] = [scalar(value) for value in known["values"]]
    return validate(model, known, key)
