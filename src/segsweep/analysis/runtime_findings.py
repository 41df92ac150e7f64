"""Findings on run time. They rest on measured seconds, so they differ between machines."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import Any

import numpy as np

from segsweep.analysis.completed_sweep import CompletedSweep
from segsweep.analysis.finding import Finding
from segsweep.analysis.importance import Effect, effects, in_words
from segsweep.analysis.lr_scaling import BATCH
from segsweep.analysis.posterior import Worlds

MIXED = "mixed_precision"

SATURATED = 0.95
"""A batch saturates the device when it reaches this share of the best rate."""


def by_seconds(sweep: CompletedSweep) -> list[Effect]:
    """What decides how long a trial takes (log seconds); empty where that cannot be told."""
    timed = [
        replace(t, value=float(np.log(t.seconds)), history=())
        for t in sweep.finished
        if t.seconds and t.seconds > 0
    ]
    if not timed or not sweep.varied:
        return []
    worlds = Worlds(replace(sweep, trials=timed, goal="minimize"))
    return effects(worlds) if worlds.tell else []


def images_per_second(sweep: CompletedSweep) -> list[dict[str, Any]]:
    """Images a second by batch size: the median trial of each, training and validation together."""
    rates: dict[int, list[float]] = {}
    for trial in sweep.finished:
        told = [trial.outcomes.get(k) for k in ("epochs", "steps_per_epoch")]
        batch = trial.outcomes.get("effective_batch_size")
        if None in told or batch is None or not trial.seconds:
            continue
        images = float(told[0] or 0) * float(told[1] or 0) * batch
        rates.setdefault(int(batch), []).append(images / trial.seconds)
    return [{BATCH: b, "images_per_second": median(rates[b])} for b in sorted(rates)]


def precision(sweep: CompletedSweep) -> Finding | None:
    """How much faster trials with mixed precision were; None where not both ran."""
    seconds = {
        mixed: [t.seconds for t in sweep.finished if t.seconds and t.parameters.get(MIXED) is mixed]
        for mixed in (True, False)
    }
    if not all(seconds.values()):
        return None
    times = median(seconds[False]) / median(seconds[True])
    sentence = (
        f"Without mixed precision a trial took {times:.2f} times as long (medians of "
        f"{len(seconds[False])} and {len(seconds[True])} trials, whatever else they had)."
    )
    return Finding("speed of mixed precision", "Mixed precision", sentence, "likely", times)


def findings(
    sweep: CompletedSweep, found: Sequence[Effect], speeds: Sequence[Mapping[str, Any]]
) -> Iterator[Finding]:
    """What decides the run time, and from which batch on larger ones are no faster.

    `found` is what `by_seconds` gives of the sweep, and `speeds` what `images_per_second` does.
    """
    seconds = [t.seconds for t in sweep.trials if t.seconds]
    if not seconds:
        return
    said = (
        f"What decides it: {in_words(found)}."
        if found
        else "What decides it cannot be told from these trials."
    )
    yield Finding(
        "run time",
        "Run time",
        f"A trial took {median(seconds):.0f} s (median; all of them {sum(seconds) / 60:.0f} min). "
        + said,
        "likely" if found else "cannot tell",
        median(seconds),
        (min(seconds), max(seconds)),
        "run_time",
    )
    if mixed := precision(sweep):
        yield mixed
    rates = {row[BATCH]: row["images_per_second"] for row in speeds}
    if len(rates) > 1:
        enough = min(b for b, r in rates.items() if r >= SATURATED * max(rates.values()))
        best = max(rates, key=lambda b: rates[b])
        told = ", ".join(f"{b}: {r:.3g}" for b, r in rates.items())
        yield Finding(
            "speed",
            "Images a second",
            f"By batch size, with start-up and validation: {told}. From {enough} on larger batches "
            "are hardly faster."
            if enough != max(rates)
            else f"By batch size, with start-up and validation: {told}. It still grows at {best}.",
            "likely",
            max(rates.values()),
            plot="speed",
        )
