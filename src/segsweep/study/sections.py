"""The sections of a study, typed: every key with its range, its default and what it means."""

import difflib
import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from segsweep.study.errors import named
from segsweep.sweep.distributions import Uniform
from segsweep.sweep.space import Categorical, Constant, Parameter, flatten, form_of
from segsweep.sweep.stopping import Rule, read_rule
from segsweep.unet.config import SEARCHABLE

METRICS = (
    "val_dice_coefficient",
    "val_dice_pooled",
    "val_dice_soft",
    "val_iou",
    "val_loss",
)
"""What every trial reports for its best epoch, and so what a sweep may optimise."""

PRIOR = "studies/prior"
"""Where leaderboards of earlier studies stand."""

Fraction = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Whole = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Space = Annotated[dict[str, Parameter], Field(min_length=1)]


class Section(BaseModel):
    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True
    )


class Hyperparameters(Section):
    """The keys at the top of a study; the defaults are the best of the user's report."""

    batch_size: Whole = 16
    """Images per step of the single run; more than the training split is the whole split."""
    learning_rate: Positive = 0.000159
    """Step size of the optimiser in the single run."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Share of the features dropped at the end of the contracting path in the single run."""
    l2_reg: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.00006
    """Factor of the sum of squared convolution weights in the loss of the single run."""
    epochs: Whole = 40
    """Passes over the training split, each validated, in the single run and in every trial."""


class Data(Section):
    sample: Literal["nuclei", "pupils"] = "nuclei"
    """The real set that stands in `data/raw` until you bring your own images."""


class Preprocess(Section):
    input_shape: Annotated[list[Whole], Field(min_length=3, max_length=3)] = [256, 256, 1]
    """Height, width (pixels) and channels (1: grey) that the network sees."""
    mode: Literal["resize", "pad", "tile"] = "resize"
    """How images come to that size: stretched; scaled with their aspect kept and the rest black; or
    cut in their own resolution into tiles that stay in one split."""
    masks: Literal["binary", "labels"] | Annotated[list[Whole], Field(min_length=1)] = "binary"
    """What is foreground: the one value beside zero; every value above zero (label images, one
    number per object); or a list of values (classes)."""
    stacks: Literal["refuse", "slices"] = "refuse"
    """What becomes of files with several pages: a fault, or one image a page, all of one group."""
    on_bad: Literal["fail", "drop"] = "fail"
    """What becomes of images with a fault: the run ends with a list of them, or goes on without."""
    pixel_size_mm: Annotated[list[Positive], Field(min_length=2, max_length=2)] | None = None
    """Height and width of an original's pixel in mm, where the files do not say so themselves."""
    percentiles: Annotated[list[float], Field(min_length=2, max_length=2)] = [1.0, 99.8]
    """Grey values (% of each image's pixels) that become black and white."""
    validation_fraction: Fraction = 0.2
    """Share of the groups (0 to 1) on which trials are compared."""
    test_fraction: Fraction = 0.15
    """Share of the groups (0 to 1) kept for the winner alone."""
    seed: Seed = 0
    """Decides which groups fall in which split."""

    @model_validator(mode="after")
    def _hangs_together(self) -> "Preprocess":
        low, high = self.percentiles
        if not 0 <= low < high <= 100:
            raise ValueError(
                f"preprocess.percentiles: found {[low, high]}, expected 0 <= low < high <= 100"
            )
        if self.validation_fraction + self.test_fraction >= 1:
            raise ValueError(
                "preprocess.validation_fraction and preprocess.test_fraction leave nothing to "
                "train on; expected a sum below 1"
            )
        if self.input_shape[2] != 1:
            raise ValueError(
                f"preprocess.input_shape: found {self.input_shape[2]} channels, "
                "expected 1 (grey images)"
            )
        return self


