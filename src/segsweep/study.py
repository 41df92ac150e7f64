"""The study: `params.yaml`, typed. It says what to search; nothing else in the project does."""

import difflib
import math
import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from segsweep.errors import UserError
from segsweep.files import read_yaml
from segsweep.study_errors import sentences
from segsweep.sweep.space import Categorical, Constant, Parameter, Uniform, contains, form_of
from segsweep.unet.config import SEARCHABLE, TrainingConfig

METRICS = (
    "val_dice_coefficient",
    "val_dice_pooled",
    "val_dice_soft",
    "val_iou",
    "val_loss",
)
"""What every trial reports for its best epoch, and so what a sweep may optimise."""

HYPERPARAMETERS = ("batch_size", "learning_rate", "dropout", "l2_reg", "epochs")
"""The keys at the top of a study: what the single run trains with."""

Fraction = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Whole = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]


class _Section(BaseModel):
    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True
    )


class Data(_Section):
    sample: Literal["nuclei", "pupils"] = "nuclei"
    """The real set that stands in `data/raw` until you bring your own images."""


class Preprocess(_Section):
    input_shape: Annotated[list[Whole], Field(min_length=3, max_length=3)] = [256, 256, 1]
    """Height, width (pixels) and channels (1: grey) that the network sees."""
    percentiles: Annotated[list[float], Field(min_length=2, max_length=2)] = [1.0, 99.8]
    """Grey values (% of each image's pixels) that become black and white."""
    validation_fraction: Fraction = 0.2
    """Share of the groups (0 to 1) on which trials are compared."""
    test_fraction: Fraction = 0.15
    """Share of the groups (0 to 1) kept for the winner alone."""
    seed: Seed = 0
    """Decides which groups fall in which split."""


class Model(_Section):
    task: Literal["segmentation"] = "segmentation"
    """What the network is trained for: foreground against background."""
    base_channels: Whole = 64
    """Feature maps at full resolution; doubled at each depth (64 in Ronneberger et al., 2015)."""
    depth: Annotated[int, Field(ge=1, le=8)] = 4
    """Number of halvings of the image (4 in Ronneberger et al., 2015)."""


class Training(_Section):
    seed: Seed = 0
    """Decides weights, order, dropout and augmentation of every training of the study."""
    threads: Whole = 2
    """CPU threads of one training; part of what decides its bits."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to train; auto takes a CUDA GPU where there is one, else the CPU."""


class Metric(_Section):
    name: Literal[METRICS] = "val_dice_coefficient"  # type: ignore[valid-type]
    """The number that says how good a trial is, of the epoch with the best validation Dice."""
    goal: Literal["maximize", "minimize"] = "maximize"
    """Which way is better."""


class Sweep(_Section):
    method: Literal["bayes", "random", "grid"] = "bayes"
    """How configurations are chosen."""
    metric: Metric = Metric()
    """What the sweep optimises, as W&B writes it."""
    parameters: Annotated[dict[str, Parameter], Field(min_length=1)] = {
        "batch_size": Categorical(values=[16, 32, 64, 128]),
        "learning_rate": Uniform(min=0.00008, max=0.0015),
        "dropout": Uniform(min=0.15, max=0.25),
        "l2_reg": Uniform(min=0.00001, max=0.00015),
    }
    """The search space, as W&B writes it: for each hyperparameter a `value`, `values`, or `min` and
    `max`; distributions constant, categorical, int_uniform, uniform, log_uniform_values."""
    trials: Whole = 20
    """How many configurations are trained; the first 8 of 40 are the same as 8."""
    parallel: Whole = 1
    """How many trials may be in flight when the next configuration is chosen."""
    seed: Seed = 0
    """Decides the configurations that the search draws."""
    startup_trials: Whole = 4
    """How many trials are spread over the space before the model chooses (bayes)."""
    enqueue: list[dict[str, Any]] = []
    """Configurations to try first, in this order."""
    weights: Literal["winner", "all"] = "winner"
    """Whose weights stand in results and are versioned; the store keeps those of every trial."""


class Wandb(_Section):
    project: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,128}$")] = "segsweep"
    """The W&B project that the runs belong to."""
    images: Annotated[int, Field(ge=0, le=64)] = 8
    """Predictions beside their masks that each run shows (validation images)."""


