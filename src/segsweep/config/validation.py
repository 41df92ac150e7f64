"""Check one training configuration against the ranges of the study's keys."""

import math
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from segsweep.config.error_messages import sentences, validate
from segsweep.config.sections import Hyperparameters, Model, Preprocess, Training
from segsweep.config.training_config import SEARCHABLE
from segsweep.core.errors import UserError

_BOUNDS = ("ge", "gt", "le", "lt")

_HYPERPARAMETERS: dict[str, TypeAdapter[Any]] = {
    name: TypeAdapter(
        Annotated[field.annotation, Field(), *field.metadata],  # type: ignore[arg-type]
        config=ConfigDict(strict=True),
    )
    for section in (Hyperparameters, Model, Training)
    for name, field in section.model_fields.items()
    if name in SEARCHABLE
}


def limits(name: str) -> tuple[float, float]:
    """Return the smallest and the largest value of a searchable number.

    For an upper bound that is itself excluded it is 0.9 times the bound. Without bounds, and for
    names that no study has, the limits are infinite.
    """
    for section in (Hyperparameters, Model, Training):
        if name in section.model_fields:
            metadata = section.model_fields[name].metadata
            bounds = {b: getattr(item, b) for item in metadata for b in _BOUNDS if hasattr(item, b)}
            least = bounds.get("ge", bounds.get("gt", -math.inf))
            most = bounds.get("le", 0.9 * bounds.get("lt", math.inf))
            return float(least), float(most)
    return -math.inf, math.inf


def check_training(values: dict[str, Any], source: str) -> None:
    """Check the values of a `config.yaml` against the study's ranges.

    Args:
        values: The content of the file, with all keys.
        source: The file name for the message.

    Raises:
        UserError: A value is out of range.
    """
    try:
        check_ranges(values)
        validate(Training, {name: values[name] for name in Training.model_fields})
        validate(Preprocess, {"input_shape": values["input_shape"]})
    except ValueError as error:
        raise UserError("\n".join(f"{source}: {s}" for s in str(error).splitlines())) from None


def check_ranges(values: dict[str, Any], key: str = "") -> None:
    """Check one configuration against the ranges of its keys and the depth of the network.

    Args:
        values: The value of each searchable parameter, and `input_shape`.
        key: The dotted key of the study that holds the values, for the message.

    Raises:
        ValueError: A value is out of range, or the image cannot be halved `depth` times.
    """
    for name, field in _HYPERPARAMETERS.items():
        try:
            field.validate_python(values[name])
        except ValidationError as error:
            dotted = f"{key}.{name}" if key and not key.endswith(f".{name}") else key or name
            raise ValueError("\n".join(sentences(error, key=dotted))) from None
    height, width, _ = values["input_shape"]
    step = 2 ** values["depth"]
    if height == width == step and values["norm"] == "batch":
        raise ValueError(
            f"model.depth: found {values['depth']}, which halves {height} x {width} to one pixel, "
            "where batch normalisation of a single image is not possible; expected a smaller "
            "depth, or model.norm group"
        )
    if height % step or width % step:
        raise ValueError(
            f"preprocess.input_shape: found {height} x {width}, expected multiples of {step} for "
            f"model.depth {values['depth']}: each level halves the image"
        )
