"""Plots of the trials themselves: one by one, epoch by epoch, and all at once."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from segsweep.config.objective import sign
from segsweep.report.axis_scales import logarithms, scale_of
from segsweep.report.plot import Plot, shown
from segsweep.report.results import Results, Trial, number
from segsweep.report.style import BLUE, GREY, INK, ORANGE, RANKS, picture, plain, ranks_of

MOST_LINES = 150
"""Trials that are drawn as lines; of more, the best third of these and an even choice."""
WIDE = 620
BETWEEN = 92
"""Points from one of the parallel axes to the next."""
FAR = 100
"""From so large a ratio on, a loss is looked at in logarithms."""


def trials(results: Results) -> Plot | None:
    """The metric, trial by trial, and the best so far."""
    upwards = sign(results.goal)
    value = np.array([np.nan if t.value is None else t.value for t in results.trials], float)
    if np.isnan(value).all():
        return None
    better = upwards * np.fmax.accumulate(upwards * value)
    places = np.arange(len(value))

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        axes.step(places, better, where="post", color=BLUE, label="best so far")
        dots: dict[str, Any] = {
            "linestyle": "none",
            "color": INK,
            "alpha": 0.5,
            "markeredgewidth": 0,
        }
        axes.plot(places, value, marker="o", label="finished", **dots)
        if stopped := [i for i, t in enumerate(results.trials) if t.value is None and t.history]:
            last = [results.trials[i].history[-1][1] for i in stopped]
            axes.plot(stopped, last, "v", color=GREY, markersize=5, label="ended early")
        if failed := [i for i, t in enumerate(results.trials) if t.value is None and not t.history]:
            floor = axes.get_xaxis_transform()
            axes.plot(failed, 0.02 + 0 * np.array(failed), "x", color=ORANGE, transform=floor)
            axes.plot([], [], "x", color=ORANGE, label="no value")
        _loss_in_logarithms(axes, results, value)
        axes.set_xlabel("trial, in the order of their start")
        axes.set_ylabel(plain(results.label))
        figure.legend(loc="outside upper left", ncols=4, columnspacing=1.2)

    best = int(np.nanargmax(upwards * value))
    alt = (
        f"{np.isfinite(value).sum()} of {len(value)} trials have a value; the best {results.label} "
        f"is {shown(value[best])} in trial {results.trials[best].name}, "
        f"number {best + 1} in the order of their start."
    )
    columns = ("trial", "status", results.metric, "best so far")
    rows = [
        [t.name, t.status, t.value, None if np.isnan(b) else b]
        for t, b in zip(results.trials, better, strict=True)
    ]
    return Plot("trials", "Trial by trial", alt, columns, rows, picture(draw, 260, WIDE), True)


def curves(results: Results) -> Plot | None:
    """The metric, epoch by epoch, of each trial; those that ended early, and the winner."""
    known = [t for t in results.trials if t.history]
    if not known:
        return None
    lines = fewer(known, results)
    winner = next((t for t in known if t.name == results.winner), None)

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        alpha = float(np.clip(12 / len(lines), 0.15, 0.5))
        axes.add_collection(
            LineCollection([t.history for t in lines], colors=INK, alpha=alpha, linewidths=0.9)
        )
        if early := [t.history[-1] for t in lines if t.value is None]:
            axes.plot(*zip(*early, strict=True), "x", color=ORANGE, label="ended early")
        if winner:
            told = f"trial {plain(winner.name)}"
            mark: dict[str, Any] = {
                "color": BLUE,
                "linewidth": 2.4,
                "marker": "o",
                "markersize": 3.5,
            }
            axes.plot(*zip(*winner.history, strict=True), label=told, **mark)
        axes.autoscale_view()
        _loss_in_logarithms(axes, results, np.array([y for t in lines for _, y in t.history]))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("epoch")
        axes.set_ylabel(plain(results.label))
        figure.legend(loc="outside upper left", ncols=2)

    ended = sum(t.value is None for t in known)
    alt = f"The {results.label} by epoch of {len(known)} trials, {ended} of which ended early"
    if winner:
        value = shown(winner.value)
        alt += f"; trial {winner.name} reaches {value} in {len(winner.history)} epochs"
    if len(lines) < len(known):
        alt += f" ({len(lines)} are drawn)"
    better = max if results.goal == "maximize" else min
    rows = [
        [t.name, t.status, len(t.history), better(y for _, y in t.history), t.history[-1][1]]
        for t in known
    ]
    columns = ("trial", "status", "epochs", "best", "last")
    svg = picture(draw, 300, WIDE)
    return Plot("curves", "Learning curves", f"{alt}.", columns, rows, svg, True)


def parallel(results: Results) -> Plot | None:
    """Every finished trial as a line through its parameters to its metric."""
    lines = fewer(results.finished, results)[::-1]
    if len(lines) < 2 or not results.parameters:
        return None
    texts = {
        **{p: [t.parameters.get(p, "") for t in lines] for p in results.parameters},
        results.metric: [str(t.value) for t in lines],
    }
    scales = {name: scale_of(written) for name, written in texts.items()}
    places = {name: _between(scales[name].steps(written)) for name, written in texts.items()}
    rank = ranks_of([t.value or 0 for t in lines], results.goal)

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        heights = np.stack(list(places.values()), axis=1)
        along = np.arange(len(texts))
        widths, alphas = 0.8 + 1.4 * rank**4, 0.35 + 0.6 * rank**2
        axes.add_collection(
            LineCollection(
                [np.column_stack([along, one]) for one in heights],
                colors=RANKS(rank),
                linewidths=widths.tolist(),
                alpha=alphas,
                clip_on=False,
            )
        )
        axes.set_xlim(-0.25, len(texts) - 0.75)
        axes.set_ylim(0, 1)
        axes.vlines(along, 0, 1, color=INK, linewidth=0.6)
        for x, (name, written) in enumerate(texts.items()):
            for height, text, place in _labels(scales[name].names, written):
                axes.annotate(plain(text, 12), (x, height), textcoords="offset points", **place)
        axes.set_xticks(
            along, [plain(results.label if n == results.metric else n, 16) for n in texts]
        )
        axes.tick_params(length=0, pad=14)
        axes.xaxis.tick_top()
        axes.set_yticks([])
        axes.spines[["left", "bottom"]].set_visible(False)

    best = lines[-1]
    chosen = ", ".join(f"{p} {shown(best.parameters.get(p))}" for p in results.parameters)
    alt = (
        f"{len(lines)} finished trials, each a line through its {len(results.parameters)} "
        f"parameters, blue the better and orange the worse; the best, trial {best.name}, has "
        f"{chosen}."
    )
    columns = ("trial", *results.parameters, results.metric)
    rows = [
        [t.name, *(t.parameters.get(p) for p in results.parameters), t.value]
        for t in results.finished
    ]
    svg = picture(draw, 300, max(WIDE, BETWEEN * len(texts)))
    return Plot("parallel", "All trials at once", alt, columns, rows, svg, True)


def fewer(chosen: Sequence[Trial], results: Results) -> list[Trial]:
    """At most `MOST_LINES` trials: the best of them, and an even choice of the rest, best first."""
    upwards = sign(results.goal)
    order = sorted(chosen, key=lambda t: -np.inf if t.value is None else upwards * t.value)[::-1]
    best = MOST_LINES // 3
    if len(order) <= MOST_LINES:
        return order
    rest = np.linspace(best, len(order) - 1, MOST_LINES - best).round().astype(int)
    return order[:best] + [order[i] for i in rest]


def _between(places: np.ndarray) -> np.ndarray:
    """From 0 to 1; in the middle where all are the same."""
    low, high = np.nanmin(places), np.nanmax(places)
    return (places - low) / (high - low) if high > low else 0 * places + 0.5


def _labels(
    names: Sequence[str], texts: Sequence[str]
) -> Iterator[tuple[float, str, dict[str, Any]]]:
    """What is written along one of the parallel axes, how high, and where beside that point."""
    if names:
        heights = _between(np.arange(len(names), dtype=float)).tolist()
        for height, name in zip(heights, names, strict=True):
            yield height, name, {"xytext": (4, 0), "va": "center", "fontsize": 9}
        return
    values = [value for text in texts if (value := number(text)) is not None]
    yield 1.0, shown(max(values)), {"xytext": (0, 3), "ha": "center", "fontsize": 9}
    if min(values) < max(values):
        below = {"xytext": (0, -3), "ha": "center", "va": "top", "fontsize": 9}
        yield 0.0, shown(min(values)), below


def _loss_in_logarithms(axes: Axes, results: Results, values: np.ndarray) -> None:
    known = values[np.isfinite(values)]
    if results.goal == "minimize" and known.min() > 0 and known.max() >= FAR * known.min():
        logarithms(axes, "y")
