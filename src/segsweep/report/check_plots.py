"""Plots that check the result: overfitting, and the confirmation under new seeds."""

import numpy as np
from matplotlib.figure import Figure

from segsweep.core.thinning import evenly
from segsweep.report.plot import BLUE, GREY, INK, MAX_DOTS, Plot, dots_note, label_text, render_svg
from segsweep.report.results import Results
from segsweep.report.values import column, format_cell, format_ends, parse_number, trial_name


def gap(results: Results) -> Plot | None:
    """Plot each trial's validation value against its training value."""
    table = results.table("analysis/gap.csv")
    train, validation = column(table, "train"), column(table, "validation")
    known = np.isfinite(train) & np.isfinite(validation)
    if not known.any():
        return None
    shown = evenly(np.flatnonzero(known).tolist(), MAX_DOTS)

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        start = float(train[known][0])
        axes.axline((start, start), slope=1, color=GREY, linewidth=1, linestyle="--")
        axes.scatter(train[shown], validation[shown], s=18, color=BLUE, alpha=0.7, linewidths=0)
        axes.set_xlabel("training images")
        axes.set_ylabel("validation images")
        axes.set_aspect("equal", "datalim")

    median = float(np.median((train - validation)[known]))
    alt = (
        f"In the median of {known.sum()} trials the training value is {format_cell(abs(median))} "
        f"{'above' if median > 0 else 'below'} the validation value; on the dashed line both are "
        f"equal.{dots_note(int(known.sum()))}"
    )
    columns = ("trial", "train", "validation")
    rows = [[row[key] for key in columns] for row in table]
    title = "Training and validation value"
    return Plot("gap", title, alt, columns, rows, render_svg(draw, 300))


def confirmation(results: Results) -> Plot | None:
    """Plot the candidates under new seeds: each value, and the estimated mean with its interval."""
    candidates = results.verdict.get("candidates", [])
    ranked = [row for row in candidates if row["estimated_mean"] is not None][::-1]
    table = results.table("confirm/confirmation.csv")
    if not ranked or not table:
        return None

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        for y, row in enumerate(ranked):
            name = trial_name(row["trial"])
            reruns = [r for r in table if trial_name(r["trial"]) == name]
            numbers = [parse_number(r.get(results.metric)) for r in reruns]
            values = [value for value in numbers if value is not None]
            colour = BLUE if name == results.selected else GREY
            axes.scatter(values, [y] * len(values), s=20, color=INK, alpha=0.45, linewidths=0)
            axes.hlines(y - 0.22, row["low"], row["high"], color=colour, linewidth=3)
            axes.plot(row["estimated_mean"], y - 0.22, "D", color=colour, markersize=6)
        names = [
            label_text(trial_name(row["trial"])) + (" (dropped)" if row["dropped"] else "")
            for row in ranked
        ]
        axes.set_yticks(range(len(ranked)), names)
        axes.set_ylim(-0.7, len(ranked) - 0.5)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel(f"{label_text(results.label)} (line: 95 % interval)")

    best = ranked[-1]
    alt = (
        f"Of {len(ranked)} candidates under new seeds, trial {trial_name(best['trial'])} has the "
        f"best estimated mean, {results.label} {format_cell(best['estimated_mean'])} (95 % "
        f"interval {format_ends([best['low'], best['high']])}); dots are single reruns."
    )
    columns = ("trial", "seed", "status", results.metric)
    rows = [[row.get(key) for key in columns] for row in table]
    title = "Candidates under new seeds"
    return Plot("confirmation", title, alt, columns, rows, render_svg(draw, 80 + 40 * len(ranked)))
