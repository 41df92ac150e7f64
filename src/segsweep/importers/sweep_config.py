"""What is known of a sweep: its configuration for `wandb sweep`, and the options of the caller."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict, cast, get_args

from segsweep.config.objective import Goal
from segsweep.config.search_space import Parameter, flatten, parameter_type
from segsweep.config.validation import prefix_errors, validate
from segsweep.core.errors import UserError
from segsweep.core.files import read_yaml
from segsweep.importers.parsing import number, read_cell, scalar


@dataclass(frozen=True)
class SweepConfig:
    """The search space; `metric` and `goal` are None where the configuration does not have them."""

    space: Mapping[str, Parameter]
    metric: str | None = None
    goal: Goal | None = None


class ReadOptions(TypedDict, total=False):
    """What the caller says about the sweep; what is absent or None is inferred.

    Attributes:
        sweep_config: The YAML file that was given to `wandb sweep`.
        parameters: The names of the searched parameters.
        metric: The name of the metric.
        goal: Whether the metric is maximised or minimised.
        sweep: The name or id of one of several sweeps.
    """

    sweep_config: str | Path | None
    parameters: Sequence[str]
    metric: str | None
    goal: Goal | None
    sweep: str | None


EXPONENT_WITHOUT_DOT = re.compile(r"[+-]?[0-9]+[eE][+-]?[0-9]+")


def sweep_config_of(options: ReadOptions) -> SweepConfig | None:
    """Return the sweep configuration that the caller gives, if any."""
    path = options.get("sweep_config")
    return parse_sweep_config(read_yaml(path), str(path)) if path else None


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
    goal = metric.get("goal")
    if goal not in (None, *get_args(Goal)):
        raise UserError(f"{source}: metric.goal: found {goal!r}, expected maximize or minimize")
    try:
        space = {
            name: _parameter(name, spec) for name, spec in flatten(config["parameters"]).items()
        }
    except ValueError as error:
        raise UserError(f"{source}: {'; '.join(str(error).splitlines())}") from None
    name = metric.get("name")
    return SweepConfig(space, name, cast(Goal | None, goal) if name else None)


def _parameter(name: str, spec: Any) -> Parameter:
    key = f"parameters.{name}"
    if isinstance(spec, dict):
        spec = {k: _number_of_yaml_1_1(v) for k, v in spec.items()}
    with prefix_errors(key):
        model = parameter_type(spec)
    known = {k: v for k, v in spec.items() if k in model.model_fields}
    if isinstance(known.get("values"), list):
        known["values"] = _numbers_if_all_are([scalar(value) for value in known["values"]])
    return validate(model, known, key)


def _numbers_if_all_are(values: list[Any]) -> list[Any]:
    """Return numbers for numbers in quotes: tables do not show the quotes."""
    numbers = [read_cell(value) if isinstance(value, str) else value for value in values]
    are_numbers = all(number(value) is not None for value in numbers)
    return numbers if are_numbers else values


def _number_of_yaml_1_1(value: Any) -> Any:
    """Return numbers such as 1e-06 as numbers; YAML 1.1, which W&B reads, takes them for text."""
    if isinstance(value, list):
        return [_number_of_yaml_1_1(item) for item in value]
    is_number = isinstance(value, str) and EXPONENT_WITHOUT_DOT.fullmatch(value)
    return float(value) if is_number else value
