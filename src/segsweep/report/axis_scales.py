"""Axis scales: linear, logarithmic, doublings, or categories."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

from segsweep.report.plot import label_text
from segsweep.report.values import parse_number

Side = Literal["x", "y"]

LOG_RATIO = 10
"""From this ratio of the largest to the smallest value the scale is logarithmic."""
MAX_TICKS = 7
"""At most this many values get a tick each."""


@dataclass(frozen=True)
class Scale:
    """The scale of a parameter.

    Attributes:
        categories: All values, sorted, if at least one of them is not a number.
        log: Whether the scale is logarithmic.
        ticks: The values, if they are few enough for a tick each.
    """

    categories: Sequence[str] = ()
    log: bool = False
    ticks: Sequence[float] = ()

    def position(self, text: str) -> float:
        """Return the position of a value on the axis; NaN if it has none."""
        if self.categories:
            return float(self.categories.index(text)) if text in self.categories else np.nan
        value = parse_number(text)
        return np.nan if value is None else value

    def positions(self, texts: Iterable[str]) -> np.ndarray:
        """Return the position of each value."""
        return np.array([self.position(text) for text in texts], float)

    def linear_positions(self, texts: Iterable[str]) -> np.ndarray:
        """Return the positions, as logarithms if the scale is logarithmic."""
        positions = self.positions(texts)
        return np.log(positions) if self.log else positions

    def set_on(self, axes: Axes, side: Side) -> None:
        """Set the scale and the ticks of an axis."""
        axis = axes.xaxis if side == "x" else axes.yaxis
        if self.categories:
            axis.set_major_locator(FixedLocator(np.arange(len(self.categories)).tolist()))
            axis.set_major_formatter(
                FuncFormatter(lambda x, _: label_text(self.categories[round(x)], 14))
            )
            return
        if self.log:
            set_log_scale(axes, side)
        if self.ticks:
            axis.set_major_locator(FixedLocator(self.ticks))


def scale_of(texts: Iterable[str]) -> Scale:
    """Return the scale for the values of a parameter; empty texts are ignored."""
    known = [text for text in texts if text != ""]
    numbers = [value for value in map(parse_number, known) if value is not None]
    if len(numbers) < len(known) or not known:
        return Scale(sorted(set(known)))
    values = sorted(set(numbers))
    log = values[0] > 0 and values[-1] >= LOG_RATIO * values[0]
    return Scale(log=log, ticks=values if len(values) <= MAX_TICKS else ())


def set_log_scale(axes: Axes, side: Side) -> None:
    """Set a logarithmic scale with plain numbers, and with several ticks in a single decade."""
    (axes.set_xscale if side == "x" else axes.set_yscale)("log")
    axis = axes.xaxis if side == "x" else axes.yaxis
    low, high = axis.get_view_interval()
    subs = (1.0,) if high > 1000 * max(low, 1e-300) else (1.0, 3.0)
    axis.set_major_locator(LogLocator(subs=subs, numticks=7))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))


def set_batch_size_scale(axes: Axes, sizes: Iterable[float]) -> None:
    """Set a base-2 logarithmic x axis with a tick for each batch size, or for powers of two."""
    axes.set_xscale("log", base=2)
    ticks = sorted(set(sizes))
    if len(ticks) > MAX_TICKS:
        low, high = np.log2([ticks[0], ticks[-1]]).round(9)
        ticks = (2.0 ** np.arange(np.ceil(low), np.floor(high) + 1)).tolist()
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
