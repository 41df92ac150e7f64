"""Findings about the parameters: the best trial, importance, effects, and regularisation."""

from collections.abc import Iterator, Sequence

import numpy as np

from segsweep.analysis.finding import Confidence, Finding, confidence_of
from segsweep.analysis.importance import Effect, format_shares, largest_share
from segsweep.analysis.intervals import interval, p_positive, share_interval
from segsweep.analysis.posterior import PosteriorSamples
from segsweep.config.search_space import Categorical
from segsweep.core.formatting import format_interval, format_metric, format_percent, format_value

MIN_SHARE = 0.05
"""A parameter matters if its share of the variance is above this, by its 95 % interval."""

BEST_WIDENING = 1.5
"""Factor on the spread of the values among which the best trial is searched: without it, trials
with P = 89 % were the best in 70 % of simulated sweeps (`benchmarks/calibration.py`)."""

CLIPPED_SHARE = 0.005
"""Clipping is mentioned if at least this share of the values over the whole space is clipped."""

REGULARISERS = ("dropout", "l2_reg")


def best_trial(samples: PosteriorSamples) -> Finding:
    """Report the configuration with the best posterior mean, and whether it is the best of all.

    Runs with the same configuration (replicates, such as seeds or folds) count as one.
    """
    best, *others = samples.configurations
    drawn = samples.draw([best[0].parameters, *(runs[0].parameters for runs in others)])
    value = samples.sign * drawn[:, 0]
    low, high = samples.value_interval(value)
    observed = float(np.mean([run.value for run in best]))
    median = float(np.median([run.value for run in samples.finished]))
    replicates = f" (mean of {len(best)} runs of this configuration)" if len(best) > 1 else ""
    sentence = (
        f"Trial {best[0].name} has the best posterior mean: {format_metric(float(value.mean()))} "
        f"(95 % interval {format_interval(low, high)}); observed {format_metric(observed)}"
        f"{replicates}, median of all trials {format_metric(median)}."
    )
    wider = drawn + (BEST_WIDENING - 1) * (drawn - drawn.mean(0))
    p_best = float(np.mean(wider.argmax(1) == 0))
    confidence: Confidence = "inconclusive"
    if not samples.is_significant:
        sentence += f" The differences between trials {samples.significance}."
    elif others:
        confidence = confidence_of(p_best)
        lead = float((drawn[:, 0] - np.median(drawn, axis=1)).mean())
        count = len(others) + 1
        kind = "trials" if count == len(samples.finished) else "different configurations"
        sentence += (
            f" It is ahead of the median trial by {format_metric(lead)}, "
            f"{lead / max(samples.noise_sd, 1e-12):.1f} times the noise of one training "
            f"(sd {format_metric(samples.noise_sd)}). "
        )
        sentence += (
            f"Which of the {count} {kind} is best is inconclusive: P(this one) = "
            f"{format_percent(p_best)}."
            if confidence == "inconclusive"
            else f"It is the best of the {count} {kind} with P = {format_percent(p_best)}."
        )
    return Finding(
        "best", "Best trial", sentence, confidence, float(value.mean()), (low, high), "trials"
    )


def importance(samples: PosteriorSamples, effects: Sequence[Effect]) -> Finding:
    """Report each parameter's share of the variance."""
    topic = "Parameter importance"
    if not samples.is_significant:
        sentence = f"The effects of the parameters {samples.significance}."
        return Finding("importance", topic, sentence, "inconclusive", plot="importance")
    first = effects[0].share
    largest, confidence = largest_share(effects)
    sentence = (
        "Share of the variance over the whole space that each parameter explains alone, with 95 % "
        f"interval: {format_shares(effects)}. Interactions explain the rest. {largest}"
        f"{_clipping(samples)}"
    )
    return Finding(
        "importance",
        topic,
        sentence,
        confidence,
        float(first.mean()),
        share_interval(first),
        "importance",
    )


def _clipping(samples: PosteriorSamples) -> str:
    """Return which values are clipped in shares and effects, as a sentence after others."""
    floor = samples.surrogate.floor
    if np.mean(samples.design_samples <= floor) < CLIPPED_SHARE:
        return ""
    value = format_metric(samples.sign * floor)
    beyond = "below" if samples.sign > 0 else "above"
    return f" In shares and effects, values {beyond} {value} count as {value}."


def matters(samples: PosteriorSamples, effect: Effect) -> bool | None:
    """Return whether a parameter explains more than MIN_SHARE; None if that is inconclusive."""
    low, high = share_interval(effect.share)
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
    p_better = p_positive(difference)
    confidence = confidence_of(p_better) if samples.is_significant else "inconclusive"
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
            f"{worst_value} (P = {format_percent(p_better)}) by "
            f"{format_metric(float(difference.mean()))} (95 % interval "
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
    """Report for dropout and l2_reg whether more than the smallest value is better."""
    for effect in effects:
        if effect.parameter in REGULARISERS and len(effect.values) > 1:
            yield _benefit(samples, effect)


def _benefit(samples: PosteriorSamples, effect: Effect) -> Finding:
    """Report whether a larger value of a regulariser is better than the smallest.

    The number is the difference between the best of the larger values and the smallest.
    """
    name, smallest = effect.parameter, format_value(effect.values[0])
    best = 1 + int(effect.curve.mean(0)[1:].argmax())
    benefit = effect.curve[:, best] - effect.curve[:, 0]
    low, high = interval(benefit)
    p_better = p_positive(benefit)
    p_smallest = float(np.mean(effect.curve.argmax(1) == 0))
    confidence: Confidence = "inconclusive"
    if samples.is_significant:
        confidence = confidence_of(max(p_better, p_smallest))
    value = format_value(effect.values[best])
    by = f"{format_metric(float(benefit.mean()))} (95 % interval {format_interval(low, high)})"
    if confidence == "inconclusive":
        sentence = (
            f"Whether more {name} than {smallest} is better is inconclusive: averaged over the "
            f"other parameters, {value} differs from {smallest} by {by}; P({smallest} is the best "
            f"value of the range) = {format_percent(p_smallest)}."
        )
    elif p_smallest > p_better:
        sentence = (
            f"Averaged over the other parameters, the smallest {name}, {smallest}, is the best "
            f"value of the range (P = {format_percent(p_smallest)})."
        )
    else:
        bound = ", the upper bound of its range," if best == len(effect.values) - 1 else ""
        sentence = (
            f"Averaged over the other parameters, {name} {value}{bound} is better than {smallest} "
            f"(P = {format_percent(p_better)}) by {by}."
        )
    return Finding(
        f"benefit of {name}",
        f"Benefit of {name}",
        sentence,
        confidence,
        float(benefit.mean()),
        (low, high),
        f"effect_{name}",
    )
