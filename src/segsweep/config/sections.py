"""The sections of a study, typed: every key with its range, its default and what it means."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from segsweep.config.gpus import CARDS, card_memory

Fraction = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Whole = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]


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
    """Passes over the training split (or training.steps_per_epoch steps), each validated, in the
    single run and in every trial."""


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
    """Grey values (% of each image's pixels, 0 to 100, the lower first) that become black and
    white."""
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
    """Adam; AdamW, whose kernels decay by 2 · learning_rate · l2_reg a step (so it takes an l2_reg
    some thousand times larger, 0.005 to 0.05); or SGD with momentum 0.9."""
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
    equal); a number lets it be so many steps (steps held equal). A sweep over it takes numbers."""
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


class Confirm(Section):
    candidates: Annotated[int, Field(ge=0, le=10)] = 3
    """How many of the sweep's best are trained again under new seeds; 0 takes the best unproven."""
    seeds: Annotated[int, Field(ge=2, le=50)] = 3
    """New seeds for each of them. Of hopeless ones the turns go to the others, so candidates times
    seeds is the number of trainings, at most."""
    parallel: Whole = 1
    """How many of these trainings may be in flight when the next is chosen."""


class Hardware(Section):
    target: Annotated[str, Field(examples=list(CARDS))] | Positive | None = None
    """What the next sweep is designed for: a card by name (capitals, spaces and dashes do not
    count), or its memory in GB; null is the device of this machine."""

    @field_validator("target")
    @classmethod
    def _is_known(cls, target: str | float | None) -> str | float | None:
        if isinstance(target, str):
            card_memory(target)
        return target


class Slurm(Section):
    minutes: Whole = 240
    """Time limit of one training as a Slurm job. One that is cut off goes on from its last epoch in
    a new job, up to four times."""
    memory: Whole | None = None
    """Main memory of one training as a Slurm job, in MB; null asks the memory model."""


class Wandb(Section):
    project: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,128}$")] = "segsweep"
    """The W&B project that the runs belong to."""
    entity: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,128}$")] | None = None
    """The W&B user or team that has the project; null is the default of the key's owner."""
    mode: Literal["offline", "online"] = "offline"
    """Where runs go: to files, which sync_wandb.py can send later; or also live to the server that
    WANDB_BASE_URL or W&B's default names, under your own key. Retrains nothing."""
    images: Annotated[int, Field(ge=0, le=64)] = 8
    """Predictions beside their masks that each run shows (validation images)."""


HYPERPARAMETERS = tuple(Hyperparameters.model_fields)
"""What the single run trains with."""