class Model(Section):
    task: Literal["segmentation"] = "segmentation"
    """What the network is trained for: foreground against background."""
    base_channels: Whole = 64
    """Feature maps at full resolution; doubled at each depth (64 in Ronneberger et al., 2015)."""
    depth: Annotated[int, Field(ge=1, le=8)] = 4
    """Number of halvings of the image (4 in Ronneberger et al., 2015)."""
    norm: Literal["none", "batch", "group"] = "batch"
    """What follows each convolution: nothing (as in 2015), batch or group normalisation."""


class Training(Section):
    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    """Adam; AdamW, for which l2_reg is a decay of its own; or SGD with momentum 0.9."""
    scheduler: Literal["constant", "cosine"] = "constant"
    """The learning rate after the warm-up: as it is, or falling along half a cosine to zero."""
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of all steps in which the learning rate rises to its value."""
    loss: Literal["bce", "dice", "bce_dice"] = "bce_dice"
    """Binary cross-entropy, 1 - soft Dice, or their sum."""
    augmentation: Annotated[float, Field(ge=0, le=3)] = 1.0
    """Strength of the changes of grey values; up to 1 also the share of images that are flipped or
    turned. 0 shows every image as it is."""
    steps_per_epoch: Whole | None = None
    """The budget: null lets an epoch be one pass over the images, whatever the batch (epochs held
    equal); a number lets it be so many steps (steps held equal)."""
    mixed_precision: bool = True
    """Convolutions in bfloat16 or float16 where the device has them; else all in float32."""
    deterministic: bool = True
    """On a GPU, only algorithms that give the same bits again; false trades that for speed."""
    seed: Seed = 0
    """Decides weights, order, dropout and augmentation of every training of the study."""
    threads: Whole = 2
    """CPU threads of one training; part of what decides its bits."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to train; auto takes a GPU where there is one, else the CPU."""


GROUPS: dict[str, type[Section]] = {"model": Model, "training": Training}
SECTION_OF = {
    name: group
    for group, section in GROUPS.items()
    for name in section.model_fields
    if name in SEARCHABLE
}
"""Searchable parameters that stand in a section of the study, not at its top."""

SEARCHED = (*SEARCHABLE, *(f"{group}.{name}" for name, group in SECTION_OF.items()))
"""The keys of `sweep.parameters`: hyperparameters by name, or nested in their section."""


def _searched(dotted: str, flat: dict[str, Any]) -> str:
    """The hyperparameter that a key of the flat space stands for; raises `ValueError` for none."""
    where, name = f"sweep.parameters.{dotted}", dotted.rpartition(".")[2]
    if dotted not in SEARCHED:
        near = difflib.get_close_matches(name, SEARCHABLE, 1)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        raise ValueError(f"{where} is not a hyperparameter{hint} (known: {', '.join(SEARCHED)})")
    if dotted != name and name in flat:
        raise ValueError(
            f"{where}: found sweep.parameters.{name} too, expected one of them; delete the other"
        )
    return name


class Metric(Section):
    name: Literal[METRICS] = "val_dice_coefficient"  # type: ignore[valid-type]
    """The number that says how good a trial is, of the epoch with the best validation Dice."""
    goal: Literal["maximize", "minimize"] = "maximize"
    """Which way is better."""

    @model_validator(mode="after")
    def _fits(self) -> "Metric":
        goal = "minimize" if self.name.endswith("loss") else "maximize"
        if self.goal != goal:
            raise ValueError(
                f"sweep.metric.goal: found {self.goal}, expected {goal} for {self.name}"
            )
        return self


class Group(Section):
    """Hyperparameters nested in their section, as the JSON schema shows them."""

    parameters: Space


