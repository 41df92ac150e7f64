"""Findings about the batch size and the learning rate that belongs to it."""

import numpy as np

from segsweep.analysis.completed_sweep import CompletedSweep
from segsweep.analysis.finding import Confidence, Finding, confidence_of
from segsweep.analysis.intervals import interval, p_positive
from segsweep.analysis.lr_scaling import BATCH_SIZE, MAX_AT_BOUND, BatchSizeEffect, LrScaling
from segsweep.analysis.posterior import PosteriorSamples
from segsweep.core.formatting import format_interval, format_metric, format_percent, format_value

LARGE = 64
"""Batch sizes above this are compared with those up to it."""

SCALING_RULES = {"linear (1)": 1.0, "square root (1/2)": 0.5, "none (0)": 0.0}
"""Usual exponents of the learning rate against the batch size."""


def probability_best(effects: list[BatchSizeEffect]) -> np.ndarray:
    """Return P(best of all batch sizes) of each batch size, (batch sizes,)."""
    best = np.argmax([effect.best for effect in effects], axis=0)
    return np.bincount(best, minlength=len(effects)) / len(best)


def best_batch_size(
    sweep: CompletedSweep, samples: PosteriorSamples, effects: list[BatchSizeEffect]
) -> Finding:
    """Report which batch size is best when the other parameters are optimised for it."""
    probabilities = probability_best(effects)
    top = int(probabilities.argmax())
    p_best = float(probabilities[top])
    means = ", ".join(
        f"{effect.batch_size}: {format_metric(samples.sign * float(effect.best.mean()))}"
        for effect in effects
    )
    confidence: Confidence = "inconclusive"
    if samples.is_significant:
        confidence = confidence_of(p_best)
    size, p = effects[top].batch_size, format_percent(p_best)
    conclusion = (
        f"Which batch size is best is inconclusive: P({size}) = {p}."
        if confidence == "inconclusive"
        else f"Batch size {size} is the best of these (P = {p})."
    )
    sentence = (
        f"Best expected value with the other parameters optimised for each batch size: {means}. "
        f"{conclusion} {equal_budget(sweep)}"
    )
    value = samples.sign * effects[top].best
    return Finding(
        "batch size",
        "Batch size, other parameters optimised",
        sentence,
        confidence,
        float(value.mean()),
        samples.value_interval(value),
        "batch_size",
    )


def large_batch_sizes(samples: PosteriorSamples, effects: list[BatchSizeEffect]) -> Finding | None:
    """Report whether batch sizes above LARGE are better; None unless both kinds were searched."""
    small = [effect for effect in effects if effect.batch_size <= LARGE]
    large = [effect for effect in effects if effect.batch_size > LARGE]
    if not small or not large:
        return None
    best_large = np.max([effect.best for effect in large], axis=0)
    gain = best_large - np.max([effect.best for effect in small], axis=0)
    low, high = interval(samples.sign * gain)
    number, is_better = samples.sign * float(gain.mean()), gain.mean() > 0
    probability = p_positive(gain if is_better else -gain)
    confidence: Confidence = "inconclusive"
    if samples.is_significant:
        confidence = confidence_of(probability)
    sentence = (
        f"Above batch size {LARGE} the best value changes by {format_metric(number)} (95 % "
        f"interval {format_interval(low, high)})."
    )
    p = f"(P = {format_percent(probability)})"
    if confidence == "inconclusive":
        sentence += " Whether larger batches are better is inconclusive."
    elif is_better:
        sentence += f" Larger batches are better {p}."
    else:
        best_small = small[int(probability_best(small).argmax())]
        sentence += (
            f" Larger batches are not better {p}; of the batch sizes up to {LARGE}, "
            f"{best_small.batch_size} is best with P = "
            f"{format_percent(float(probability_best(small).max()))}."
        )
    return Finding(
        "large batches",
        f"Batch sizes above {LARGE}",
        sentence,
        confidence,
        number,
        (low, high),
        "batch_size",
    )


def scaling_exponent(samples: PosteriorSamples, scaling: LrScaling) -> Finding:
    """Report how the best learning rate scales with the batch size, and which rules fit."""
    low, high = scaling.interval
    mean = float(scaling.exponent.mean())
    compatible = [name for name, value in SCALING_RULES.items() if low <= value <= high]
    confidence: Confidence = "inconclusive"
    if not samples.is_significant:
        conclusion = f"The effects of the parameters {samples.significance}."
    elif scaling.at_bound > MAX_AT_BOUND:
        conclusion = (
            f"The range of the learning rate is too short: in "
            f"{format_percent(scaling.at_bound)} of the posterior samples a best rate is at a "
            "bound of the range, so the true exponent may lie outside this interval."
        )
    elif len(compatible) > 1:
        conclusion = f"The trials are compatible with several rules: {', '.join(compatible)}."
    else:
        probability = _p_between_rules(scaling.exponent, low, high)
        confidence = confidence_of(probability)
        conclusion = (
            f"Of the usual rules, only {compatible[0]} is compatible"
            if compatible
            else "None of the usual rules (0, 1/2, 1) is compatible"
        ) + f" (P = {format_percent(probability)})."
    rates = ", ".join(
        f"{size}: {format_value(float(np.exp(np.log(rates).mean())))}"
        for size, rates in zip(scaling.batch_sizes, scaling.rates.T, strict=True)
    )
    sentence = (
        f"The best learning rate grows with the batch size to the power {mean:.2f} (95 % interval "
        f"{low:.2f} to {high:.2f}). Best learning rate by batch size: {rates}. {conclusion}"
    )
    return Finding(
        "learning rate with batch",
        "Learning rate and batch size",
        sentence,
        confidence,
        mean,
        (low, high),
        "learning_rate",
    )


def _p_between_rules(exponent: np.ndarray, low: float, high: float) -> float:
    """Return P(the exponent is between the rules next below `low` and next above `high`)."""
    below = max((rule for rule in SCALING_RULES.values() if rule < low), default=-np.inf)
    above = min((rule for rule in SCALING_RULES.values() if rule > high), default=np.inf)
    return float(np.mean((exponent > below) & (exponent < above)))


def equal_budget(sweep: CompletedSweep) -> str:
    """Return a sentence that says whether batch sizes had equal epochs or equal steps."""
    steps: dict[int, set[float]] = {}
    for trial in sweep.finished:
        if "steps_per_epoch" in trial.outcomes and BATCH_SIZE in trial.parameters:
            size = int(trial.parameters[BATCH_SIZE])
            steps.setdefault(size, set()).add(trial.outcomes["steps_per_epoch"])
    if len(steps) < 2:
        return "Whether trials had equal epochs or equal steps is not known."
    smallest, largest = min(steps), max(steps)
    fewest, most = min(steps[largest]), max(steps[smallest])
    if fewest == most:
        return "All batch sizes had the same number of steps, so larger ones saw more images."
    return (
        f"All batch sizes had the same number of epochs: {fewest:.0f} steps per epoch at batch "
        f"size {largest}, {most:.0f} at batch size {smallest}."
    )
