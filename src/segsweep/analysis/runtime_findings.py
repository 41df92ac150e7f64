"""Findings about run time. They use measured seconds, so they differ between machines."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import Any

import numpy as np

from segsweep.analysis.completed_sweep import CompletedSweep
from segsweep.analysis.finding import Finding
from segsweep.analysis.importance import Effect, format_shares, main_effects
from segsweep.analysis.lr_scaling import BATCH_SIZE
from segsweep.analysis.posterior import PosteriorSamples

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


def throughput(sweep: CompletedSweep) -> list[dict[str, Any]]:
    """Return the images per second of the median trial by batch size, validation included."""
    rates: dict[int, list[float]] = {}
    for trial in sweep.finished:
        epochs, steps = (trial.outcomes.get(key) for key in ("epochs", "steps_per_epoch"))
        batch_size = trial.outcomes.get("effective_batch_size")
        if epochs is None or steps is None or not batch_size or not trial.seconds:
            continue
        images = float(epochs or 0) * float(steps or 0) * batch_size
        rates.setdefault(int(batch_size), []).append(images / trial.seconds)
    return [{BATCH_SIZE: size, "images_per_second": median(rates[size])} for size in sorted(rates)]


def runtime_findings(
    sweep: CompletedSweep, effects: Sequence[Effect], rates: Sequence[Mapping[str, Any]]
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
    cause = (
        f"Share of the variance of log(run time) by parameter: {format_shares(effects)}."
        if effects
        else "The effects of the parameters on it are not significant."
    )
    yield Finding(
        "run time",
        "Run time",
        f"A trial took {median(seconds):.0f} s (median), all trials together "
        f"{sum(seconds) / 60:.0f} min. {cause}",
        "likely" if effects else "inconclusive",
        median(seconds),
        (min(seconds), max(seconds)),
        "run_time",
    )
    if precision := _speed_of_mixed_precision(sweep):
        yield precision
    by_size = {row[BATCH_SIZE]: row["images_per_second"] for row in rates}
    if len(by_size) > 1:
        yield _throughput_finding(by_size)


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
    sentence = (
        f"Without mixed precision a trial took {ratio:.2f} times as long (medians of "
        f"{len(seconds[False])} and {len(seconds[True])} trials, not adjusted for the other "
        "parameters)."
    )
    return Finding("speed of mixed precision", "Mixed precision", sentence, "likely", ratio)


def _throughput_finding(rates: Mapping[int, float]) -> Finding:
    """Report the throughput by batch size (images per second)."""
    highest = max(rates.values())
    enough = min(size for size, rate in rates.items() if rate >= SATURATED * highest)
    listed = ", ".join(f"{size}: {rate:.3g}" for size, rate in rates.items())
    sentence = f"Images per second by batch size, with start-up and validation: {listed}. "
    if enough != max(rates):
        sentence += f"Batch sizes above {enough} are hardly faster."
    else:
        sentence += f"It still increases at batch size {max(rates, key=lambda b: rates[b])}."
    return Finding("speed", "Throughput", sentence, "likely", highest, plot="speed")
