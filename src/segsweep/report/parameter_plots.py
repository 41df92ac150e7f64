"""Plots of what the parameters do, from the tables of the analysis."""

from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from segsweep.config.objective import sign
from segsweep.report.axis_scales import scale_of
from segsweep.report.plot import Plot, column, shown
from segsweep.report.results import Results, Row
from segsweep.report.style import BLUE, INK, picture, plain

RUN_TIME = "run_time"

WORST = 0.1
"""The share of the trials that an effect's axis need not show, so that failures hide nothing."""


def importance(results: Results) -> Plot | None:
    """How much of the metric each parameter decides."""
    return _shares(results, results.metric, "importance", f"What decides the {results.label}")


def run_time(results: Results) -> Plot | None:
    """How much of the run time each parameter decides."""
    return _shares(results, RUN_TIME, "run_time", "What decides the run time")


def _shares(results: Results, target: str, name: str, title: str) -> Plot | None:
    every = [*results.table("analysis/importance.csv"), *results.table("analysis/run_time.csv")]
    table = [row for row in every if row["target"] == target]
    table = [table[i] for i in np.argsort(column(table, "share"), kind="stable")]
    if not table:
        return None
    share, low, high = (column(table, key) for key in ("share", "low", "high"))

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        places = np.arange(len(table))
        axes.barh(places, share, height=0.62, color=BLUE, alpha=0.75)
        axes.hlines(places, low, high, color=INK, linewidth=1.2)
        axes.set_yticks(places, [plain(row["parameter"]) for row in table])
        axes.tick_params(axis="y", length=0)
        axes.set_xlim(0, max(1e-9, *share, *high) * 1.04)
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.set_xlabel("share of the variance (line: 95 % interval)")

    top = table[-1]
    alt = f"{title}: {top['parameter']} has the largest share, {share[-1]:.0%} " + (
        f"({low[-1]:.0%} to {high[-1]:.0%}), of {len(table)} parameters."
    )
    columns = ("parameter", "share", "low", "high")
    rows = [[row[key] for key in columns] for row in reversed(table)]
    return Plot(name, title, alt, columns, rows, picture(draw, 74 + 25 * len(table)))


def effects(results: Results) -> Iterator[Plot]:
    """The metric along each parameter, the others averaged, over the values that trials had."""
    table = results.table("analysis/effects.csv")
    for parameter in dict.fromkeys(row["parameter"] for row in table):
        yield _effect(results, [row for row in table if row["parameter"] == parameter])


def _effect(results: Results, table: Sequence[Row]) -> Plot:
    parameter = table[0]["parameter"]
    tried = [t for t in results.finished if t.parameters.get(parameter, "") != ""]
    texts, seen = [row["value"] for row in table], [t.parameters[parameter] for t in tried]
    scale = scale_of([*texts, *seen])
    mean, low, high = (column(table, key) for key in ("mean", "low", "high"))

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        values = np.array([t.value for t in tried], float)
        axes.scatter(scale.places(seen), values, s=12, color=INK, alpha=0.35, linewidths=0)
        places = scale.places(texts)
        if scale.names:
            axes.errorbar(places, mean, (mean - low, high - mean), fmt="o", color=BLUE, capsize=3)
            axes.margins(x=0.2)
        else:
            axes.fill_between(places, low, high, color=BLUE, alpha=0.2, linewidth=0)
            axes.plot(places, mean, color=BLUE)
        scale.set_on(axes, "x")
        _look_at(axes, [*low, *high], sign(results.goal) * values, sign(results.goal))
        axes.set_xlabel(plain(parameter))
        axes.set_ylabel(plain(results.label))

    best = int(np.argmax(sign(results.goal) * mean))
    alt = (
        f"{parameter}: the {results.label} is best expected at {shown(texts[best])}, "
        f"{shown(mean[best])} ({shown(low[best])} to {shown(high[best])}); "
        f"dots are {len(tried)} trials."
    )
    rows = [[row[key] for key in ("value", "mean", "low", "high")] for row in table]
    columns = (parameter, "mean", "low", "high")
    return Plot(
        f"effect_{parameter}", f"The effect of {parameter}", alt, columns, rows, picture(draw, 210)
    )


def _look_at(axes: Axes, band: Sequence[float], values: np.ndarray, upwards: int) -> None:
    """Show the band and all trials but the worst; `values` are to be maximized."""
    edges = upwards * np.quantile(values, (WORST, 1)) if len(values) else []
    low, high = min(*band, *edges), max(*band, *edges)
    room = 0.06 * (high - low) or 0.1
    axes.set_ylim(low - room, high + room)
