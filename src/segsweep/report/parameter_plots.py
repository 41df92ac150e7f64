"""Plots of parameter importance and of the effect of each parameter."""

from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from segsweep.config.objective import sign
from segsweep.core.formatting import format_percent
from segsweep.core.thinning import evenly
from segsweep.report.axis_scales import scale_of
from segsweep.report.plot import BLUE, INK, MAX_DOTS, Plot, dots_note, label_text, render_svg
from segsweep.report.results import Results
from segsweep.report.values import Row, column, format_cell

RUN_TIME = "run_time"

CUT_OFF = 0.1
"""The worst share of trials that may lie outside the axis of an effect plot."""


def importance(results: Results) -> Plot | None:
    """Plot the share of the metric's variance that each parameter explains."""
    return _shares(results, results.metric, "importance", f"Importance for the {results.label}")


def run_time(results: Results) -> Plot | None:
    """Plot the share of the run time's variance that each parameter explains."""
    return _shares(results, RUN_TIME, "run_time", "Importance for the run time")


def _shares(results: Results, target: str, name: str, title: str) -> Plot | None:
    rows = [*results.table("analysis/importance.csv"), *results.table("analysis/run_time.csv")]
    table = [row for row in rows if row["target"] == target]
    table = [table[i] for i in np.argsort(column(table, "share"), kind="stable")]
    if not table:
        return None
    share, low, high = (column(table, key) for key in ("share", "low", "high"))

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        positions = np.arange(len(table))
        axes.barh(positions, share, height=0.62, color=BLUE, alpha=0.75)
        axes.hlines(positions, low, high, color=INK, linewidth=1.2)
        axes.set_yticks(positions, [label_text(row["parameter"]) for row in table])
        axes.tick_params(axis="y", length=0)
        axes.set_xlim(0, max(1e-9, *share, *high) * 1.04)
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.set_xlabel("share of the variance (line: 95 % interval)")

    top = table[-1]
    alt = (
        f"Of {len(table)} parameters {top['parameter']} has the largest share of the variance, "
        f"{format_percent(share[-1])} (95 % interval {format_percent(low[-1])} to "
        f"{format_percent(high[-1])})."
    )
    columns = ("parameter", "share", "low", "high")
    data = [[row[key] for key in columns] for row in reversed(table)]
    return Plot(name, title, alt, columns, data, render_svg(draw, 74 + 25 * len(table)))


def effects(results: Results) -> Iterator[Plot]:
    """Plot the metric against each parameter, averaged over the others, with the trials."""
    table = results.table("analysis/effects.csv")
    for parameter in dict.fromkeys(row["parameter"] for row in table):
        yield _effect(results, [row for row in table if row["parameter"] == parameter])


def _effect(results: Results, table: Sequence[Row]) -> Plot:
    parameter = table[0]["parameter"]
    known = [t for t in results.finished if t.parameters.get(parameter, "") != ""]
    trials = evenly(known, MAX_DOTS)
    grid = [row["value"] for row in table]
    trial_values = [t.parameters[parameter] for t in trials]
    scale = scale_of([*grid, *(t.parameters[parameter] for t in known)])
    mean, low, high = (column(table, key) for key in ("mean", "low", "high"))

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        observed = np.array([t.value for t in trials], float)
        axes.scatter(
            scale.positions(trial_values), observed, s=12, color=INK, alpha=0.35, linewidths=0
        )
        x = scale.positions(grid)
        if scale.categories:
            axes.errorbar(x, mean, (mean - low, high - mean), fmt="o", color=BLUE, capsize=3)
            axes.margins(x=0.2)
        else:
            axes.fill_between(x, low, high, color=BLUE, alpha=0.2, linewidth=0)
            axes.plot(x, mean, color=BLUE)
        scale.set_on(axes, "x")
        _set_y_limits(axes, [*low, *high], sign(results.goal) * observed, sign(results.goal))
        axes.set_xlabel(label_text(parameter))
        axes.set_ylabel(label_text(results.label))

    best = int(np.argmax(sign(results.goal) * mean))
    alt = (
        f"Averaged over the other parameters, the {results.label} is best at {parameter} "
        f"{format_cell(grid[best])}, {format_cell(mean[best])} (95 % interval "
        f"{format_cell(low[best])} to {format_cell(high[best])}); dots are {len(trials)} trials, "
        f"the band is the 95 % interval.{dots_note(len(known))}"
    )
    data = [[row[key] for key in ("value", "mean", "low", "high")] for row in table]
    columns = (parameter, "mean", "low", "high")
    name = f"effect_{parameter}"
    return Plot(name, f"Effect of {parameter}", alt, columns, data, render_svg(draw, 210))


def _set_y_limits(axes: Axes, band: Sequence[float], values: np.ndarray, direction: int) -> None:
    """Show the band and all trials but the worst; larger `values` are better."""
    edges = direction * np.quantile(values, (CUT_OFF, 1)) if len(values) else []
    low, high = min(*band, *edges), max(*band, *edges)
    margin = 0.06 * (high - low) or 0.1
    axes.set_ylim(low - margin, high + margin)
