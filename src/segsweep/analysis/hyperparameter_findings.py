"""Findings about the parameters: the best trial, importance, effects, and ranges to extend."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from segsweep.analysis.completed_sweep import CompletedSweep
from segsweep.analysis.finding import Finding, confidence_of
from segsweep.analysis.importance import Effect, format_shares
from segsweep.analysis.posterior import PosteriorSamples, interval
from segsweep.config.search_space import Categorical
from segsweep.core.formatting import format_interval, format_metric, format_percent, format_value

MIN_SHARE = 0.05
"""A parameter matters if its share of the variance is above this, by its 95 % interval."""

BOUND_ZONE = 0.1
"""An optimum in this outer part of a range counts as being at its bound."""

AT_BOUND = 0.5
"""A range is reported as too narrow from this probability that the optimum is at its bound."""

REGULARISERS = ("dropout", "l2_reg")


def best_trial(sweep: CompletedSweep, samples: PosteriorSamples) -> Finding:
    """Report the trial with the best posterior mean, and how far it is ahead of the others."""
    incumbent = samples.incumbent
    drawn = samples.draw([trial.parameters for trial in samples.finished])
    index = samples.finished.index(incumbent)
    value = samples.sign * drawn[:, index]
    assert incumbent.value is not None
    median = float(np.median([t.value for t in samples.finished if t.value is not None]))
    lead = float((drawn[:, index] - np.median(drawn, axis=1)).mean())
    name = next(t.name for t in sweep.finished if t.parameters == incumbent.parameters)
    p_best = float(np.mean(drawn.argmax(1) == index))
    low, high = interval(value)
    sentence = (
        f"Trial {name} has the best posterior mean: {format_metric(float(value.mean()))} (95 % "
        f"interval {format_interval(low, high)}); observed {format_metric(incumbent.value)}, "
        f"median of all trials {format_metric(median)}."
    )
    if samples.is_significant:
        sentence += (
            f" It is ahead of the median trial by {format_metric(lead)}, "
            f"{lead / max(samples.noise_sd, 1e-12):.1f} times the noise of one training "
            f"(sd {format_metric(samples.noise_sd)}). P(best of all trials) = "
            f"{format_percent(p_best)}."
        )
    else:
        sentence += f" The differences between trials {samples.significance}."
    return Finding(
        "best",
        "Best trial",
        sentence,
        confidence_of(p_best) if samples.is_significant else "inconclusive",
        float(value.mean()),
        (low, high),
        "trials",
    )


def importance(samples: PosteriorSamples, effects: Sequence[Effect]) -> Finding:
    """Report each parameter's share of the variance."""
    topic = "Parameter importance"
    if not samples.is_significant:
        sentence = f"The effects of the parameters {samples.significance}."
        return Finding("importance", topic, sentence, "inconclusive", plot="importance")
    first = effects[0].share
    others = [effect.share for effect in effects[1:]]
    is_largest = first > np.max(others, axis=0) if others else np.ones(1)
    sentence = (
        "Share of the variance over the whole space that each parameter explains alone, with 95 % "
        f"interval: {format_shares(effects)}. Interactions explain the rest."
    )
    return Finding(
        "importance",
        topic,
        sentence,
        confidence_of(is_largest),
        float(first.mean()),
        interval(first),
        "importance",
    )


def matters(samples: PosteriorSamples, effect: Effect) -> bool | None:
    """Return whether a parameter explains more than MIN_SHARE; None if that is inconclusive."""
    low, high = interval(effect.share)
    if not samples.is_significant or low < MIN_SHARE <= high:
        return None
    return low >= MIN_SHARE


def main_effect(samples: PosteriorSamples, effect: Effect) -> Finding:
    """Report the difference between the best and the worst value of one parameter."""
    name = effect.parameter
    mean = effect.curve.mean(0)
    best, worst = int(mean.argmax()), int(mean.argmin())
    difference = effect.curve[:, best] - effect.curve[:, worst]
    low, high = interval(difference)
    confidence = confidence_of(difference > 0) if samples.is_significant else "inconclusive"
    warning = _warn_of_few_trials(samples, effect, (worst, best))
    if warning and confidence == "high":
        confidence = "likely"
    best_value, worst_value = format_value(effect.values[best]), format_value(effect.values[worst])
    if confidence == "inconclusive":
        sentence = (
            f"The effect of {name} is inconclusive: averaged over the other parameters, the "
            f"difference between {worst_value} and {best_value} has the 95 % interval "
            f"{format_interval(low, high)}."
        )
    else:
        sentence = (
            f"Averaged over the other parameters, {name} {best_value} is better than "
            f"{worst_value} by {format_metric(float(difference.mean()))} (95 % interval "
            f"{format_interval(low, high)}).{warning}"
        )
    return Finding(
        f"effect of {name}",
        f"Effect of {name}",
        sentence,
        confidence,
        float(difference.mean()),
        (low, high),
        f"effect_{name}",
    )


