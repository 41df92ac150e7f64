"""What a cell of a table, or a value that was logged, stands for."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from segsweep.config.search_space import Scalar

EMPTY = frozenset({"", "null", "None", "undefined", "-"})
WORDS = {"true": True, "false": False}
NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
"""How W&B writes such numbers in JSON."""

SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?\s*[dhms]\s*)+")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|[-+]?(nan|inf|infinity)", re.I)


def read_cell(text: str | None) -> Any:
    """None for an empty cell, else the bool, number, list, table or text that it stands for."""
    text = (text or "").strip()
    if text in EMPTY:
        return None
    if text.lower() in WORDS:
        return WORDS[text.lower()]
    if _NUMBER.fullmatch(text):
        return int(text) if re.fullmatch(r"[-+]?\d{1,15}", text) else float(text)
    if text[0] in "[{":
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def number(value: Any) -> float | None:
    """The number that a value is, NaN and infinity among them; None for anything else."""
    if isinstance(value, str):
        return NOT_FINITE.get(value)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def finite(value: Any) -> float | None:
    found = number(value)
    return found if found is not None and math.isfinite(found) else None


def seconds(value: Any) -> float | None:
    """A run time: seconds as a number, or text such as `1h 2m 3s`."""
    if isinstance(value, str) and _DURATION.fullmatch(value):
        parts = re.findall(r"([\d.]+)\s*([dhms])", value)
        return math.fsum(float(many) * SECONDS[unit] for many, unit in parts)
    return finite(value)


def scalar(value: Any) -> Scalar:
    """A value that can be one of a list of values: lists and tables as their JSON."""
    return value if isinstance(value, bool | int | float | str) else json.dumps(value)


def flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested tables by dotted names, as W&B's own tables name them, without its media."""
    found: dict[str, Any] = {}
    for key, value in table.items():
        if not isinstance(value, Mapping):
            found[f"{prefix}{key}"] = value
        elif "_type" not in value:
            found |= flat(value, f"{prefix}{key}.")
    return found
