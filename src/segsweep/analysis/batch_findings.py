"""Findings on the batch size, and on the learning rate that goes with it."""

import numpy as np

from segsweep.analysis.completed_sweep import CompletedSweep
from segsweep.analysis.finding import Finding, how_sure
from segsweep.analysis.importance import interval
from segsweep.analysis.lr_scaling import BATCH, CENSORED, Isolated, Scaling
from segsweep.analysis.posterior import Worlds
from segsweep.core.formatting import format_interval, format_metric, format_percent, format_value

LARGE = 64
"""Beyond this batch the report saw returns diminish."""


def likely_best(isolated: list[Isolated]) -> np.ndarray:
    """(batches,): how often each batch is the best, all else retuned."""
    best = np.argmax([one.best for one in isolated], axis=0)
    return np.bincount(best, minlength=len(isolated)) / len(best)


def best_batch(sweep: CompletedSweep, worlds: Worlds, isolated: list[Isolated]) -> Finding:
    """Which batch is the best when all else is retuned for it."""
    chances = likely_best(isolated)
    top = int(chances.argmax())
    table = ", ".join(
        f"{one.batch_size}: {format_metric(worlds.sign * float(one.best.mean()))}"
        for one in isolated
    )
    sentence = (
        f"With all else retuned for each batch the best to expect is {table}. Batch "
        f"{isolated[top].batch_size} is the best in {format_percent(float(chances[top]))} of the possible "
        f"surfaces. {held_equal(sweep)}"
    )
    sure = how_sure(float(chances[top])) if worlds.tell else "cannot tell"
    own = worlds.sign * isolated[top].best
    return Finding(
        "batch size",
        "Batch size, all else retuned",
        sentence,
        sure,
        float(own.mean()),
        interval(own),
        "batch_size",
    )


def large_batches(worlds: Worlds, isolated: list[Isolated]) -> Finding | None:
    """Whether batches beyond 64 pay, or whether it is time to go back; None without both."""
    small = [one.best for one in isolated if one.batch_size <= LARGE]
    large = [one.best for one in isolated if one.batch_size > LARGE]
    if not small or not large:
        return None
    gain = np.max(large, axis=0) - np.max(small, axis=0)
    low, high = interval(worlds.sign * gain)
    sizes = [one.batch_size for one in isolated if one.batch_size <= LARGE]
    chances = likely_best(isolated)[: len(sizes)]
    back = sizes[int(chances.argmax())]
    number, better = worlds.sign * float(gain.mean()), gain.mean() > 0
    sure = how_sure(gain > 0 if better else gain < 0) if worlds.tell else "cannot tell"
    said = f"Beyond a batch of {LARGE} the best changes by {format_metric(number)} ({format_interval(low, high)})."
    if sure == "cannot tell":
        said += " Whether larger batches pay cannot be told."
    elif better:
        said += " Larger batches still pay."
    else:
        said += f" They do not pay: go back to {back}."
    return Finding(
        "large batches", f"Batches beyond {LARGE}", said, sure, number, (low, high), "batch_size"
    )


def exponent(worlds: Worlds, scaling: Scaling) -> Finding:
    """How the best learning rate grows with the batch, against the linear and square-root rules."""
    low, high = interval(scaling.exponent)
    mean = float(scaling.exponent.mean())
    rules = {"linear (1)": 1.0, "square root (1/2)": 0.5, "none (0)": 0.0}
    left = [name for name, value in rules.items() if low <= value <= high]
    if not worlds.tell:
        sure, tail = "cannot tell", "The trials do not tell it from luck."
    elif scaling.at_edge > CENSORED:
        sure, tail = "cannot tell", "The range of the learning rate is too short to tell."
    elif len(left) > 1:
        sure, tail = "cannot tell", f"These trials allow the rules {', '.join(left)}."
    elif left:
        sure, tail = "sure", f"Of the usual rules it allows {left[0]} alone."
    else:
        sure, tail = "sure", "None of the usual rules (0, 1/2, 1) fits."
    edge = (
        f" In {format_percent(scaling.at_edge)} of the possible surfaces a best rate lies at an end of "
        "the range, so the true exponent may be beyond."
        if scaling.at_edge > CENSORED
        else ""
    )
    rates = ", ".join(
        f"{batch}: {format_value(float(np.exp(np.log(rates).mean())))}"
        for batch, rates in zip(scaling.batches, scaling.rates.T, strict=True)
    )
    sentence = (
        f"The best learning rate grows with the batch to the power {mean:.2f} "
        f"({low:.2f} to {high:.2f}); by batch {rates}. {tail}{edge}"
    )
    return Finding(
        "learning rate with batch",
        "Learning rate with batch",
        sentence,
        sure,  # type: ignore[arg-type]
        mean,
        (low, high),
        "learning_rate",
    )


def held_equal(sweep: CompletedSweep) -> str:
    """What the budget held equal between batches: epochs or steps."""
    seen: dict[int, set[float]] = {}
    for trial in sweep.finished:
        if "steps_per_epoch" in trial.outcomes and BATCH in trial.parameters:
            steps = trial.outcomes["steps_per_epoch"]
            seen.setdefault(int(trial.parameters[BATCH]), set()).add(steps)
    if len(seen) < 2:
        return "What was held equal, epochs or steps, is not known."
    smallest, largest = min(seen), max(seen)
    few, many = min(seen[largest]), max(seen[smallest])
    if few == many:
        return "Steps were held equal: larger batches saw more images."
    return (
        f"Epochs were held equal: a batch of {largest} had {few:.0f} steps an epoch where one of "
        f"{smallest} had {many:.0f}."
    )
