"""Plots that ask whether to fit_surrogate it: training against validation, and the best trained again."""

import numpy as np
from matplotlib.figure import Figure

from segsweep.report.plot import Plot, column, shown
from segsweep.report.results import Results, number, trial_name
from segsweep.report.style import BLUE, GREY, INK, picture, plain


def gap(results: Results) -> Plot | None:
    """Each trial's training against its validation value."""
    table = results.table("analysis/gap.csv")
    train, validation = column(table, "train"), column(table, "validation")
    both = np.isfinite(train) & np.isfinite(validation)
    if not both.any():
        return None

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        axes.axline((float(train[both][0]),) * 2, slope=1, color=GREY, linewidth=1, linestyle="--")
        axes.scatter(train, validation, s=18, color=BLUE, alpha=0.7, linewidths=0)
        axes.set_xlabel("on the training images")
        axes.set_ylabel("on the validation images")
        axes.set_aspect("equal", "datalim")

    median = float(np.median((train - validation)[both]))
    alt = (
        f"Training against validation values of {both.sum()} trials; in the middle one training "
        f"lies {shown(abs(median))} {'above' if median > 0 else 'below'} validation; on the dashed "
        "line both are the same."
    )
    columns = ("trial", "train", "validation")
    rows = [[row[key] for key in columns] for row in table]
    return Plot("gap", "Training against validation", alt, columns, rows, picture(draw, 300))


def confirmation(results: Results) -> Plot | None:
    """The candidates again with new seeds: each value, their mean and its interval."""
    told = results.verdict.get("candidates", [])
    order = [one for one in told if one["mean"] is not None][::-1]
    table = results.table("confirm/confirmation.csv")
    if not order or not table:
        return None

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        for y, one in enumerate(order):
            name = trial_name(one["trial"])
            seeds = [number(r.get(results.metric)) for r in table if trial_name(r["trial"]) == name]
            values = [value for value in seeds if value is not None]
            colour = BLUE if name == results.winner else GREY
            axes.scatter(values, [y] * len(values), s=20, color=INK, alpha=0.45, linewidths=0)
            axes.hlines(y - 0.22, one["low"], one["high"], color=colour, linewidth=3)
            axes.plot(one["mean"], y - 0.22, "D", color=colour, markersize=6)
        dropped = [" (dropped)" if one["dropped"] else "" for one in order]
        names = [
            f"{plain(trial_name(one['trial']))}{told}"
            for one, told in zip(order, dropped, strict=True)
        ]
        axes.set_yticks(range(len(order)), names)
        axes.set_ylim(-0.7, len(order) - 0.5)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel(f"{plain(results.label)} (line: 95 % interval of the mean)")

    best = order[-1]
    alt = (
        f"{len(order)} candidates trained again with new seeds; trial {trial_name(best['trial'])} "
        f"has the best mean {results.label}, {shown(best['mean'])} ({shown(best['low'])} to "
        f"{shown(best['high'])})."
    )
    columns = ("trial", "seed", "status", results.metric)
    rows = [[row.get(key) for key in columns] for row in table]
    svg = picture(draw, 80 + 40 * len(order))
    return Plot("confirmation", "The best, trained again", alt, columns, rows, svg)