class Study(_Section):
    """One params file. The defaults of the hyperparameters are the best of the user's report."""

    batch_size: Whole = 16
    """Images per step of the single run; more than the training split is the whole split."""
    learning_rate: Positive = 0.000159
    """Step size of Adam in the single run."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Share of the features dropped at the end of the contracting path in the single run."""
    l2_reg: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.00006
    """Factor of the sum of squared convolution weights in the loss of the single run."""
    epochs: Whole = 40
    """Passes over the training split, in the single run and in every trial."""
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
    wandb: Wandb = Wandb()
    """Where the runs are told of."""

    @model_validator(mode="before")
    @classmethod
    def _type_parameters(cls, raw: Any) -> Any:
        """Type each searched parameter by W&B's rules, so that errors speak of one form only."""
        sweep = raw.get("sweep") if isinstance(raw, dict) else None
        if not isinstance(sweep, dict) or not isinstance(sweep.get("parameters"), dict):
            return raw
        specs = sweep["parameters"]
        typed = {}
        for name, spec in specs.items():
            where = f"sweep.parameters.{name}"
            if name not in SEARCHABLE:
                near = difflib.get_close_matches(str(name), SEARCHABLE, 1)
                hint = f"; did you mean '{near[0]}'?" if near else ""
                raise ValueError(
                    f"{where} is not a hyperparameter{hint} (known: {', '.join(SEARCHABLE)})"
                )
            try:
                typed[name] = form_of(spec).model_validate(spec)
            except ValidationError as error:
                raise ValueError("\n".join(sentences(error, where))) from None
            except ValueError as error:
                raise ValueError(f"{where}: {error}") from None
        return raw | {"sweep": sweep | {"parameters": typed}}

    @model_validator(mode="after")
    def _hangs_together(self) -> "Study":
        low, high = self.preprocess.percentiles
        if not 0 <= low < high <= 100:
            raise ValueError(
                f"preprocess.percentiles: found {[low, high]}, expected 0 <= low < high <= 100"
            )
        if self.preprocess.validation_fraction + self.preprocess.test_fraction >= 1:
            raise ValueError(
                "preprocess.validation_fraction and preprocess.test_fraction leave nothing to "
                "train on; expected a sum below 1"
            )
        if self.preprocess.input_shape[2] != 1:
            raise ValueError(
                f"preprocess.input_shape: found {self.preprocess.input_shape[2]} channels, "
                "expected 1 (grey images)"
            )
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
        goal = "minimize" if self.sweep.metric.name.endswith("loss") else "maximize"
        if self.sweep.metric.goal != goal:
            raise ValueError(
                f"sweep.metric.goal: found {self.sweep.metric.goal}, expected {goal} for "
                f"{self.sweep.metric.name}"
            )
        for name, parameter in self.sweep.parameters.items():
            for value in _extremes(parameter):
                self.training_config({name: value}, f"sweep.parameters.{name}")
        if self.sweep.method == "grid":
            for name, parameter in self.sweep.parameters.items():
                if not isinstance(parameter, Constant | Categorical):
                    raise ValueError(
                        f"sweep.parameters.{name}: found a range, expected 'value' or 'values' "
                        "with method grid"
                    )
        return self

    @classmethod
    def parse(cls, raw: Any, source: str = "params.yaml") -> "Study":
        """Check a study that was read from `source`; raises `UserError`, one sentence per fault."""
        if not isinstance(raw, dict):
            found = "nothing" if raw is None else type(raw).__name__
            raise UserError(f"{source}: found {found}, expected a table of keys")
        try:
            return cls.model_validate(_as_dvc_writes(raw))
        except ValidationError as error:
            raise UserError("\n".join(f"{source}: {s}" for s in sentences(error))) from None

    @classmethod
    def read(cls, path: str = "params.yaml") -> "Study":
        return cls.parse(read_yaml(path), path)

    def part(self, *sections: str) -> dict[str, Any]:
        """These sections alone; a study in its own right, as every key has a default."""
        return self.model_dump(include=set(sections))

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
            exclude={"sweep": {"trials", "parallel", "weights"}},
        )
        for name, parameter in self.sweep.parameters.items():
            for table in (part, part["model"], part["training"]):
                if name in table:
                    table[name] = _extremes(parameter)[0]
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
        _check_ranges(values, where)
        return TrainingConfig.from_dict(values)


def check_training(values: dict[str, Any], source: str) -> None:
    """Hold the values of a `config.yaml` to the study's ranges; raises `UserError`."""
    try:
        _check_ranges(values, "")
        Training(**{name: values[name] for name in Training.model_fields})
        Preprocess(input_shape=values["input_shape"])
    except ValidationError as error:
        raise UserError("\n".join(f"{source}: {s}" for s in sentences(error))) from None
    except ValueError as error:
        raise UserError(f"{source}: {error}") from None


_HYPERPARAMETERS: dict[str, TypeAdapter[Any]] = {
    name: TypeAdapter(
        Annotated[field.annotation, Field(strict=True), *field.metadata]  # type: ignore[arg-type]
    )
    for section in (Study, Model, Training)
    for name, field in section.model_fields.items()
    if name in SEARCHABLE
}


def _as_dvc_writes(raw: Any) -> Any:
    """Read the numbers that `dvc exp run -S` writes as 1e-05, which YAML 1.1 takes for text."""
    if isinstance(raw, dict):
        return {key: _as_dvc_writes(value) for key, value in raw.items()}
    if isinstance(raw, list):
        return [_as_dvc_writes(value) for value in raw]
    if isinstance(raw, str) and re.fullmatch(r"-?\de[-+]\d\d+", raw):
        return float(raw)
    return raw


def _extremes(parameter: Parameter) -> list[Any]:
    if isinstance(parameter, Constant):
        return [parameter.value]
    if isinstance(parameter, Categorical):
        return parameter.values
    return [parameter.min, parameter.max]


def _check_ranges(values: dict[str, Any], where: str) -> None:
    """Hold one configuration to the fields' own ranges and to the network's halvings."""
    for name, field in _HYPERPARAMETERS.items():
        try:
            field.validate_python(values[name])
        except ValidationError as error:
            place = f"{where}.{name}" if where and not where.endswith(f".{name}") else where or name
            raise ValueError("\n".join(sentences(error, place))) from None
    height, width, _ = values["input_shape"]
    step = 2 ** values["depth"]
    if height % step or width % step:
        raise ValueError(
            f"preprocess.input_shape: found {height} x {width}, expected multiples of {step} for "
            f"model.depth {values['depth']}; each depth halves the image once"
        )
