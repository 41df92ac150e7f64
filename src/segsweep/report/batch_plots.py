"""Plots of the batch size, alone and with its learning rate, from the tables of the analysis."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from segsweep.config.objective import sign
from segsweep.report.axis_scales import doublings, logarithms
from segsweep.report.plot import Plot, column, shown
from segsweep.report.results import Results, Trial, number
from segsweep.report.style import BLUE, GREY, INK, picture, plain

BATCH, RATE, SPEED = "batch_size", "learning_rate", "images_per_second"
EXPONENTS = {1.0: "× batch", 0.5: "× √batch"}
"""What the best learning rate is said to follow (Goyal et al., 2017; Malladi et al., 2022)."""


def batch_size(results: Results) -> Plot | None:
    """The batch size on its own: all else chosen anew for each batch, and all else as it comes."""
    table = results.table("analysis/batch_size.csv")
    if not table:
        return None
    sizes = column(table, "batch_size")
    best, typical = column(table, "best"), column(table, "typical")

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        for key, colour, told in (
            ("typical", GREY, "typical, all else as it comes"),
            ("best", BLUE, "best, all else tuned for it"),
        ):
            low, high = column(table, f"{key}_low"), column(table, f"{key}_high")
            axes.fill_between(sizes, low, high, color=colour, alpha=0.2, linewidth=0)
            axes.plot(sizes, column(table, key), color=colour, marker="o", label=told)
        seen: dict[str, Any] = {"color": INK, "linestyle": "none", "markersize": 5}
        axes.plot(sizes, column(table, "seen_best"), marker="^", label="best trial", **seen)
        median = column(table, "seen_median")
        axes.plot(sizes, median, marker="_", markeredgewidth=1.6, label="median trial", **seen)
        doublings(axes, sizes)
        axes.set_xlabel("batch size")
        axes.set_ylabel(plain(results.label))
        figure.legend(loc="outside upper left", ncols=2, columnspacing=1.2)

    top = int(np.argmax(sign(results.goal) * best))
    alt = (
        f"With all else tuned, batch {shown(sizes[top])} is expected to reach the best "
        f"{results.label}, {shown(best[top])}, over batches from {shown(min(sizes))} to "
        f"{shown(max(sizes))}; a typical setting reaches {shown(min(typical))} to "
        f"{shown(max(typical))}."
    )
    columns = tuple(table[0])
    rows = [[row[key] for key in columns] for row in table]
    return Plot("batch_size", "The batch size on its own", alt, columns, rows, picture(draw, 280))


def speed(results: Results) -> Plot | None:
    """Images a second by batch size, as they were measured."""
    table = results.table("analysis/speed.csv") or results.table("analysis/batch_size.csv")
    table = [row for row in table if number(row.get(SPEED)) is not None]
    if not table:
        return None
    sizes, speeds = column(table, BATCH), column(table, SPEED)

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        axes.plot(sizes, speeds, color=BLUE, marker="o")
        axes.set_ylim(0, 1.08 * speeds.max())
        doublings(axes, sizes)
        axes.set_xlabel("batch size")
        axes.set_ylabel("images a second")

    top = int(np.argmax(speeds))
    alt = (
        f"Training is fastest at batch {shown(sizes[top])} with {shown(speeds[top])} images a "
        f"second, and slowest with {shown(min(speeds))}."
    )
    rows = [[row[BATCH], row[SPEED]] for row in table]
    return Plot("speed", "Images a second", alt, (BATCH, SPEED), rows, picture(draw, 220))


def learning_rate(results: Results) -> Plot | None:
    """The best learning rate for each batch, beside what theory has it follow."""
    table = results.table("analysis/learning_rate.csv")
    if not table:
        return None
    sizes, rates = column(table, "batch_size"), column(table, "best_learning_rate")
    low, high = column(table, "low"), column(table, "high")

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        middle = np.exp(np.log(sizes).mean()), np.exp(np.log(rates).mean())
        for style, (exponent, told) in zip((":", "--"), EXPONENTS.items(), strict=True):
            line = middle[1] * (sizes / middle[0]) ** exponent
            axes.plot(sizes, line, style, color=GREY, linewidth=1.2, label=told)
        axes.fill_between(sizes, low, high, color=BLUE, alpha=0.2, linewidth=0)
        axes.plot(sizes, rates, color=BLUE, marker="o", label="best learning rate")
        logarithms(axes, "y")
        doublings(axes, sizes)
        axes.set_xlabel("batch size")
        axes.set_ylabel("best learning rate")
        figure.legend(loc="outside upper left", ncols=3, columnspacing=1.2)

    alt = (
        f"The best learning rate goes from {shown(rates[0])} at batch {shown(sizes[0])} to "
        f"{shown(rates[-1])} at batch {shown(sizes[-1])}; lines show growth in proportion to the "
        "batch and to its square root."
    )
    columns = ("batch_size", "best_learning_rate", "low", "high")
    rows = [[row[key] for key in columns] for row in table]
    title = "The best learning rate for each batch"
    return Plot("learning_rate", title, alt, columns, rows, picture(draw, 270))


def rate_map(results: Results) -> Plot | None:
    """What is expected of each batch and learning rate, all else averaged, with the trials."""
    table = results.table("analysis/map.csv")
    sizes = np.unique(column(table, "batch_size"))
    rates = np.unique(column(table, "learning_rate"))
    if min(len(sizes), len(rates)) < 2:
        return None
    upwards = sign(results.goal)
    places = rates.searchsorted(column(table, RATE)), sizes.searchsorted(column(table, BATCH))
    mean, sd = np.full((2, len(rates), len(sizes)), np.nan)
    mean[places], sd[places] = column(table, "mean"), column(table, "sd")
    top = np.unravel_index(np.nanargmax(upwards * mean), mean.shape)

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        colours = "cividis" if upwards > 0 else "cividis_r"
        filled = axes.contourf(sizes, rates, mean, levels=9, cmap=colours)
        as_good = upwards * (mean - mean[top]) + sd
        axes.contour(sizes, rates, as_good, levels=[0.0], colors="white", linewidths=1.4)
        bar = figure.colorbar(filled, ax=axes, pad=0.02, aspect=28)
        bar.outline.set_visible(False)
        bar.set_label(plain(results.label))
        failed = [t for t in results.trials if t.value is None]
        axes.scatter(
            *_where(failed),
            s=22,
            c="black",
            marker="x",
            linewidths=1.4,
            path_effects=[withStroke(linewidth=3.2, foreground="white")],
            clip_on=False,
        )
        axes.scatter(
            *_where(results.finished),
            s=18,
            c="white",
            edgecolors="black",
            linewidths=0.8,
            clip_on=False,
        )
        axes.set_xlim(sizes[0], sizes[-1])
        axes.set_ylim(rates[0], rates[-1])
        doublings(axes, sizes)
        logarithms(axes, "y")
        axes.set_xlabel("batch size")
        axes.set_ylabel("learning rate")

    alt = (
        f"Over batch size and learning rate the {results.label} is expected to be best at batch "
        f"{shown(sizes[top[1]])} and learning rate {shown(rates[top[0]])}, {shown(mean[top])} ± "
        f"{shown(sd[top])}; the white line holds what is as good within one sd."
    )
    columns = ("batch_size", "learning_rate", "mean", "sd")
    rows = [[row[key] for key in columns] for row in table]
    title = "Batch size and learning rate together"
    return Plot("map", title, alt, columns, rows, picture(draw, 290))


def _where(trials: Sequence[Trial]) -> tuple[np.ndarray, np.ndarray]:
    """The batch sizes and the learning rates of trials."""
    given = [trial.parameters for trial in trials]
    return column(given, BATCH), column(given, RATE)
