"""Read JSON: a bounded number of levels, and integers that every program can handle."""

import json
from typing import Any

MAX_DEPTH = 50
"""Maximum number of levels of lists and tables in a file. The files of this project have up to 7.
Python cannot compare, copy or write values of some hundred levels."""

INTEGER_DIGITS = 20
"""Integers of more digits become floats; 64-bit integers have up to 20."""


def load_json(text: str) -> Any:
    """Read one JSON document.

    Raises:
        ValueError: The text is not JSON, or has more than `MAX_DEPTH` levels.
    """
    try:
        content = json.loads(text, parse_int=_integer)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    level = [content]
    for _ in range(MAX_DEPTH):
        level = [part for value in level for part in _parts(value)]
        if not level:
            return content
    raise ValueError(_TOO_DEEP)


_TOO_DEEP = f"found more than {MAX_DEPTH} levels of lists and tables"


def _parts(value: Any) -> list[Any]:
    """Return the lists and tables directly inside a value."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [part for part in parts if isinstance(part, dict | list)]


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= INTEGER_DIGITS else float(digits)
