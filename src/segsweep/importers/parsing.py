"""Types of table cells and logged values.

Numbers outside the range of float32 are infinite or 0.
"""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from segsweep.config.search_space import Scalar
from segsweep.core.float32 import to_float32_range
from segsweep.core.json_format import load_json

EMPTY = frozenset(
    {"", "-", "null", "NULL", "None", "none", "undefined", "NA", "N/A", "n/a", "#N/A", "<NA>"}
)
BOOLEANS = {"true": True, "false": False}
NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
"""How W&B writes these numbers in JSON."""

SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?\s*[dhms]\s*)+")
_PERCENT = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+))\s?%")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|[-+]?(nan|inf|infinity)", re.I)


def read_cell(text: str | None) -> Any:
    """Return the bool, number, list, dict or text of a cell; None for an empty cell."""
    text = (text or "").strip()
    if text in EMPTY:
        return None
    text = text.replace("\N{MINUS SIGN}", "-")
    if text.lower() in BOOLEANS:
        return BOOLEANS[text.lower()]
    if _NUMBER.fullmatch(text):
        return int(text) if re.fullmatch(r"[-+]?\d{1,15}", text) else float(text)
    if match := _PERCENT.fullmatch(text):
        return from_percent(float(match[1]))
    if text[0] in "[{":
        try:
            return load_json(text)
        except ValueError:
            return text
    return text


def from_percent(value: float) -> float:
    """Return 0.829 for 82.9, without the digits that a division adds."""
    return float(f"{value / 100:.15g}")


def number(value: Any) -> float | None:
    """Return a number, including NaN and infinity; None for any other value."""
    if isinstance(value, str):
        return NOT_FINITE.get(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return to_float32_range(value)


def finite(value: Any) -> float | None:
    """Return a finite number; None for any other value."""
    parsed = number(value)
    return parsed if parsed is not None and math.isfinite(parsed) else None


def seconds(value: Any) -> float | None:
    """Return a run time in seconds, from a number or from text such as `1h 2m 3s`."""
    if isinstance(value, str) and _DURATION.fullmatch(value):
        parts = re.findall(r"([\d.]+)\s*([dhms])", value)
        try:
            return finite(math.fsum(float(count) * SECONDS[unit] for count, unit in parts))
        except OverflowError:
            return None
    return finite(value)


def scalar(value: Any) -> Scalar:
    """Return a value of a categorical parameter; lists and dicts become JSON text."""
    return value if isinstance(value, bool | int | float | str) else json.dumps(value)


def flatten(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested dicts with dotted names, as in W&B's tables, without W&B's media objects."""
    flat: dict[str, Any] = {}
    for key, value in table.items():
        if not isinstance(value, Mapping):
            flat[f"{prefix}{key}"] = value
        elif "_type" not in value:
            flat |= flatten(value, f"{prefix}{key}.")
    return flat
