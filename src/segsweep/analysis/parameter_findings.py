"""Findings on the parameters: the best, what matters, how, and where ranges are too narrow."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from segsweep.analysis.completed_sweep import CompletedSweep
from segsweep.analysis.finding import Finding, how_sure
from segsweep.analysis.importance import Effect, in_words, interval
from segsweep.analysis.permutation_test import FEWEST
from segsweep.analysis.posterior import Worlds
from segsweep.config.search_space import Categorical
from segsweep.core.formatting import format_interval, format_metric, format_percent, format_value

MATTERS = 0.05
"""A parameter matters if its share of the variance is surely more, and does not if surely less."""

OUTER = 0.1
"""The part of a range, at either end, in which the good region is said to touch the edge."""

REGULARISERS = ("dropout", "l2_reg")


def best(sweep: CompletedSweep, worlds: Worlds) -> Finding:
    """The trial of which most is expected, and how far that is beyond noise."""
    values = [one.parameters for one in worlds.finished]
    drawn = worlds.draws(values)
    place = worlds.finished.index(worlds.incumbent)
    own = worlds.sign * drawn[:, place]
    seen = worlds.incumbent.value
    assert seen is not None
    middle = float(np.median([one.value for one in worlds.finished if one.value is not None]))
    ahead = drawn[:, place] - np.median(drawn, axis=1)
    name = next(t.name for t in sweep.finished if t.parameters == worlds.incumbent.parameters)
    first = np.mean(drawn.argmax(1) == place)
    low, high = interval(own)
    sentence = (
        f"Trial {name} is expected to reach {format_metric(float(own.mean()))} "
        f"({format_interval(low, high)}; seen {format_metric(seen)}, median trial {format_metric(middle)})."
    )
    if worlds.tell:
        sentence += (
            f" It is ahead of the middle of the trials by {format_metric(float(ahead.mean()))}, "
            f"{ahead.mean() / max(worlds.noise, 1e-12):.1f} times the luck of one training "
            f"(sd {format_metric(worlds.noise)}), and truly the best of them with a probability of "
            f"{format_percent(float(first))}."
        )
    else:
        sentence += " Whether it is truly ahead of the others cannot be told from luck."
    sure = how_sure(float(first)) if worlds.tell else "cannot tell"
    return Finding(
        "best", "The best trial", sentence, sure, float(own.mean()), (low, high), "trials"
    )


def importance(worlds: Worlds, effects: Sequence[Effect]) -> Finding:
    topic = "What matters"
    if not worlds.tell:
        sentence = _untold(worlds)
        return Finding("importance", topic, sentence, "cannot tell", plot="importance")
    first = effects[0]
    others = [e.share for e in effects[1:]]
    agree = first.share > np.max(others, axis=0) if others else np.ones(1)
    sentence = (
        f"Of the differences between configurations of the whole space, each parameter by itself "
        f"decides: {in_words(effects)}. The rest is what they do together."
    )
    return Finding(
        "importance",
        topic,
        sentence,
        how_sure(agree),
        float(first.share.mean()),
        interval(first.share),
        "importance",
    )


def _untold(worlds: Worlds) -> str:
    """Why nothing is said of any parameter."""
    count = len(worlds.finished)
    if count < FEWEST:
        return f"Too few trials to tell which parameter matters: {count} finished."
    if worlds.chance >= 1:
        return "Which parameter matters cannot be told: all trials have the same value or place."
    return (
        f"Too few trials, or too much luck, to tell which parameter matters: luck alone would make "
        f"as much of {count} trials in {format_percent(worlds.chance)} of all sweeps."
    )


def matters(worlds: Worlds, effect: Effect) -> bool | None:
    """Whether a parameter matters; None if that cannot be told."""
    low, high = interval(effect.share)
    if not worlds.tell or low < MATTERS <= high:
        return None
    return low >= MATTERS


def effect(worlds: Worlds, one: Effect) -> Finding:
    """How the value moves along one parameter, in the mean of all else."""
    topic = f"The effect of {one.parameter}"
    mean = one.curve.mean(0)
    top, bottom = int(mean.argmax()), int(mean.argmin())
    difference = one.curve[:, top] - one.curve[:, bottom]
    low, high = interval(difference)
    sure = how_sure(difference > 0) if worlds.tell else "cannot tell"
    tried = _tried(worlds, one, (bottom, top))
    if tried and sure == "sure":
        sure = "likely"
    if sure == "cannot tell":
        sentence = (
            f"Whether {one.parameter} has an effect by itself cannot be told: between "
            f"{format_value(one.values[bottom])} and {format_value(one.values[top])} the difference is "
            f"{format_interval(low, high)}."
        )
    else:
        sentence = (
            f"In the mean of all else {one.parameter} {format_value(one.values[top])} is better than "
            f"{format_value(one.values[bottom])} by {format_metric(float(difference.mean()))} "
            f"({format_interval(low, high)}).{tried}"
        )
    return Finding(
        f"effect of {one.parameter}",
        topic,
        sentence,
        sure,
        float(difference.mean()),
        (low, high),
        f"effect_{one.parameter}",
    )


def _tried(worlds: Worlds, one: Effect, places: tuple[int, int]) -> str:
    """A word on choices of which fewer than two trials are known; empty where there are more."""
    if not isinstance(worlds.varied[one.parameter], Categorical):
        return ""
    values = [one.values[place] for place in places]
    seen = [sum(t.parameters[one.parameter] == v for t in worlds.finished) for v in values]
    if min(seen) >= 2:
        return ""
    told_of = ", ".join(f"{format_value(v)}: {n}" for v, n in zip(values, seen, strict=True))
    return f" Few trials were made there ({told_of}); the rest is what neighbours tell."


def regularisation(worlds: Worlds, effects: Sequence[Effect]) -> Iterator[Finding]:
    """Whether dropout and l2 help at all: the best place against the least of it."""
    for one in effects:
        if one.parameter not in REGULARISERS or len(one.values) < 2:
            continue
        top = int(one.curve.mean(0).argmax())
        benefit = one.curve[:, top] - one.curve[:, 0]
        least, best_value = format_value(one.values[0]), format_value(one.values[top])
        low, high = interval(benefit)
        if top == 0:
            harm = one.curve[:, 0] - one.curve[:, -1]
            low, high = interval(harm)
            sentence = (
                f"The least {one.parameter} of the range, {least}, is the best; "
                f"{format_value(one.values[-1])} loses {format_metric(float(harm.mean()))} "
                f"({format_interval(low, high)})."
            )
            sure, number = how_sure(harm > 0), -float(harm.mean())
            low, high = -high, -low
        else:
            where = ", at the upper edge of its range" if top == len(one.values) - 1 else ""
            sentence = (
                f"{one.parameter} {best_value}{where} against {least}: "
                f"{format_metric(float(benefit.mean()))} ({format_interval(low, high)})."
            )
            sure, number = how_sure(benefit > 0), float(benefit.mean())
        if not worlds.tell:
            sure = "cannot tell"
        if sure == "cannot tell":
            sentence += " A benefit cannot be told from none."
        yield Finding(
            f"benefit of {one.parameter}",
            f"Is {one.parameter} of use?",
            sentence,
            sure,
            number,
            (low, high),
            f"effect_{one.parameter}",
        )


def touching(worlds: Worlds) -> dict[str, tuple[str, float]]:
    """The parameters whose good region touches an end: which (lower, upper), and how often."""
    found = {}
    for name, parameter in worlds.varied.items():
        ends = _at_ends(parameter, worlds.winners, name)
        if ends is not None:
            end = "lower" if ends[0] > ends[1] else "upper"
            found[name] = (end, max(ends))
    return found


def edges(worlds: Worlds) -> Finding:
    topic = "Ranges that are too narrow"
    if not worlds.tell:
        sentence = "Where the good region lies cannot be told yet, so no range is said to be short."
        return Finding("edges", topic, sentence, "cannot tell")
    ends = touching(worlds)
    close = {name: end for name, end in ends.items() if end[1] >= 0.5}
    if not close:
        away = 1 - max((share for _, share in ends.values()), default=0.0)
        sentence = "No good region touches the end of a range."
        return Finding("edges", topic, sentence, how_sure(away), away)
    parts = [
        f"the {end} end of {name} (in {format_percent(share)} of the possible surfaces)"
        for name, (end, share) in close.items()
    ]
    share = max(share for _, share in close.values())
    return Finding(
        "edges",
        topic,
        f"The best configuration lies at {', and at '.join(parts)}.",
        how_sure(share),
        share,
    )


def _at_ends(
    parameter: Any, winners: Sequence[Mapping[str, Any]], name: str
) -> tuple[float, float] | None:
    """How often the best lies at the lower and at the upper end; None where there is no order."""
    if isinstance(parameter, Categorical) and (
        not parameter.is_ordered or len(parameter.values) < 3
    ):
        return None  # of two values each is an end
    shares = np.array([parameter.to_unit(one[name]) for one in winners])
    return float(np.mean(shares <= OUTER)), float(np.mean(shares >= 1 - OUTER))
