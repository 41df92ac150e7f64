"""Cells of result tables: parse the text of a CSV file, format a value for a report."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from segsweep.core.float32 import to_float32_range
from segsweep.core.formatting import format_number

Row = Mapping[str, str]
"""A row of a CSV file."""


def parse_number(text: object) -> float | None:
    """Return the number that a text holds; None unless it is finite in float32."""
    try:
        value = to_float32_range(float(str(text)))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def trial_name(text: object) -> str:
    """Return `007` for trial 7; other names are returned as they are."""
    name = str(text)
    return name.lstrip("0").zfill(3) if name.isascii() and name.isdecimal() else name


def column(table: Sequence[Row], name: str) -> np.ndarray:
    """Return a column of a table, float64 (rows,); NaN where there is no number."""
    values = [parse_number(row.get(name)) for row in table]
    return np.array([np.nan if value is None else value for value in values], float)


def format_cell(value: Any) -> str:
    """Return a number with four significant digits; names such as `007` and texts as they are."""
    number = parse_number(value)
    if number is None or isinstance(value, bool) or str(value).isdecimal():
        return "" if value is None else str(value)
    return format_number(number)


def format_ends(ends: Sequence[float | None] | str | None) -> str:
    """Return an interval as text: `0.87 to 0.91`, empty if unknown; a text is returned as it is."""
    if isinstance(ends, str):
        return ends
    return "" if not ends or None in ends else f"{format_cell(ends[0])} to {format_cell(ends[1])}"
