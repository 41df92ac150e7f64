"""The study: `params.yaml`, typed. It says what to search; nothing else in the project does."""

import math
import re
from typing import Any

from pydantic import ValidationError, model_validator

from segsweep.config.search_space import Categorical, Constant, contains, extremes, to_table
from segsweep.config.sections import (
    HYPERPARAMETERS,
    Confirm,
    Data,
    Hardware,
    Hyperparameters,
    Model,
    Preprocess,
    Slurm,
    Training,
    Wandb,
)
from segsweep.config.sweep import Sweep
from segsweep.config.training_config import TrainingConfig
from segsweep.config.validation import check_ranges
from segsweep.config.validation_errors import sentences
from segsweep.core.errors import UserError
from segsweep.core.files import read_yaml


class Study(Hyperparameters):
    """One params file: the hyperparameters of the single run, and the sections."""

    data: Data = Data()
    """The images and masks."""
    preprocess: Preprocess = Preprocess()
    """From images and masks to arrays and splits."""
    model: Model = Model()
    """The U-Net."""
    training: Training = Training()
    """What the single run and every trial share."""
    sweep: Sweep = Sweep()
    """The search."""
    confirm: Confirm = Confirm()
    """The winner against the luck of seeds."""
    hardware: Hardware = Hardware()
    """What the next sweep is designed for."""
    slurm: Slurm = Slurm()
    """What a training asks of a cluster (`--profile profiles/slurm`)."""
    wandb: Wandb = Wandb()
    """Where the runs are told of."""

    @model_validator(mode="after")
    def _hangs_together(self) -> "Study":
        self.training_config()
        for position, configuration in enumerate(self.sweep.enqueue):
            where = f"sweep.enqueue[{position}]"
            expected = {n for n, p in self.sweep.parameters.items() if not isinstance(p, Constant)}
            if set(configuration) - set(self.sweep.parameters) or expected - set(configuration):
                raise ValueError(
                    f"{where}: found the keys {sorted(configuration)}, expected a value for each "
                    f"searched parameter: {sorted(expected)}"
                )
            self.training_config(configuration, where)
            for name, value in configuration.items():
                if not contains(self.sweep.parameters[name], value):
                    raise ValueError(
                        f"{where}.{name}: found {value}, expected a value that "
                        f"sweep.parameters.{name} can take"
                    )
        for name, parameter in self.sweep.parameters.items():
            for value in extremes(parameter):
                self.training_config({name: value}, f"sweep.parameters.{name}")
        return self

    @classmethod
    def parse(cls, raw: Any, source: str = "params.yaml") -> "Study":
        """Check a study that was read from `source`; raises `UserError`, one sentence per fault."""
        if not isinstance(raw, dict):
            found = "nothing" if raw is None else type(raw).__name__
            raise UserError(f"{source}: found {found}, expected a table of keys")
        try:
            return cls.model_validate(exponents_as_numbers(raw))
        except ValidationError as error:
            raise UserError("\n".join(f"{source}: {s}" for s in sentences(error))) from None

    @classmethod
    def read(cls, path: str = "params.yaml") -> "Study":
        return cls.parse(read_yaml(path), path)

    def part(self, *sections: str) -> dict[str, Any]:
        """These sections alone; a study in its own right, as every key has a default."""
        return self.model_dump(include=set(sections))

    def written(self) -> dict[str, Any]:
        """The whole study as a params file has it, with every key that has a value."""
        raw = self.model_dump(exclude_none=True)
        tables = {name: to_table(p) for name, p in self.sweep.parameters.items()}
        return {**raw, "sweep": {**raw["sweep"], "parameters": tables}}

    def sweep_part(self) -> dict[str, Any]:
        """What decides the sweep and its configurations, whatever their number.

        A searched parameter stands at a fixed value of its range: its own value decides nothing.
        """
        part = self.model_dump(
            include={
                **dict.fromkeys(HYPERPARAMETERS, True),
                "preprocess": {"input_shape"},
                "model": True,
                "training": True,
                "sweep": True,
                "wandb": {"project"},
            },
            exclude={"sweep": {"trials", "parallel", "weights", "audit"}},
        )
        for name, parameter in self.sweep.parameters.items():
            for table in (part, part["model"], part["training"]):
                if name in table:
                    table[name] = extremes(parameter)[0]
        return part

    @property
    def trial_count(self) -> int:
        """How many trials the sweep has: a grid ends with its last configuration."""
        if self.sweep.method != "grid":
            return self.sweep.trials
        lengths = [
            len(p.values) for p in self.sweep.parameters.values() if isinstance(p, Categorical)
        ]
        return min(self.sweep.trials, len(self.sweep.enqueue) + math.prod(lengths))

    def training_config(
        self, chosen: dict[str, Any] | None = None, where: str = ""
    ) -> TrainingConfig:
        """The whole configuration of one training: the single run's, with `chosen` in its place."""
        values = {
            **{name: getattr(self, name) for name in HYPERPARAMETERS},
            "input_shape": self.preprocess.input_shape,
            **self.model.model_dump(),
            **self.training.model_dump(),
            **(chosen or {}),
        }
        check_ranges(values, where)
        return TrainingConfig.from_dict(values)


def exponents_as_numbers(raw: Any) -> Any:
    """Read numbers that others write as 1e-05 (DVC, JSON), which YAML 1.1 takes for text."""
    if isinstance(raw, dict):
        return {key: exponents_as_numbers(value) for key, value in raw.items()}
    if isinstance(raw, list):
        return [exponents_as_numbers(value) for value in raw]
    if isinstance(raw, str) and re.fullmatch(r"-?\de[-+]\d\d+", raw):
        return float(raw)
    return raw
