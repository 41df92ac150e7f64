"""The sections of a study: each key with its type, range, default and meaning.

The strings below the keys become `docs/study.md` and the descriptions in the JSON schema. Whole
numbers have upper bounds, far above what can be trained today, so that a typo gives a message and
not a run that takes all memory. Even at all bounds, sizes in bytes fit in 64-bit integers.
"""

from itertools import combinations
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from segsweep.config.gpus import GPU_MEMORY_GB, gpu_memory

Fraction = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[float, Field(gt=0, le=1e6)]
MAX_EPOCHS = 10_000
"""A history has a row for each epoch, and W&B returns at most this many rows."""
Pixels = Annotated[int, Field(ge=1, le=16_384)]
MaskNumber = Annotated[int, Field(ge=-(2**31), lt=2**32)]
MaskColour = Annotated[str, Field(pattern="^#[0-9a-fA-F]{6}$"), AfterValidator(str.lower)]
MaskValue = MaskNumber | MaskColour | Literal["transparent", "white"]
"""A value in a mask file: a number, a colour as `#rrggbb`, `transparent`, or `white`, which is that
of a file with 1 bit per pixel."""
Seed = Annotated[int, Field(ge=0, lt=2**32)]


class Section(BaseModel):
    """A table of keys in a study; unknown keys are refused."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True
    )


class Hyperparameters(Section):
    """The top-level keys of a study; the defaults are the best trial of the original report."""

    batch_size: Annotated[int, Field(ge=1, le=65_536)] = 16
    """Images per step, in the single run. At most the whole training split is used."""
    learning_rate: Positive = 0.000159
    """Learning rate of the optimiser, in the single run."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Fraction of features dropped at the end of the contracting path, in the single run."""
    l2_reg: Annotated[float, Field(ge=0, le=1e6)] = 0.00006
    """Factor of the sum of squared convolution weights in the loss, in the single run."""
    epochs: Annotated[int, Field(ge=1, le=MAX_EPOCHS)] = 40
    """Number of epochs of the single run and of every trial. An epoch is one pass over the training
    split (or training.steps_per_epoch steps), followed by a validation."""


class Data(Section):
    sample: Literal["nuclei", "pupils"] = "nuclei"
    """The sample data set that is put into `data/raw` until you import your own images."""


class Preprocess(Section):
    input_shape: Annotated[list[Pixels], Field(min_length=3, max_length=3)] = [256, 256, 1]
    """Height and width in pixels, and number of channels (1: grey), of the network's input."""
    mode: Literal["resize", "pad", "tile"] = "resize"
    """How images are brought to that size: `resize` stretches them; `pad` keeps their aspect ratio
    and fills the rest with black; `tile` cuts them at their own resolution into tiles that stay in
    one split."""
    masks: Literal["binary", "labels"] | Annotated[list[MaskValue], Field(min_length=1)] = "binary"
    """Which mask values are foreground: `binary`: the only value that is not background; `labels`:
    every value except the background (one number or colour per object); or a list of values
    (numbers, or colours as `"#ff0000"`)."""
    background: Annotated[list[MaskValue], Field(min_length=1)] | None = None
    """Which mask values are background. By default it is zero (or black, or transparent), and masks
    in which that is not clear are refused."""
    ignore: MaskValue | None = None
    """The mask value of pixels that count neither in the loss nor in the scores, such as 255 in
    Pascal VOC."""
    channel: Annotated[int, Field(ge=1, le=4096)] | None = None
    """The channel of an image with several (fluorescence, satellite bands), counted from 1."""
    nodata: list[float] | None = None
    """Grey values of pixels without data, next to NaN, infinity, DICOM's padding and what
    GDAL_NODATA says. `[]`: a few very bright or dark pixels are part of the image."""
    orientation: Literal["auto", "upright", "stored"] = "auto"
    """How masks fit images of another orientation in the metadata (EXIF): `upright`: to the image
    as a viewer shows it; `stored`: to its pixels as stored; `auto`: whichever makes their sizes
    equal; if both do, that is an error."""
    stacks: Literal["refuse", "slices"] = "refuse"
    """What to do with files that have several pages: `refuse` reports an error; `slices` uses each
    page as an image, all in one group."""
    on_bad: Literal["fail", "drop"] = "fail"
    """What to do with images that have an error: `fail` ends the run with a list of them; `drop`
    continues without them."""
    pixel_size_mm: Annotated[list[Positive], Field(min_length=2, max_length=2)] | None = None
    """Height and width of a pixel of the original images in mm, if the files do not contain it."""
    percentiles: Annotated[list[float], Field(min_length=2, max_length=2)] = [1.0, 99.8]
    """Percentiles (0 to 100) of each image's grey values that become black and white."""
    validation_fraction: Fraction = 0.2
    """Fraction of the groups that is used to compare trials."""
    test_fraction: Fraction = 0.15
    """Fraction of the groups that is used once, for the selected configuration."""
    seed: Seed = 0
    """Random seed of the assignment of groups to splits."""

    @model_validator(mode="after")
    def _check(self) -> "Preprocess":
        low, high = self.percentiles
        if not 0 <= low < high <= 100:
            raise ValueError(
                f"preprocess.percentiles: found {[low, high]}, expected 0 <= low < high <= 100"
            )
        if self.validation_fraction + self.test_fraction >= 1:
            raise ValueError(
                f"preprocess.validation_fraction and preprocess.test_fraction: found the sum "
                f"{self.validation_fraction + self.test_fraction:g}, expected less than 1, as the "
                "rest is the training split"
            )
        self._check_mask_values()
        if self.input_shape[2] != 1:
            raise ValueError(
                f"preprocess.input_shape: found {self.input_shape[2]} channels, "
                "expected 1 (grey images)"
            )
        return self

    def _check_mask_values(self) -> None:
        """Raise ValueError if one value is foreground, background or ignored at the same time."""
        stated: dict[str, set[int | str]] = {
            "masks": set() if isinstance(self.masks, str) else set(self.masks),
            "background": set(self.background or ()),
            "ignore": set() if self.ignore is None else {self.ignore},
        }
        for key, other in combinations(stated, 2):
            if both := stated[key] & stated[other]:
                raise ValueError(
                    f"preprocess.{key} and preprocess.{other}: found {both.pop()} in both, "
                    "expected each value in one of them"
                )


