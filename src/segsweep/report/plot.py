"""A plot with what it says in one sentence and the numbers that it is drawn from."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from segsweep.report.results import Row, number


@dataclass(frozen=True)
class Plot:
    """`svg` is a whole file; `alt` says in a sentence what is seen; `columns` and `rows` are the
    table behind it. `wide` ones scroll on a narrow screen instead of shrinking."""

    name: str
    title: str
    alt: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    svg: str
    wide: bool = False

    @property
    def file(self) -> str:
        """The name as that of a file or an id; another for each name."""
        safe = re.sub(r"[^A-Za-z0-9_.-]+", "_", self.name)[:60]
        own = hashlib.sha256(self.name.encode()).hexdigest()[:6]
        return safe if safe == self.name else f"{safe}-{own}"


def shown(value: Any) -> str:
    """A number as people read it, with four digits that count; a name (`007`) or text as it is."""
    exact = number(value)
    if exact is None or isinstance(value, bool) or str(value).isdecimal():
        return "" if value is None else str(value)
    return f"{exact:.0f}" if exact.is_integer() and abs(exact) < 1e7 else f"{exact:.4g}"


def column(table: Sequence[Row], name: str) -> np.ndarray:
    """A table's column, float64 (rows,); NaN where there is no number."""
    values = [number(row.get(name)) for row in table]
    return np.array([np.nan if value is None else value for value in values], float)
