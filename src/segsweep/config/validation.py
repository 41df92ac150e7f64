"""Validate a study and single configurations; every error is one sentence.

A sentence names the key, what was found and what was expected.
"""

import difflib
import math
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from segsweep.config.sections import Hyperparameters, Model, Preprocess, Training
from segsweep.config.training_config import SEARCHABLE
from segsweep.core.errors import UserError

_SCALAR = "scalar"
_SCALARS = ("bool", "int", "float", "str")
"""The last parts of the places of errors in a value that may have several types."""

_EXPECTED = {
    _SCALAR: "a number, text, true or false",
    "int_type": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a table of keys",
    "model_type": "a table of keys",
    "model_attributes_type": "a table of keys",
}

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

AnyModel = TypeVar("AnyModel", bound=BaseModel)


def validate(model: type[AnyModel], values: Any, key: str = "") -> AnyModel:
    """Validate the values of one key of a study.

    Args:
        model: The type of the key.
        values: What the study holds.
        key: The dotted name of the key.

    Raises:
        ValueError: One sentence per error.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise ValueError("\n".join(sentences(error, model, key))) from None


@contextmanager
def prefix_errors(key: str) -> Iterator[None]:
    """Begin the message of a `ValueError` in the block with the dotted name of a key."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None


def sentences(
    error: ValidationError, model: type[BaseModel] | None = None, key: str = ""
) -> list[str]:
    """Return one sentence per error.

    Args:
        error: Pydantic's error.
        model: The model that was validated; None for a single value.
        key: The dotted name of what was validated; empty for a whole study.
    """
    lines = []
    for detail in _with_one_of_each_scalar(error.errors()):
        parts = [str(part) for part in detail["loc"]]
        dotted = ".".join(filter(None, [key, *parts]))
        lines.extend(_sentence(detail, dotted, model).splitlines())
    return list(dict.fromkeys(lines))


def _with_one_of_each_scalar(details: Iterable[Any]) -> Iterator[Any]:
    """Yield the errors, of a value that has none of the types of `values` only one."""
    seen = set()
    for detail in details:
        place = detail["loc"][:-1]
        if not place or detail["loc"][-1] not in _SCALARS:
            yield detail
        elif place not in seen:
            seen.add(place)
            yield {**detail, "loc": place, "type": _SCALAR}


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
        validate(Preprocess, {"input_shape": values["input_shape"]})
        check_ranges(values)
        validate(Training, {name: values[name] for name in Training.model_fields})
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


def _sentence(detail: Any, key: str, model: type[BaseModel] | None) -> str:
    value, context, kind = detail["input"], detail.get("ctx", {}), detail["type"]
    if kind == "value_error":
        message = str(context["error"])
        return f"{key}: {message}" if key and key not in message else message
    if kind == "extra_forbidden":
        return f"unknown key '{key}'{_nearest_key(detail['loc'], model)}"
    if kind == "missing":
        return f"the key '{key}' is missing; give it a value"
    if kind == "literal_error":
        near = difflib.get_close_matches(
            str(value), re.findall(r"'([^']+)'", context["expected"]), 1
        )
        hint = f"; did you mean '{near[0]}'?" if near else ""
        if isinstance(value, bool):
            hint = "; put text in quotes (YAML reads yes, no, on and off as true and false)"
        return f"{key}: found {value!r}, expected {context['expected']}{hint}"
    if kind in _EXPECTED:
        expected = _EXPECTED[kind]
        return f"{key}: found {_format_value(value)}, expected {expected}{_advice(value, kind)}"
    if kind == "too_short":
        return f"{key}: found {len(value)} entries, expected at least {context['min_length']}"
    if kind == "too_long":
        return f"{key}: found {len(value)} entries, expected at most {context['max_length']}"
    message = detail["msg"].removeprefix("Input ").replace("should be", "a value that is")
    return f"{key}: found {_format_value(value)}, expected {message}"


def _advice(value: Any, kind: str) -> str:
    """Return what to do about a value of a wrong type, as the end of a sentence."""
    if value is None and kind in ("model_type", "model_attributes_type", "dict_type"):
        return "; indent its keys below it, or delete the line"
    if value is None and kind == _SCALAR:
        return "; write a value, such as 0 for no dropout"
    if not isinstance(value, str) or not _EXPECTED[kind].endswith("number"):
        return ""
    if re.fullmatch(r"[-+]?0[0-9_]+", value):
        number = value.replace("_", "").lstrip("-+0") or "0"
        return f"; write {number} (a leading zero means octal in YAML 1.1)"
    if re.fullmatch(r"[-+]?\d*,\d+([eE][-+]?\d+)?", value):
        return f"; write {value.replace(',', '.')}"
    is_number = re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", value)
    return "; remove the quotes" if is_number else ""


def _format_value(value: Any) -> str:
    if value is None:
        return "nothing (null)"
    if isinstance(value, str):
        return f"the text '{value}'"
    if isinstance(value, dict):
        return f"a table with the keys {sorted(map(str, value))}"
    return repr(value)


def _nearest_key(loc: tuple[int | str, ...], model: type[BaseModel] | None) -> str:
    """Return the known key nearest to an unknown one, or all known keys."""
    inner: Any = model
    for part in loc[:-1]:
        inner = inner.model_fields[part].annotation
    known = list(inner.model_fields)
    near = difflib.get_close_matches(str(loc[-1]), known, 1, 0.65)  # 'scale' is not 'value'
    if near:
        return f"; did you mean '{near[0]}'?"
    return f"; expected one of {', '.join(known)}"
