"""Findings about run time. They use measured seconds, so they differ between machines."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import median

import numpy as np
from scipy.stats import ttest_ind

from segsweep.analysis.completed_sweep import CompletedSweep
from segsweep.analysis.finding import Confidence, Finding, confidence_of
from segsweep.analysis.importance import Effect, format_shares, largest_share, main_effects
from segsweep.analysis.posterior import PosteriorSamples
from segsweep.core.formatting import format_percent

MIXED_PRECISION = "mixed_precision"

SATURATED = 0.95
"""A batch size saturates the device when it reaches this share of the highest throughput."""


def run_time_effects(sweep: CompletedSweep) -> list[Effect]:
    """Return the main effects on log(seconds); an empty list where they are not significant."""
    timed = [
        replace(trial, value=float(np.log(trial.seconds)), history=())
        for trial in sweep.finished
        if trial.seconds and trial.seconds > 0
    ]
    if not timed or not sweep.varied:
        return []
    samples = PosteriorSamples(replace(sweep, trials=timed, goal="minimize"), is_secondary=True)
    return main_effects(samples) if samples.is_significant else []


def throughput(sweep: CompletedSweep) -> dict[int, list[float]]:
    """Return the images per second of each trial by batch size, validation included."""
    rates: dict[int, list[float]] = {}
    for trial in sweep.finished:
        epochs, steps = (trial.outcomes.get(key) for key in ("epochs", "steps_per_epoch"))
        batch_size = trial.outcomes.get("effective_batch_size")
        if not epochs or not steps or not batch_size or not trial.seconds:
            continue
        images = float(epochs) * float(steps) * batch_size
        rates.setdefault(int(batch_size), []).append(images / trial.seconds)
    return {size: rates[size] for size in sorted(rates)}


def runtime_findings(
    sweep: CompletedSweep, effects: Sequence[Effect], rates: Mapping[int, Sequence[float]]
) -> Iterator[Finding]:
    """Report what determines the run time, and from which batch size throughput is constant.

    Args:
        sweep: The sweep.
        effects: What `run_time_effects` returns for it.
        rates: What `throughput` returns for it.
    """
    seconds = [trial.seconds for trial in sweep.trials if trial.seconds]
    if not seconds:
        return
    confidence: Confidence = "inconclusive"
    cause = "The effects of the parameters on it are not significant."
    if effects:
        largest, confidence = largest_share(effects)
        cause = (
            f"Share of the variance of log(run time) by parameter: {format_shares(effects)}. "
            f"{largest}"
        )
    yield Finding(
        "run time",
        "Run time",
        f"A trial took {median(seconds):.0f} s (median), all trials together "
        f"{sum(seconds) / 60:.0f} min. {cause}",
        confidence,
        median(seconds),
        (min(seconds), max(seconds)),
        "run_time",
    )
    if precision := _speed_of_mixed_precision(sweep):
        yield precision
    if len(rates) > 1:
        yield _throughput_finding(rates)


def _speed_of_mixed_precision(sweep: CompletedSweep) -> Finding | None:
    """Report how much faster mixed precision was; None unless trials ran with and without it."""
    seconds = {
        mixed: [
            trial.seconds
            for trial in sweep.finished
            if trial.seconds and trial.parameters.get(MIXED_PRECISION) is mixed
        ]
        for mixed in (True, False)
    }
    if not all(seconds.values()):
        return None
    ratio = median(seconds[False]) / median(seconds[True])
    is_longer = ratio >= 1
    probability = _p_higher(seconds[not is_longer], seconds[is_longer])
    sentence = (
        f"Without mixed precision a trial took {ratio:.2f} times as long (medians of "
        f"{len(seconds[False])} and {len(seconds[True])} trials, not adjusted for the other "
        f"parameters); P({'longer' if is_longer else 'shorter'} on average) = "
        f"{format_percent(probability)}."
    )
    return Finding(
        "speed of mixed precision", "Mixed precision", sentence, confidence_of(probability), ratio
    )


def _throughput_finding(rates: Mapping[int, Sequence[float]]) -> Finding:
    """Report the throughput by batch size (images per second), and where it is highest."""
    medians = {size: median(values) for size, values in rates.items()}
    highest, largest = max(medians.values()), max(rates)
    fastest = max(medians, key=lambda size: medians[size])
    enough = min(size for size, rate in medians.items() if rate >= SATURATED * highest)
    listed = ", ".join(f"{size}: {rate:.3g}" for size, rate in medians.items())
    if enough == largest:
        below = max(size for size in rates if size < largest)
        probability = _p_higher(rates[largest], rates[below])
        claim = f"It still increases at batch size {largest}"
    elif enough == fastest:
        second = max((s for s in medians if s > enough), key=lambda size: medians[size])
        probability = _p_higher(rates[enough], rates[second], -np.log(SATURATED))
        claim = f"Batch sizes above {enough} are hardly faster"
    else:
        probability = _p_higher(rates[enough], rates[fastest], -np.log(SATURATED))
        claim = f"Batch sizes above {enough} are hardly faster"
    confidence = confidence_of(probability)
    conclusion = f"{claim} (P = {format_percent(probability)})."
    if confidence == "inconclusive":
        conclusion = "From which batch size on it is constant is inconclusive."
    sentence = (
        f"Images per second by batch size (median), with start-up and validation: {listed}. "
        f"{conclusion}"
    )
    return Finding("speed", "Throughput", sentence, confidence, highest, plot="speed")


def _p_higher(one: Sequence[float], other: Sequence[float], margin: float = 0.0) -> float:
    """Return P(the mean log of `one` is above that of `other` less `margin`), by Student's t.

    It is 50 % where neither sample has two different values, so that their spread is not known.
    """
    logs = np.log(np.asarray(one)) + margin, np.log(np.asarray(other))
    if len(one) + len(other) < 3 or not any(np.ptp(values) > 0 for values in logs):
        return 0.5
    return 1 - float(ttest_ind(*logs, alternative="greater").pvalue)
