"""One configuration of a training, held to the ranges of the study's keys."""

import math
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from segsweep.config.sections import Hyperparameters, Model, Preprocess, Training
from segsweep.config.training_config import SEARCHABLE
from segsweep.config.validation_errors import sentences
from segsweep.core.errors import UserError

_ENDS = ("ge", "gt", "le", "lt")

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
    """The least and the largest value of a searchable number; an end that is left out is a tenth
    inside. Without limits (and for names that no study has) infinite.
    """
    for section in (Hyperparameters, Model, Training):
        if name in section.model_fields:
            marks = section.model_fields[name].metadata
            ends = {
                end: getattr(mark, end) for mark in marks for end in _ENDS if hasattr(mark, end)
            }
            least = ends.get("ge", ends.get("gt", -math.inf))
            most = ends.get("le", 0.9 * ends.get("lt", math.inf))
            return float(least), float(most)
    return -math.inf, math.inf


def check_training(values: dict[str, Any], source: str) -> None:
    """Hold the values of a `config.yaml` to the study's ranges; raises `UserError`."""
    try:
        check_ranges(values, "")
        Training(**{name: values[name] for name in Training.model_fields})
        Preprocess(input_shape=values["input_shape"])
    except ValidationError as error:
        raise UserError("\n".join(f"{source}: {s}" for s in sentences(error))) from None
    except ValueError as error:
        raise UserError(f"{source}: {error}") from None


def check_ranges(values: dict[str, Any], where: str) -> None:
    """Hold one configuration to the fields' own ranges and to the network's halvings."""
    for name, field in _HYPERPARAMETERS.items():
        try:
            field.validate_python(values[name])
        except ValidationError as error:
            place = f"{where}.{name}" if where and not where.endswith(f".{name}") else where or name
            raise ValueError("\n".join(sentences(error, place))) from None
    height, width, _ = values["input_shape"]
    step = 2 ** values["depth"]
    if height == width == step and values["norm"] == "batch":
        raise ValueError(
            f"model.depth: found {values['depth']}, which halves {height} x {width} to one pixel, "
            "expected less with model.norm batch, which has nothing to average in a step of one "
            "image; or choose norm group"
        )
    if height % step or width % step:
        raise ValueError(
            f"preprocess.input_shape: found {height} x {width}, expected multiples of {step} for "
            f"model.depth {values['depth']}; each depth halves the image once"
        )
