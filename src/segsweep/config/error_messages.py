"""Turn pydantic's errors into sentences: the key, what was found, what was expected."""

import difflib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

_EXPECTED = {
    "int_type": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a table of keys",
    "model_type": "a table of keys",
    "model_attributes_type": "a table of keys",
}

AnyModel = TypeVar("AnyModel", bound=BaseModel)


def validate(model: type[AnyModel], values: Any, key: str = "") -> AnyModel:
    """Validate the values of one key of a study.

    Args:
        model: The type of the key.
        values: What the study holds.
        key: The dotted name of the key.

    Raises:
        ValueError: One sentence per fault.
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
    """Return one sentence per fault.

    Args:
        error: Pydantic's error.
        model: The model that was validated; None for a single value.
        key: The dotted name of what was validated; empty for a whole study.
    """
    lines = []
    for fault in error.errors():
        parts = [str(part) for part in fault["loc"]]
        dotted = ".".join(filter(None, [key, *parts]))
        lines.extend(_sentence(fault, dotted, model).splitlines())
    return list(dict.fromkeys(lines))


def _sentence(fault: Any, key: str, model: type[BaseModel] | None) -> str:
    found, context, kind = fault["input"], fault.get("ctx", {}), fault["type"]
    if kind == "value_error":
        message = str(context["error"])
        return f"{key}: {message}" if key and key not in message else message
    if kind == "extra_forbidden":
        return f"unknown key '{key}'{_nearest_key(fault['loc'], model)}"
    if kind == "missing":
        return f"the key '{key}' is missing; give it a value"
    if kind == "literal_error":
        near = difflib.get_close_matches(
            str(found), re.findall(r"'([^']+)'", context["expected"]), 1
        )
        hint = f"; did you mean '{near[0]}'?" if near else ""
        return f"{key}: found {found!r}, expected {context['expected']}{hint}"
    if kind in _EXPECTED:
        expected = _EXPECTED[kind]
        hint = "; remove the quotes" if expected.endswith("number") and _is_number(found) else ""
        return f"{key}: found {_format_value(found)}, expected {expected}{hint}"
    if kind == "too_short":
        return f"{key}: found {len(found)} entries, expected at least {context['min_length']}"
    if kind == "too_long":
        return f"{key}: found {len(found)} entries, expected at most {context['max_length']}"
    return f"{key}: found {_format_value(found)}, expected: {fault['msg'].removeprefix('Input ')}"


def _is_number(found: Any) -> bool:
    """Whether text holds a number that YAML would have read as one without quotes."""
    return isinstance(found, str) and bool(
        re.fullmatch(r"[-+]?([1-9]\d*|0)?(\d\.?|\.\d+)\d*([eE][-+]?\d+)?", found)
    )


def _format_value(found: Any) -> str:
    if isinstance(found, str):
        return f"the text '{found}'"
    if isinstance(found, dict):
        return f"a table with the keys {sorted(map(str, found))}"
    return repr(found)


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
