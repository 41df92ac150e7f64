"""How values lie on an axis: as numbers, as logarithms, as doublings, or as names in a row."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

from segsweep.report.results import number
from segsweep.report.style import plain

Side = Literal["x", "y"]

FAR = 10
"""From so large a ratio of the largest to the smallest on, values are looked at in logarithms."""
MOST = 7
"""Values that are named one by one on an axis."""


@dataclass(frozen=True)
class Scale:
    """The scale of a parameter: `names` of its values where one is no number.

    `few`: its values where they are few enough to be named one by one.
    """

    names: Sequence[str] = ()
    log: bool = False
    few: Sequence[float] = ()

    def place(self, text: str) -> float:
        """Where a value lies; NaN where there is none."""
        if self.names:
            return float(self.names.index(text)) if text in self.names else np.nan
        value = number(text)
        return np.nan if value is None else value

    def places(self, texts: Iterable[str]) -> np.ndarray:
        return np.array([self.place(text) for text in texts], float)

    def steps(self, texts: Iterable[str]) -> np.ndarray:
        """The places with equal steps for equal ratios, where that is the scale."""
        places = self.places(texts)
        return np.log(places) if self.log else places

    def set_on(self, axes: Axes, side: Side) -> None:
        axis = axes.xaxis if side == "x" else axes.yaxis
        if self.names:
            axis.set_major_locator(FixedLocator(np.arange(len(self.names)).tolist()))
            axis.set_major_formatter(FuncFormatter(lambda x, _: plain(self.names[round(x)], 14)))
            return
        if self.log:
            logarithms(axes, side)
        if self.few:
            axis.set_major_locator(FixedLocator(self.few))


def scale_of(texts: Iterable[str]) -> Scale:
    """Logarithms where all values are positive and span `FAR`; names where one is no number."""
    known = [text for text in texts if text != ""]
    numbers = [value for value in map(number, known) if value is not None]
    if len(numbers) < len(known) or not known:
        return Scale(sorted(set(known)))
    few = sorted(set(numbers))
    log = few[0] > 0 and few[-1] >= FAR * few[0]
    return Scale(log=log, few=few if len(few) <= MOST else ())


def logarithms(axes: Axes, side: Side) -> None:
    """Logarithms with numbers that are read at once, a few even within one decade."""
    (axes.set_xscale if side == "x" else axes.set_yscale)("log")
    axis = axes.xaxis if side == "x" else axes.yaxis
    low, high = axis.get_view_interval()
    subs = (1.0,) if high > 1000 * max(low, 1e-300) else (1.0, 3.0)
    axis.set_major_locator(LogLocator(subs=subs, numticks=7))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))


def doublings(axes: Axes, sizes: Iterable[float]) -> None:
    """Batch sizes along x: doublings are equally far apart."""
    axes.set_xscale("log", base=2)
    shown = sorted(set(sizes))
    if len(shown) > MOST:
        low, high = np.log2([shown[0], shown[-1]]).round(9)
        shown = (2.0 ** np.arange(np.ceil(low), np.floor(high) + 1)).tolist()
    axes.xaxis.set_major_locator(FixedLocator(shown))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