class Sweep(Section):
    method: Literal["bayes", "random", "grid"] = "bayes"
    """How configurations are chosen."""
    metric: Metric = Metric()
    """What the sweep optimises, as W&B writes it."""
    parameters: Space = {
        "batch_size": Categorical(values=[16, 32, 64, 128]),
        "learning_rate": Uniform(min=0.00008, max=0.0015),
        "dropout": Uniform(min=0.15, max=0.25),
        "l2_reg": Uniform(min=0.00001, max=0.00015),
    }
    """The search space, as W&B writes it: for each hyperparameter a `value`, `values` (perhaps with
    `probabilities`), or `min` and `max`, and any distribution of W&B's documentation; those of
    `model` and `training` may be nested (`model: {parameters: {depth: {values: [3, 4]}}}`). Ours
    alone is `scale`, how the search's model looks at it: `linear` or `log` for numbers, `ordered`
    or `unordered` for `values`."""
    trials: Whole = 20
    """How many configurations are trained (W&B's run_cap); the first 8 of 40 are the same as 8."""
    parallel: Whole = 1
    """How many trials may be in flight when the next configuration is chosen."""
    seed: Seed = 0
    """Decides the configurations that the search draws."""
    enqueue: list[dict[str, Any]] = []
    """Configurations to try first, in this order."""
    early_terminate: Rule | None = None
    """When a trial is not worth its remaining epochs. As W&B writes it: `type: hyperband` with
    `min_iter` (epochs), or `max_iter` and `s`; `eta`, `strict`. Ours: `type: pace` with `min_iter`
    (the first epoch at which a trial may be stopped) and `share` (of the trials, the good ones that
    set the pace). docs/search.md says what each saves."""
    audit: bool = False
    """Train the stopped trials to their end too, after the sweep, to see if one would have won."""
    prior_trials: str | None = None
    """The leaderboard of an earlier study in `studies/prior/`, to begin with what it found."""
    weights: Literal["winner", "all"] = "winner"
    """Whose weights stand in results and are versioned; the store keeps those of every trial."""

    @field_validator(
        "parameters",
        mode="before",
        json_schema_input_type=Annotated[dict[str, Parameter | Group], Field(min_length=1)],
    )
    @classmethod
    def _type_parameters(cls, raw: Any) -> Any:
        """Type each searched parameter by W&B's rules, so that errors speak of one form only."""
        if not isinstance(raw, dict):
            return raw
        try:
            flat = flatten(raw)
        except ValueError as error:
            raise ValueError(f"sweep.parameters.{error}") from None
        typed = {}
        for dotted, spec in flat.items():
            name, where = _searched(dotted, flat), f"sweep.parameters.{dotted}"
            with named(where):
                typed[name] = form_of(spec).model_validate(spec)
        return typed

    @model_validator(mode="before")
    @classmethod
    def _run_cap_is_trials(cls, raw: Any) -> Any:
        if isinstance(raw, dict) and "run_cap" in raw:
            raise ValueError(f"sweep.run_cap: write it as sweep.trials: {raw['run_cap']}")
        return raw

    @field_validator("early_terminate", mode="before")
    @classmethod
    def _type_rule(cls, raw: Any) -> Any:
        with named("sweep.early_terminate"):
            return read_rule(raw)

    @field_validator("prior_trials")
    @classmethod
    def _prior_is_versioned(cls, path: str | None) -> str | None:
        if path is not None and not re.fullmatch(rf"{PRIOR}/[\w.-]+\.csv", path):
            raise ValueError(
                f"sweep.prior_trials: found {path}, expected a file in {PRIOR}/, where DVC and "
                "Snakemake see it change, with a name of letters, digits, '_', '.' and '-' that "
                "ends in .csv; copy the leaderboard there"
            )
        return path

    @model_validator(mode="after")
    def _grid_has_values(self) -> "Sweep":
        for name, parameter in self.parameters.items():
            if self.method == "grid" and not isinstance(parameter, Constant | Categorical):
                raise ValueError(
                    f"sweep.parameters.{name}: found a range, expected 'value' or 'values' "
                    "with method grid"
                )
        return self


class Wandb(Section):
    project: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,128}$")] = "segsweep"
    """The W&B project that the runs belong to."""
    images: Annotated[int, Field(ge=0, le=64)] = 8
    """Predictions beside their masks that each run shows (validation images)."""


HYPERPARAMETERS = tuple(Hyperparameters.model_fields)
"""What the single run trains with."""
