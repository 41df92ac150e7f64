"""The next sweep, designed from what the finished one tells and from the hardware at hand."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from segsweep.analysis.findings import Analysis
from segsweep.analysis.importance import interval
from segsweep.analysis.next_space import batch_sizes, change, united
from segsweep.analysis.posterior import Worlds, spread
from segsweep.analysis.training_findings import curves_of
from segsweep.config.search_space import Categorical, Constant, Parameter, contains, to_wandb
from segsweep.core.formatting import format_metric, format_value
from segsweep.search.trial_result import Values

FEWEST, MOST = 10, 60
"""Trials of a sweep."""

ENOUGH = 0.9
"""So much of what could be won at all is worth its trials."""

CANDIDATES = 256


@dataclass(frozen=True)
class Line:
    """One changed line of the study: where, from what to what, why, and by which finding."""

    key: str
    before: Any
    after: Any
    reason: str
    finding: str


@dataclass(frozen=True)
class Design:
    """The next sweep. `gain` is the expected improvement on the best trial, with its interval.

    `space` is searched, `fixed` is not any more; `epochs` is None where nothing is known of them;
    `best` is what it starts from, and `enqueue` the same where the space holds it; `stop` says that
    nothing is left to win;
    `told` whether the finished sweep can be told from luck, without which no gain is promised.
    """

    space: dict[str, Parameter]
    fixed: dict[str, Any]
    epochs: int | None
    trials: int
    gain: float
    gain_interval: tuple[float, float]
    best: dict[str, Any]
    stop: bool
    told: bool
    enqueue: list[dict[str, Any]]
    lines: list[Line]

    def verdict(self, noise: float) -> str:
        """What the design comes to, in a sentence."""
        if not self.told:
            return (
                "The finished sweep cannot be told from luck: no gain is promised of "
                f"{self.trials} trials in the same space."
            )
        low, high = self.gain_interval
        expected = f"{format_metric(self.gain)} ({format_metric(low)} to {format_metric(high)}) beyond the best trial"
        if self.stop:
            return (
                f"Stop here: another sweep is expected to win {expected}, less than the luck of "
                f"one training (sd {format_metric(noise)})."
            )
        return f"The next sweep of {self.trials} trials is expected to win {expected}."


def design(
    analysis: Analysis,
    fits: Callable[[int], bool],
    epochs: int | None,
    trials: int,
    winner: Values | None = None,
) -> Design:
    """The next sweep; `fits` says which batches fit in memory.

    `epochs` and `trials` are those so far; `winner` is the confirmed configuration, where there is
    one, else it is the trial of which most is expected.

    Gains are to be maximized, whatever the metric's goal.
    """
    sweep, worlds = analysis.sweep, analysis.worlds
    batches = batch_sizes(analysis, fits)
    space: dict[str, Parameter] = {}
    fixed: dict[str, Any] = {}
    lines = []
    best = worlds.incumbent.parameters if winner is None else winner
    for name, before in sweep.varied.items():
        after, reason, finding = change(analysis, name, batches)
        if after is None:
            value = batches.sizes[0] if name == "batch_size" and batches else best[name]
            fixed[name], shown = value, {"value": value}
        else:
            space[name], shown = after, to_wandb(after)
        if shown != to_wandb(before):
            lines.append(Line(f"sweep.parameters.{name}", to_wandb(before), shown, reason, finding))
    if not space:  # nothing matters: what matters most stays
        first = analysis.effects[0].parameter
        space[first] = sweep.varied[first]
        del fixed[first]
        lines = [line for line in lines if line.key != f"sweep.parameters.{first}"]
    if not worlds.tell:
        count, gain, span = max(trials, min(2 * MOST, 2 * trials), FEWEST), 0.0, (0.0, 0.0)
        reason = "more trials, to tell at all"
    else:
        count, gain, span = _worth(analysis, space, fixed)
        reason = f"so many reach {ENOUGH:.0%} of what can be won, drawn at random"
    if count != trials:
        lines.append(
            Line("sweep.trials", trials, count, reason, "best" if worlds.tell else "importance")
        )
    longer = _epochs(analysis, epochs)
    if epochs and longer and longer != epochs:
        reason = (
            "the better trials still rise at their end"
            if longer > epochs
            else "the better trials are saturated long before their end"
        )
        lines.append(Line("epochs", epochs, longer, reason, "curves"))
    stop = worlds.tell and gain < worlds.noise
    inside = {n: v for n, v in best.items() if n in space}
    enqueue = [inside] if all(contains(p, inside[n]) for n, p in space.items()) else []
    return Design(
        space, fixed, longer, count, gain, span, dict(best), stop, worlds.tell, enqueue, lines
    )


def _epochs(analysis: Analysis, epochs: int | None) -> int | None:
    found = curves_of(analysis.sweep, analysis.worlds.noise)
    if epochs is None or found is None:
        return epochs
    return max(1, round(epochs * found.factor))


def _worth(
    analysis: Analysis, space: dict[str, Parameter], fixed: dict[str, Any]
) -> tuple[int, float, tuple[float, float]]:
    """How many trials, and what they are expected to win, drawn at random in every world.

    A search that learns needs fewer, so this is on the safe side.
    """
    sweep = analysis.sweep
    varied: dict[str, Any] = {n: p for n, p in space.items() if not isinstance(p, Constant)}
    wide = united(
        sweep.varied, {**varied, **{n: Categorical(values=[v]) for n, v in fixed.items()}}
    )
    worlds = Worlds(sweep, wide)
    asked = [{**fixed, **one} for one in spread(varied, CANDIDATES, seed=6)]
    drawn = worlds.draws([*asked, worlds.incumbent.parameters], seed=6)
    so_far = np.maximum.accumulate(drawn[:, :-1], axis=1)
    won = np.maximum(so_far - drawn[:, -1:], 0.0)
    mean = won.mean(0)
    count = int(np.argmax(mean >= ENOUGH * mean[MOST - 1])) + 1
    count = min(MOST, max(FEWEST, 5 * -(-count // 5)))
    return count, float(mean[count - 1]), interval(won[:, count - 1])


def rationale(analysis: Analysis, found: Design, hardware: str) -> str:
    """Markdown: what changes, why, and what is to be expected."""
    rows = [
        f"| `{line.key}` | {_cell(line.before)} | {_cell(line.after)} | {line.reason} "
        f"| {line.finding} |"
        for line in found.lines
    ]
    kept = [
        name
        for name, parameter in found.space.items()
        if parameter == analysis.sweep.varied.get(name)
    ]
    parts = [
        "# The next sweep",
        found.verdict(analysis.worlds.noise),
        f"Designed for {hardware}.",
        "| key | from | to | reason | finding |\n| --- | --- | --- | --- | --- |\n"
        + "\n".join(rows)
        if rows
        else "No line changes.",
    ]
    if kept:
        parts.append(f"Kept as they are: {', '.join(kept)}.")
    if not analysis.worlds.tell:
        parts.append(
            "The finished sweep cannot be told from luck, so no range is moved by it: more trials, "
            "wider ranges or less noise (more validation images, more epochs) come first."
        )
    return "\n\n".join(parts) + "\n"


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        inner = ", ".join(
            f"{key} {_cell(each)}" for key, each in value.items() if key != "distribution"
        )
        return f"{inner} (log)" if "log" in str(value.get("distribution")) else inner
    if isinstance(value, list):
        return ", ".join(format_value(each) for each in value)
    return format_value(value)
