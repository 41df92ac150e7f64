"""The study: the content of `params.yaml`, with types and checks."""

import math
from typing import Any

from pydantic import ValidationError, model_validator

from segsweep.config.distributions import LogNormal, LogUniform, explain_distribution
from segsweep.config.search_space import (
    Categorical,
    Constant,
    Parameter,
    contains,
    extremes,
    to_table,
)
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
from segsweep.config.validation import check_ranges, sentences
from segsweep.config.wandb_sweep import take_in_wandb_sweep
from segsweep.core.errors import UserError
from segsweep.core.files import read_yaml

BELOW_ONE = ("learning_rate", "l2_reg")
"""Parameters of which values of 1 and more, though possible, are not searched."""


class Study(Hyperparameters):
    """A study: the hyperparameters of the single run, and the sections."""

    data: Data = Data()
    """The images and masks."""
    preprocess: Preprocess = Preprocess()
    """How images and masks become arrays and splits."""
    model: Model = Model()
    """The U-Net."""
    training: Training = Training()
    """Settings of the single run and of every trial."""
    sweep: Sweep = Sweep()
    """The sweep: what is searched, and how."""
    confirm: Confirm = Confirm()
    """Confirmation: the best trials are retrained under new seeds."""
    hardware: Hardware = Hardware()
    """The hardware that the next sweep is planned for."""
    slurm: Slurm = Slurm()
    """Resources of a training on a cluster (`--profile profiles/slurm`)."""
    wandb: Wandb = Wandb()
    """Where the runs are logged."""

    @model_validator(mode="before")
    @classmethod
    def _take_in_sweep_of_wandb(cls, raw: Any) -> Any:
        return take_in_wandb_sweep(raw)

    @model_validator(mode="after")
    def _check(self) -> "Study":
        self.training_config()
        for position, configuration in enumerate(self.sweep.enqueue):
            self._check_enqueued(configuration, f"sweep.enqueue[{position}]")
        for name, parameter in self.sweep.parameters.items():
            key = f"sweep.parameters.{name}"
            with explain_distribution(parameter):
                _check_median(parameter, name, key)
                for value in extremes(parameter):
                    self.training_config({name: value}, key)
        return self

    def _check_enqueued(self, configuration: dict[str, Any], key: str) -> None:
        searched = {n for n, p in self.sweep.parameters.items() if not isinstance(p, Constant)}
        if set(configuration) - set(self.sweep.parameters) or searched - set(configuration):
            raise ValueError(
                f"{key}: found the keys {sorted(configuration)}, expected a value for each "
                f"searched parameter: {sorted(searched)}"
            )
        self.training_config(configuration, key)
        for name, value in configuration.items():
            if not contains(self.sweep.parameters[name], value):
                raise ValueError(
                    f"{key}.{name}: found {value}, expected a value that "
                    f"sweep.parameters.{name} can take"
                )

    @classmethod
    def parse(cls, raw: Any, source: str = "params.yaml") -> "Study":
        """Check a study.

        Args:
            raw: The content of a params file.
            source: Its name, for messages.

        Raises:
            UserError: One sentence per error.
        """
        if not isinstance(raw, dict):
            found = "nothing" if raw is None else type(raw).__name__
            raise UserError(f"{source}: found {found}, expected a table of keys")
        try:
            return cls.model_validate(raw)
        except ValidationError as error:
            raise UserError("\n".join(f"{source}: {s}" for s in sentences(error, cls))) from None

    @classmethod
    def read(cls, path: str = "params.yaml") -> "Study":
        """Read and check a params file; see `parse`."""
        return cls.parse(read_yaml(path), path)

    def sections(self, *names: str) -> dict[str, Any]:
        """Return some sections. They are a valid study, as every key has a default."""
        return self.model_dump(include=set(names))

    def to_params(self) -> dict[str, Any]:
        """Return the content of a params file, with every key that has a value."""
        raw = self.model_dump(exclude_none=True)
        tables = {name: to_table(p) for name, p in self.sweep.parameters.items()}
        return {**raw, "sweep": {**raw["sweep"], "parameters": tables}}

    def sweep_subset(self) -> dict[str, Any]:
        """Return what determines the configurations of the sweep, whatever their number.

        The single run's value of a searched parameter has no effect on the sweep, so it is replaced
        by a fixed value of its range.
        """
        subset = self.model_dump(
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
            for table in (subset, subset["model"], subset["training"]):
                if name in table:
                    table[name] = extremes(parameter)[0]
        return subset

    @property
    def trial_count(self) -> int:
        """The number of trials; a grid ends with its last configuration."""
        if self.sweep.method != "grid":
            return self.sweep.trials
        return min(self.sweep.trials, len(self.sweep.enqueue) + math.prod(self._grid_lengths()))

    def _grid_lengths(self) -> list[int]:
        searched = self.sweep.parameters.values()
        return [len(p.values) for p in searched if isinstance(p, Categorical)]

    @property
    def untried(self) -> str:
        """A sentence on the configurations of a grid that no trial has; empty if there are none."""
        tried, lengths = self.trial_count - len(self.sweep.enqueue), self._grid_lengths()
        if self.sweep.method != "grid" or tried >= math.prod(lengths):
            return ""
        never, block = [], math.prod(lengths)
        for name, parameter in self.sweep.parameters.items():
            if isinstance(parameter, Categorical):
                block //= len(parameter.values)  # consecutive trials with the same value
                rest = parameter.values[max(0, math.ceil(tried / block)) :]
                never += [f"{name} {', '.join(map(str, rest))}"] if rest else []
        missing = f"; never tried: {'; '.join(never)}" if never else ""
        return (
            f"sweep.trials is {self.sweep.trials}, the grid has {math.prod(lengths)} "
            f"configurations{missing}"
        )

    def training_config(
        self, parameters: dict[str, Any] | None = None, key: str = ""
    ) -> TrainingConfig:
        """Return the complete configuration of one training.

        Args:
            parameters: Values that replace those of the single run.
            key: The dotted key of the study that holds them, for messages.

        Raises:
            ValueError: A value is out of range.
        """
        values = {
            **{name: getattr(self, name) for name in HYPERPARAMETERS},
            "input_shape": self.preprocess.input_shape,
            **self.model.model_dump(),
            **self.training.model_dump(),
            **(parameters or {}),
        }
        check_ranges(values, key)
        return TrainingConfig.from_dict(values)


def _check_median(parameter: Parameter, name: str, key: str) -> None:
    """Raise `ValueError` if logarithms give values that no training uses."""
    if name in BELOW_ONE and isinstance(parameter, LogUniform | LogNormal):
        median = parameter.quantile(0.5)
        if median >= 1:
            raise ValueError(f"{key}: found values with the median {median:g}, expected below 1")
