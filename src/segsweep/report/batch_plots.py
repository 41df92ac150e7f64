"""Plots of batch size and learning rate."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from segsweep.config.objective import sign
from segsweep.core.thinning import evenly
from segsweep.report.axis_scales import set_batch_size_scale, set_log_scale
from segsweep.report.plot import BLUE, GREY, INK, MAX_DOTS, Plot, dots_note, label_text, render_svg
from segsweep.report.results import Results
from segsweep.report.values import column, format_cell, parse_number
from segsweep.search.trial_result import TrialResult

BATCH, RATE, SPEED = "batch_size", "learning_rate", "images_per_second"
SCALING_RULES = {1.0: "linear scaling", 0.5: "square-root scaling"}
"""Exponents of common scaling rules (Goyal et al., 2017; Malladi et al., 2022)."""


def batch_size(results: Results) -> Plot | None:
    """Plot the metric by batch size: other parameters optimised, and the median over them."""
    table = results.table("analysis/batch_size.csv")
    if not table:
        return None
    sizes = column(table, BATCH)
    best, median = column(table, "best"), column(table, "typical")

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        for key, colour, label in (
            ("typical", GREY, "median over other parameters"),
            ("best", BLUE, "other parameters optimised"),
        ):
            low, high = column(table, f"{key}_low"), column(table, f"{key}_high")
            axes.fill_between(sizes, low, high, color=colour, alpha=0.2, linewidth=0)
            axes.plot(sizes, column(table, key), color=colour, marker="o", label=label)
        dots: dict[str, Any] = {"color": INK, "linestyle": "none", "markersize": 5}
        axes.plot(sizes, column(table, "seen_best"), marker="^", label="best trial", **dots)
        observed = column(table, "seen_median")
        axes.plot(sizes, observed, marker="_", markeredgewidth=1.6, label="median trial", **dots)
        set_batch_size_scale(axes, sizes)
        axes.set_xlabel("batch size")
        axes.set_ylabel(label_text(results.label))
        figure.legend(loc="outside upper left", ncols=2, columnspacing=1.2)

    top = int(np.argmax(sign(results.goal) * best))
    alt = (
        f"With the other parameters optimised, batch size {format_cell(sizes[top])} has the best "
        f"posterior mean, {results.label} {format_cell(best[top])}; the median over the other "
        f"parameters is {format_cell(min(median))} to {format_cell(max(median))}; bands are 95 % "
        "intervals."
    )
    columns = tuple(table[0])
    rows = [[row[key] for key in columns] for row in table]
    return Plot("batch_size", "Batch size", alt, columns, rows, render_svg(draw, 280))


def speed(results: Results) -> Plot | None:
    """Plot the measured throughput by batch size."""
    table = results.table("analysis/speed.csv") or results.table("analysis/batch_size.csv")
    table = [row for row in table if parse_number(row.get(SPEED)) is not None]
    if not table:
        return None
    sizes, speeds = column(table, BATCH), column(table, SPEED)

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        axes.plot(sizes, speeds, color=BLUE, marker="o")
        axes.set_ylim(0, 1.08 * speeds.max())
        set_batch_size_scale(axes, sizes)
        axes.set_xlabel("batch size")
        axes.set_ylabel("images per second")

    top = int(np.argmax(speeds))
    alt = (
        f"Training is fastest at batch size {format_cell(sizes[top])}, with "
        f"{format_cell(speeds[top])} images per second; the slowest batch size reaches "
        f"{format_cell(min(speeds))}."
    )
    rows = [[row[BATCH], row[SPEED]] for row in table]
    return Plot("speed", "Throughput", alt, (BATCH, SPEED), rows, render_svg(draw, 220))


def learning_rate(results: Results) -> Plot | None:
    """Plot the best learning rate by batch size, and the common scaling rules."""
    table = results.table("analysis/learning_rate.csv")
    if not table:
        return None
    sizes, rates = column(table, BATCH), column(table, "best_learning_rate")
    low, high = column(table, "low"), column(table, "high")

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        centre = np.exp(np.log(sizes).mean()), np.exp(np.log(rates).mean())
        for style, (exponent, label) in zip((":", "--"), SCALING_RULES.items(), strict=True):
            line = centre[1] * (sizes / centre[0]) ** exponent
            axes.plot(sizes, line, style, color=GREY, linewidth=1.2, label=label)
        axes.fill_between(sizes, low, high, color=BLUE, alpha=0.2, linewidth=0)
        axes.plot(sizes, rates, color=BLUE, marker="o", label="best")
        set_log_scale(axes, "y")
        set_batch_size_scale(axes, sizes)
        axes.set_xlabel("batch size")
        axes.set_ylabel("best learning rate")
        figure.legend(loc="outside upper left", ncols=3, columnspacing=1.2)

    alt = (
        f"The best learning rate is {format_cell(rates[0])} at batch size {format_cell(sizes[0])} "
        f"and {format_cell(rates[-1])} at batch size {format_cell(sizes[-1])}; grey lines show "
        "linear and square-root scaling, the band is the 95 % interval."
    )
    columns = (BATCH, "best_learning_rate", "low", "high")
    rows = [[row[key] for key in columns] for row in table]
    title = "Best learning rate by batch size"
    return Plot("learning_rate", title, alt, columns, rows, render_svg(draw, 270))


def batch_rate_map(results: Results) -> Plot | None:
    """Plot the metric over batch size and learning rate, averaged over the other parameters."""
    table = results.table("analysis/map.csv")
    sizes = np.unique(column(table, BATCH))
    rates = np.unique(column(table, RATE))
    if min(len(sizes), len(rates)) < 2:
        return None
    direction = sign(results.goal)
    cells = rates.searchsorted(column(table, RATE)), sizes.searchsorted(column(table, BATCH))
    mean, sd = np.full((2, len(rates), len(sizes)), np.nan)
    mean[cells], sd[cells] = column(table, "mean"), column(table, "sd")
    top = np.unravel_index(np.nanargmax(direction * mean), mean.shape)

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        colours = "cividis" if direction > 0 else "cividis_r"
        filled = axes.contourf(sizes, rates, mean, levels=9, cmap=colours)
        within_sd = direction * (mean - mean[top]) + sd
        axes.contour(sizes, rates, within_sd, levels=[0.0], colors="white", linewidths=1.4)
        bar = figure.colorbar(filled, ax=axes, pad=0.02, aspect=28)
        bar.outline.set_visible(False)
        bar.set_label(label_text(results.label))
        unfinished = evenly([t for t in results.trials if t.value is None], MAX_DOTS)
        axes.scatter(
            *_batch_and_rate(unfinished),
            s=22,
            c="black",
            marker="x",
            linewidths=1.4,
            path_effects=[withStroke(linewidth=3.2, foreground="white")],
            clip_on=False,
        )
        axes.scatter(
            *_batch_and_rate(evenly(results.finished, MAX_DOTS)),
            s=18,
            c="white",
            edgecolors="black",
            linewidths=0.8,
            clip_on=False,
        )
        axes.set_xlim(sizes[0], sizes[-1])
        axes.set_ylim(rates[0], rates[-1])
        set_batch_size_scale(axes, sizes)
        set_log_scale(axes, "y")
        axes.set_xlabel("batch size")
        axes.set_ylabel("learning rate")

    alt = (
        f"Averaged over the other parameters, the {results.label} is best at batch size "
        f"{format_cell(sizes[top[1]])} and learning rate {format_cell(rates[top[0]])} "
        f"({format_cell(mean[top])} ± {format_cell(sd[top])}); inside the white line it is within "
        "one sd of the best; dots are finished trials and crosses the others."
        f"{dots_note(len(results.trials))}"
    )
    columns = (BATCH, RATE, "mean", "sd")
    rows = [[row[key] for key in columns] for row in table]
    return Plot("map", "Batch size and learning rate", alt, columns, rows, render_svg(draw, 290))


def _batch_and_rate(trials: Sequence[TrialResult]) -> tuple[np.ndarray, np.ndarray]:
    """Return the batch sizes and the learning rates of trials."""
    parameters = [trial.parameters for trial in trials]
    return column(parameters, BATCH), column(parameters, RATE)
