"""A plot with its alternative text and the data that it shows."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Plot:
    """A plot.

    Attributes:
        name: A unique name, such as `effect_dropout`.
        title: The heading.
        alt: The caption and alternative text, one sentence.
        columns: The columns of the data.
        rows: The rows of the data.
        svg: The whole SVG file.
        wide: Whether the plot scrolls on a narrow screen instead of shrinking.
    """

    name: str
    title: str
    alt: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    svg: str
    wide: bool = False

    @property
    def file(self) -> str:
        """The name as a safe and unique file name, also used as an id."""
        safe = re.sub(r"[^A-Za-z0-9_.-]+", "_", self.name)[:60]
        suffix = hashlib.sha256(self.name.encode()).hexdigest()[:6]
        return safe if safe == self.name else f"{safe}-{suffix}"