def _warn_of_few_trials(samples: PosteriorSamples, effect: Effect, indices: tuple[int, int]) -> str:
    """Return a sentence if either categorical value has fewer than two trials, else nothing."""
    if not isinstance(samples.varied[effect.parameter], Categorical):
        return ""
    values = [effect.values[index] for index in indices]
    counts = [sum(t.parameters[effect.parameter] == v for t in samples.finished) for v in values]
    if min(counts) >= 2:
        return ""
    listed = ", ".join(f"{format_value(v)}: {n}" for v, n in zip(values, counts, strict=True))
    return (
        f" Few trials have these values ({listed}), so the effect is estimated from similar trials."
    )


def regularisation(samples: PosteriorSamples, effects: Sequence[Effect]) -> Iterator[Finding]:
    """Report for dropout and l2_reg how much better the best value is than the smallest."""
    for effect in effects:
        name = effect.parameter
        if name not in REGULARISERS or len(effect.values) < 2:
            continue
        best = int(effect.curve.mean(0).argmax())
        smallest, best_value = format_value(effect.values[0]), format_value(effect.values[best])
        if best == 0:
            loss = effect.curve[:, 0] - effect.curve[:, -1]
            low, high = interval(loss)
            sentence = (
                f"The smallest {name}, {smallest}, is best; {format_value(effect.values[-1])} is "
                f"worse by {format_metric(float(loss.mean()))} (95 % interval "
                f"{format_interval(low, high)})."
            )
            confidence, number = confidence_of(loss > 0), -float(loss.mean())
            low, high = -high, -low
        else:
            benefit = effect.curve[:, best] - effect.curve[:, 0]
            low, high = interval(benefit)
            bound = ", the upper bound of its range," if best == len(effect.values) - 1 else ""
            sentence = (
                f"{name} {best_value}{bound} is better than {smallest} by "
                f"{format_metric(float(benefit.mean()))} (95 % interval "
                f"{format_interval(low, high)})."
            )
            confidence, number = confidence_of(benefit > 0), float(benefit.mean())
        if not samples.is_significant:
            confidence = "inconclusive"
        if confidence == "inconclusive":
            sentence += " The difference is inconclusive."
        yield Finding(
            f"benefit of {name}",
            f"Benefit of {name}",
            sentence,
            confidence,
            number,
            (low, high),
            f"effect_{name}",
        )


def optima_at_bounds(samples: PosteriorSamples) -> dict[str, tuple[str, float]]:
    """Return for each ordered parameter the nearer bound (lower, upper) and P(optimum there)."""
    bounds = {}
    for name, parameter in samples.varied.items():
        probabilities = _at_bounds(parameter, samples.optima, name)
        if probabilities is not None:
            lower, upper = probabilities
            bounds[name] = ("lower" if lower > upper else "upper", max(lower, upper))
    return bounds


def narrow_ranges(samples: PosteriorSamples) -> Finding:
    """Report the ranges that have the optimum at a bound."""
    topic = "Ranges that are too narrow"
    if not samples.is_significant:
        sentence = (
            f"The effects of the parameters {samples.significance}, so no range is reported as "
            "too narrow."
        )
        return Finding("edges", topic, sentence, "inconclusive")
    bounds = optima_at_bounds(samples)
    narrow = {name: bound for name, bound in bounds.items() if bound[1] >= AT_BOUND}
    if not narrow:
        inside = 1 - max((probability for _, probability in bounds.values()), default=0.0)
        sentence = "The optimum is not at a bound of any range."
        return Finding("edges", topic, sentence, confidence_of(inside), inside)
    parts = [
        f"the {bound} bound of {name} (P = {format_percent(probability)})"
        for name, (bound, probability) in narrow.items()
    ]
    highest = max(probability for _, probability in narrow.values())
    return Finding(
        "edges",
        topic,
        f"The optimum is at {', at '.join(parts)}.",
        confidence_of(highest),
        highest,
    )


def _at_bounds(
    parameter: Any, optima: Sequence[Mapping[str, Any]], name: str
) -> tuple[float, float] | None:
    """Return P(optimum at the lower bound), P(at the upper bound); None if there is no order."""
    if isinstance(parameter, Categorical) and (
        not parameter.is_ordered or len(parameter.values) < 3
    ):
        return None  # each of two values is at a bound
    shares = np.array([parameter.to_unit(optimum[name]) for optimum in optima])
    return float(np.mean(shares <= BOUND_ZONE)), float(np.mean(shares >= 1 - BOUND_ZONE))