class Model(Section):
    task: Literal["segmentation"] = "segmentation"
    """The task: foreground against background."""
    base_channels: Annotated[int, Field(ge=1, le=1024)] = 64
    """Feature maps at full resolution, doubled at each level (64 in Ronneberger et al., 2015)."""
    depth: Annotated[int, Field(ge=1, le=8)] = 4
    """Number of times the image is halved (4 in Ronneberger et al., 2015)."""
    norm: Literal["none", "batch", "group"] = "batch"
    """Normalisation after each convolution: none (as in 2015), batch or group normalisation."""


class Training(Section):
    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    """Adam; AdamW, where kernels decay by 2 · learning_rate · l2_reg per step (so l2_reg should be
    about a thousand times larger, 0.005 to 0.05); or SGD with momentum 0.9."""
    scheduler: Literal["constant", "cosine"] = "constant"
    """The learning rate after the warm-up: constant, or falling to zero along half a cosine."""
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Fraction of all steps during which the learning rate rises to its value."""
    loss: Literal["bce", "dice", "bce_dice"] = "bce_dice"
    """Binary cross-entropy, 1 - soft Dice, or their sum."""
    augmentation: Annotated[float, Field(ge=0, le=3)] = 1.0
    """Strength of the changes of grey values; up to 1 it is also the fraction of images that are
    flipped or rotated. 0 turns augmentation off."""
    steps_per_epoch: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """Length of an epoch. null: one pass over the images, so trials with different batch sizes have
    equal epochs. A number: that many steps, so they have equal steps. A sweep over it needs
    numbers."""
    mixed_precision: bool = True
    """Run convolutions in bfloat16 or float16 where the device supports it, else in float32."""
    deterministic: bool = True
    """On a GPU, use only algorithms that give the same bits in each run; false is faster."""
    seed: Seed = 0
    """Random seed of the weights, image order, dropout and augmentation of every training."""
    threads: Annotated[int, Field(ge=1, le=1024)] = 2
    """CPU threads of one training. The bits of its result depend on it."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to train; auto uses a GPU if there is one, else the CPU."""


class Confirm(Section):
    candidates: Annotated[int, Field(ge=0, le=10)] = 3
    """Number of the best trials that are retrained under new seeds; 0 selects the best trial of the
    sweep without confirmation."""
    seeds: Annotated[int, Field(ge=2, le=50)] = 3
    """New seeds for each candidate. A candidate that can no longer win passes its remaining
    trainings on to the others, so there are at most candidates × seeds trainings."""
    parallel: Annotated[int, Field(ge=1, le=500)] = 1
    """How many of these trainings may run when the next is chosen."""


class Hardware(Section):
    target: Annotated[str, Field(examples=list(GPU_MEMORY_GB))] | Positive | None = None
    """The GPU that the next sweep is planned for, by name (case, spaces and dashes are ignored) or
    by its memory in GB; null is the device of this machine."""

    @field_validator("target")
    @classmethod
    def _check_gpu(cls, target: str | float | None) -> str | float | None:
        if isinstance(target, str):
            gpu_memory(target)
        return target


class Slurm(Section):
    minutes: Annotated[int, Field(ge=1, le=525_600)] = 240
    """Time limit of one training as a Slurm job. A training that reaches it continues from its last
    epoch in a new job, up to four times."""
    memory: Annotated[int, Field(ge=1, le=16_777_216)] | None = None
    """Main memory of one training as a Slurm job, in MB; null uses the memory estimate."""


class Wandb(Section):
    project: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,128}$")] = "segsweep"
    """The W&B project of the runs."""
    entity: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,128}$")] | None = None
    """The W&B user or team of the project; null is the default entity of the API key."""
    mode: Literal["offline", "online"] = "offline"
    """`offline` writes runs to files, which `segsweep sync` can upload later; `online` also sends
    them live to W&B, or to the server in WANDB_BASE_URL, with your API key. A change retrains
    nothing."""
    images: Annotated[int, Field(ge=0, le=64)] = 8
    """Number of validation images that each run shows with prediction and mask."""


HYPERPARAMETERS = tuple(Hyperparameters.model_fields)
"""The top-level keys of a study."""
