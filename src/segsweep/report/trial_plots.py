"""Plots of the trials: values in order, learning curves, and parallel coordinates."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from segsweep.config.objective import sign
from segsweep.core.thinning import evenly
from segsweep.report.axis_scales import scale_of, set_log_scale
from segsweep.report.plot import (
    BLUE,
    GREY,
    INK,
    MAX_DOTS,
    ORANGE,
    RANKS,
    Plot,
    dots_note,
    label_text,
    relative_ranks,
    render_svg,
)
from segsweep.report.results import Results
from segsweep.report.values import format_cell, parse_number
from segsweep.search.trial_result import TrialResult

MAX_LINES = 150
"""Trials that are drawn as lines; of more, the best third of this number and an even selection."""
WIDE = 620
AXIS_DISTANCE = 92
"""Points between two of the parallel axes."""
LOG_LOSS_RATIO = 100
"""A loss is shown on a logarithmic scale if its range has at least this ratio."""


def trials(results: Results) -> Plot | None:
    """Plot the value of each trial in the order of their start, and the best so far."""
    direction = sign(results.goal)
    value = np.array([np.nan if t.value is None else t.value for t in results.trials], float)
    if np.isnan(value).all():
        return None
    best_so_far = direction * np.fmax.accumulate(direction * value)
    positions = np.arange(len(value))

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        axes.step(positions, best_so_far, where="post", color=BLUE, label="best so far")
        dots: dict[str, Any] = {
            "linestyle": "none",
            "color": INK,
            "alpha": 0.5,
            "markeredgewidth": 0,
        }
        axes.plot(shown, value[shown], marker="o", label="finished", **dots)
        unfinished = [(i, t) for i, t in enumerate(results.trials) if t.value is None]
        if partial := evenly([(i, t.history[-1]) for i, t in unfinished if t.history], MAX_DOTS):
            ends = zip(*partial, strict=True)
            axes.plot(*ends, "v", color=GREY, markersize=5, label="ended early, last value")
        if without := evenly([i for i, t in unfinished if not t.history], MAX_DOTS):
            bottom = axes.get_xaxis_transform()
            axes.plot(without, 0.02 + 0 * np.array(without), "x", color=ORANGE, transform=bottom)
            axes.plot([], [], "x", color=ORANGE, label="no value")
        _use_log_scale_for_loss(axes, results, value)
        axes.set_xlabel("trial, in order of start")
        axes.set_ylabel(label_text(results.label))
        figure.legend(loc="outside upper left", ncols=4, columnspacing=1.2)

    best = int(np.nanargmax(direction * value))
    shown = sorted({best, *evenly(positions.tolist(), MAX_DOTS)})
    alt = (
        f"{np.isfinite(value).sum()} of {len(value)} trials finished; the best observed "
        f"{results.label} is {format_cell(value[best])} (trial {results.trials[best].name})."
        f"{dots_note(len(value))}"
    )
    columns = ("trial", "status", results.metric, "best so far")
    rows = [
        [t.name, t.status, t.value, None if np.isnan(b) else b]
        for t, b in zip(results.trials, best_so_far, strict=True)
    ]
    title = "Trials in order of start"
    return Plot("trials", title, alt, columns, rows, render_svg(draw, 260, WIDE), wide=True)


def curves(results: Results) -> Plot | None:
    """Plot the metric by epoch for all trials, with the selected one highlighted."""
    known = [t for t in results.trials if t.history]
    if not known:
        return None
    drawn = thin(known, results)
    selected = next((t for t in known if t.name == results.highlighted), None)

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        alpha = float(np.clip(12 / len(drawn), 0.15, 0.5))
        lines = [_points(t) for t in drawn]
        axes.add_collection(LineCollection(lines, colors=INK, alpha=alpha, linewidths=0.9))
        if ends := [_points(t)[-1] for t in drawn if t.value is None]:
            axes.plot(*zip(*ends, strict=True), "x", color=ORANGE, label="ended early")
        if selected:
            axes.plot(
                *zip(*_points(selected), strict=True),
                label=f"trial {label_text(selected.name)}",
                color=BLUE,
                linewidth=2.4,
                marker="o",
                markersize=3.5,
            )
        axes.autoscale_view()
        values = np.array([value for t in drawn for value in t.history])
        _use_log_scale_for_loss(axes, results, values)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("epoch")
        axes.set_ylabel(label_text(results.label))
        figure.legend(loc="outside upper left", ncols=2)

    ended_early = sum(t.value is None for t in known)
    alt = f"{results.label} by epoch of {len(known)} trials, {ended_early} of which ended early"
    if selected and selected.value is not None:
        alt += (
            f"; trial {selected.name} reaches {format_cell(selected.value)} within "
            f"{len(selected.history)} epochs"
        )
    if len(drawn) < len(known):
        alt += f" ({len(drawn)} of them are drawn)"
    better = max if results.goal == "maximize" else min
    rows = [[t.name, t.status, len(t.history), better(t.history), t.history[-1]] for t in known]
    columns = ("trial", "status", "epochs", "best", "last")
    svg = render_svg(draw, 300, WIDE)
    alt = f"{alt[0].upper()}{alt[1:]}."
    return Plot("curves", "Learning curves", alt, columns, rows, svg, wide=True)


def parallel(results: Results) -> Plot | None:
    """Plot finished trials as lines through their parameters and their value."""
    drawn = thin(results.finished, results)[::-1]
    if len(drawn) < 2 or not results.parameters:
        return None
    texts = {
        **{p: [t.parameters.get(p, "") for t in drawn] for p in results.parameters},
        results.metric: [str(t.value) for t in drawn],
    }
    scales = {name: scale_of(values) for name, values in texts.items()}
    heights = {
        name: _rescale(scales[name].linear_positions(values)) for name, values in texts.items()
    }
    rank = relative_ranks([t.value or 0 for t in drawn], results.goal)

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        x = np.arange(len(texts))
        axes.add_collection(
            LineCollection(
                [np.column_stack([x, line]) for line in np.stack(list(heights.values()), axis=1)],
                colors=RANKS(rank),
                linewidths=(0.8 + 1.4 * rank**4).tolist(),
                alpha=0.35 + 0.6 * rank**2,
                clip_on=False,
            )
        )
        axes.set_xlim(-0.25, len(texts) - 0.75)
        axes.set_ylim(0, 1)
        axes.vlines(x, 0, 1, color=INK, linewidth=0.6)
        for position, (name, values) in enumerate(texts.items()):
            for height, text, style in _axis_labels(scales[name].categories, values):
                axes.annotate(
                    label_text(text, 12), (position, height), textcoords="offset points", **style
                )
        axes.set_xticks(
            x, [label_text(results.label if n == results.metric else n, 16) for n in texts]
        )
        axes.tick_params(length=0, pad=14)
        axes.xaxis.tick_top()
        axes.set_yticks([])
        axes.spines[["left", "bottom"]].set_visible(False)

    best = drawn[-1]
    values = ", ".join(f"{p} {format_cell(best.parameters.get(p))}" for p in results.parameters)
    alt = (
        f"Each line is one of {len(drawn)} finished trials, from orange (worst) to blue (best); "
        f"trial {best.name} has the best observed value ({values})."
    )
    columns = ("trial", *results.parameters, results.metric)
    rows = [
        [t.name, *(t.parameters.get(p) for p in results.parameters), t.value]
        for t in results.finished
    ]
    svg = render_svg(draw, 300, max(WIDE, AXIS_DISTANCE * len(texts)))
    return Plot("parallel", "Parallel coordinates", alt, columns, rows, svg, wide=True)


def thin(trials: Sequence[TrialResult], results: Results) -> list[TrialResult]:
    """Return at most MAX_LINES trials, best first: the best, and an even selection of the rest."""
    direction = sign(results.goal)
    keys = [-np.inf if trial.value is None else direction * trial.value for trial in trials]
    ranked = [trials[i] for i in np.argsort(keys, kind="stable")[::-1]]
    if len(ranked) <= MAX_LINES:
        return ranked
    best = MAX_LINES // 3
    return [*ranked[:best], *evenly(ranked[best:], MAX_LINES - best)]


def _points(trial: TrialResult) -> list[tuple[float, float]]:
    return [(float(epoch), value) for epoch, value in enumerate(trial.history, start=1)]


def _rescale(positions: np.ndarray) -> np.ndarray:
    """Scale positions to 0 to 1; all 0.5 where they are equal."""
    low, high = np.nanmin(positions), np.nanmax(positions)
    return (positions - low) / (high - low) if high > low else 0 * positions + 0.5


def _axis_labels(
    categories: Sequence[str], texts: Sequence[str]
) -> Iterator[tuple[float, str, dict[str, Any]]]:
    """Return the labels of a parallel axis: height, text and style."""
    if categories:
        heights = _rescale(np.arange(len(categories), dtype=float)).tolist()
        for height, name in zip(heights, categories, strict=True):
            yield height, name, {"xytext": (4, 0), "va": "center", "fontsize": 9}
        return
    values = [value for text in texts if (value := parse_number(text)) is not None]
    yield 1.0, format_cell(max(values)), {"xytext": (0, 3), "ha": "center", "fontsize": 9}
    if min(values) < max(values):
        below = {"xytext": (0, -3), "ha": "center", "va": "top", "fontsize": 9}
        yield 0.0, format_cell(min(values)), below


def _use_log_scale_for_loss(axes: Axes, results: Results, values: np.ndarray) -> None:
    known = values[np.isfinite(values)]
    is_positive_loss = results.goal == "minimize" and known.min() > 0
    if is_positive_loss and known.max() >= LOG_LOSS_RATIO * known.min():
        set_log_scale(axes, "y")
