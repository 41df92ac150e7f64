"""The house's hand: one look for all plots, as SVG that is the same bytes each time.

Text and axes are in the colour of the text around them (`currentColor`), so that a plot fits a
light page and a dark one; the other colours are told apart on both, and by the colour-blind
(after Okabe and Ito, Color Universal Design, 2008).
"""

import io
import re
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from segsweep.config.objective import Goal, sign

INK = "#010203"
"""Stands for the colour of the text around the plot."""
BLUE, ORANGE = "#2f7fd1", "#d55e00"
GREY = "#8a8f98"
RANKS = LinearSegmentedColormap.from_list("ranks", [ORANGE, GREY, BLUE])
"""From the worst trial over the middle one to the best."""

WIDTH = 360
"""Points. With type of 11 points it is still read on a telephone."""

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
SHEET = (
    "<style>svg{color:#1d2126}@media (prefers-color-scheme:dark){svg{color:#e4e6e8}}"
    "*{stroke-linejoin:round;stroke-linecap:butt}</style>"
)


def picture(draw: Callable[[Figure], None], height: float = 240, width: float = WIDTH) -> str:
    """The SVG of what `draw` puts on a figure of so many points."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width / 72, height / 72), layout="constrained")
        draw(figure)
        out = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(out, format="svg", transparent=True, metadata=nothing)
    return _finished(out.getvalue())


def _finished(svg: str) -> str:
    """Coordinates of two decimals, the page's fonts, and the colour of the text around."""
    svg = re.sub(r' (?:d|x|y)="[^"]*"', lambda found: _rounded(found[0]), svg)
    svg = re.sub(r"font-family: [^;\"]*", "font-family: system-ui, sans-serif", svg)
    svg = re.sub(r"<style.*?</style>", SHEET, svg, count=1, flags=re.DOTALL)
    return svg.replace(INK, "currentColor")


def _rounded(attribute: str) -> str:
    return " ".join(re.sub(r"(\.\d\d)\d+", r"\1", attribute).split()).join((" ", ""))


def ranks_of(values: Sequence[float], goal: Goal) -> np.ndarray:
    """From 0 (the worst) to 1 (the best) in equal steps."""
    order = np.argsort(np.argsort(sign(goal) * np.array(values, float), kind="stable"))
    return order / max(1, len(order) - 1)


def plain(text: object, most: int = 28) -> str:
    """A text from a file as matplotlib is to show it: no mathematics, not too long."""
    short = str(text) if len(str(text)) <= most else f"{str(text)[: most - 1]}…"
    return short.replace("$", r"\$")
