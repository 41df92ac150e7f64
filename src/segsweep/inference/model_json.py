"""Check the content of `model.json`; errors are a `ValueError` or `TypeError` with one sentence."""

from typing import Annotated, Any

from pydantic import Field

from segsweep.config.sections import Preprocess, Section
from segsweep.config.training_config import TrainingConfig
from segsweep.config.validation import check_training, validate
from segsweep.core.errors import UserError
from segsweep.data.dataset import PREPROCESSING_KEYS
from segsweep.data.decoded_image import MAX_PIXELS

NEWER_KEYS = ("channel", "nodata")
"""Keys of the preprocessing that models of version 0.1 do not have."""

MAX_TEXT = 500
"""Maximum number of characters of a file that a message shows."""

Dice = Annotated[float, Field(ge=0, le=1)]


class Threshold(Section):
    """The threshold with the best Dice on the validation images, and the Dice at it and at 0.5."""

    chosen: Annotated[float, Field(gt=0, le=1)]
    val_dice_coefficient: Dice
    val_dice_coefficient_at_half: Dice


def table(value: Any, key: str) -> dict[str, Any]:
    """Return the value of a key, which must be a table of keys."""
    if not isinstance(value, dict):
        raise TypeError(f"{key}: found {type(value).__name__}, expected a table of keys")
    return value


def training_config(values: dict[str, Any]) -> TrainingConfig:
    """Return the configuration of the training."""
    try:
        config = TrainingConfig.from_dict(values, "config")
        check_training(config.to_dict(), "config")
    except UserError as error:
        raise ValueError(str(error)) from None
    height, width, _ = config.input_shape
    if height * width > MAX_PIXELS:
        raise ValueError(
            f"config.input_shape: found {height} x {width} pixels, expected at most {MAX_PIXELS:,}"
        )
    return config


def preprocessing_of(values: dict[str, Any], config: TrainingConfig) -> Preprocess:
    """Return the preprocessing, whose images must have the size of the network's input."""
    settings = {name: values[name] for name in PREPROCESSING_KEYS if name not in NEWER_KEYS}
    settings |= {name: values.get(name) for name in NEWER_KEYS}
    preprocessing = validate(Preprocess, settings, "preprocessing")
    if tuple(preprocessing.input_shape) != config.input_shape:
        raise ValueError(
            f"preprocessing.input_shape: found {preprocessing.input_shape}, expected "
            f"{list(config.input_shape)}, the input_shape of the training"
        )
    return preprocessing


def threshold_of(values: dict[str, Any]) -> dict[str, float]:
    """Return the threshold and its Dice, without other keys."""
    known = {name: values[name] for name in Threshold.model_fields}
    return validate(Threshold, known, "threshold").model_dump()


def shorten(text: str) -> str:
    """Return at most MAX_TEXT characters of a text."""
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}…"
