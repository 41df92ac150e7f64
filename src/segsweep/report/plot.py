"""A plot: its data, its alternative text, and its SVG in the common style.

Text and axes have the colour of the surrounding text (`currentColor`), so that a plot fits a light
and a dark page. The other colours are visible on both and colour-blind safe (after Okabe and Ito,
Color Universal Design, 2008). The SVG files are reproducible.
"""

import hashlib
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from segsweep.config.objective import Goal, sign
from segsweep.core.printable import escape_controls, printable

INK = "#010203"
"""A placeholder for the colour of the text around the plot."""
BLUE, ORANGE = "#2f7fd1", "#d55e00"
GREY = "#8a8f98"
RANKS = LinearSegmentedColormap.from_list("ranks", [ORANGE, GREY, BLUE])
"""Colours from the worst trial (0) over the middle one to the best (1)."""

MAX_DOTS = 2000
"""Maximum number of dots of one kind in a plot, so that the report of a large sweep stays small."""

WIDTH = 360
"""Width of a plot in points; a font of 11 points is still readable on a phone."""

STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "segsweep",
    "font.size": 11,
    "axes.titlesize": 11,
    "axes.labelsize": 11,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "legend.fontsize": 10,
    "legend.frameon": False,
    "legend.handlelength": 1.4,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "lines.linewidth": 1.6,
    "lines.markersize": 4.5,
    "path.simplify": True,
}
SVG_STYLE = (
    "<style>svg{color:#1d2126}@media (prefers-color-scheme:dark){svg{color:#e4e6e8}}"
    "*{stroke-linejoin:round;stroke-linecap:butt}</style>"
)


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


def render_svg(draw: Callable[[Figure], None], height: float = 240, width: float = WIDTH) -> str:
    """Return the SVG of what `draw` adds to a figure of this size (points)."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width / 72, height / 72), layout="constrained")
        draw(figure)
        out = io.StringIO()
        no_metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(out, format="svg", transparent=True, metadata=no_metadata)
    return _clean(out.getvalue())


def _clean(svg: str) -> str:
    """Round coordinates, use the fonts and the text colour of the page, escape what XML forbids."""
    svg = re.sub(r' (?:d|x|y)="[^"]*"', lambda match: _round(match[0]), svg)
    svg = re.sub(r"font-family: [^;\"]*", "font-family: system-ui, sans-serif", svg)
    svg = re.sub(r"<style.*?</style>", SVG_STYLE, svg, count=1, flags=re.DOTALL)
    return escape_controls(svg.replace(INK, "currentColor"))


def _round(attribute: str) -> str:
    return " ".join(re.sub(r"(\.\d\d)\d+", r"\1", attribute).split()).join((" ", ""))


def dots_note(trials: int) -> str:
    """Return a sentence for the caption if only a selection of the trials is drawn, else ""."""
    return f" Dots are an even selection of {MAX_DOTS} trials." if trials > MAX_DOTS else ""


def relative_ranks(values: Sequence[float], goal: Goal) -> np.ndarray:
    """Return the rank of each value in equal steps from 0 (worst) to 1 (best)."""
    order = np.argsort(np.argsort(sign(goal) * np.array(values, float), kind="stable"))
    return order / max(1, len(order) - 1)


def label_text(text: object, max_length: int = 28) -> str:
    """Return a text for matplotlib: on one line, short, dollar signs not read as mathematics."""
    line = printable(str(text))
    short = line if len(line) <= max_length else f"{line[: max_length - 1]}…"
    return short.replace("$", r"\$")
