"""Findings on the trainings themselves: overfitting, curves, precision, failures, stopping."""

import math
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from segsweep.analysis.completed_sweep import CompletedSweep
from segsweep.analysis.finding import Finding, Sure
from segsweep.config.objective import sign
from segsweep.core.formatting import format_metric, format_percent, format_value
from segsweep.search.trial_result import TrialResult

GAP = 0.05
"""A training Dice further above the validation Dice than this is called overfitting."""

LAST = 0.2
"""The end of a curve: this share of its epochs."""

RISING = 0.25
"""A sweep still rises if its better trials gain this share of a training's luck at their end."""

FEWEST_EPOCHS = 5

TRAIN, VALIDATION = "train_dice_coefficient", "val_dice_coefficient"


def better_half(sweep: CompletedSweep) -> list[TrialResult]:
    """The finished trials above the median: those that matter for what comes next."""
    order = sorted(sweep.finished, key=lambda t: -sign(sweep.goal) * _value(t))
    return order[: max(1, math.ceil(len(order) / 2))]


def dice_of(sweep: CompletedSweep, trial: TrialResult) -> tuple[float, float] | None:
    """The same Dice on training and on validation images; None where not both are known."""
    told = {**trial.outcomes, sweep.metric: trial.value}
    train, validation = told.get(TRAIN), told.get(VALIDATION)
    return None if train is None or validation is None else (train, validation)


def gap(sweep: CompletedSweep) -> Finding | None:
    """How far training Dice lies above validation Dice; None where that is not known."""
    pairs = [pair for t in better_half(sweep) if (pair := dice_of(sweep, t))]
    if not pairs:
        return None
    gaps = np.array([train - validation for train, validation in pairs])
    middle, top = float(np.median(gaps)), float(gaps[0])
    low, high = (float(q) for q in np.quantile(gaps, [0.25, 0.75]))
    judged = (
        "That is overfitting: more data, augmentation, dropout or l2 are the means against it."
        if middle > GAP
        else "There is little overfitting."
    )
    side = "above" if middle >= 0 else "below"
    sentence = (
        f"In the better half of the trials the training Dice is {format_metric(abs(middle))} {side} "
        f"the validation Dice (training less validation: {format_metric(low)} to {format_metric(high)} in "
        f"the middle half of them, {format_metric(top)} in the best). {judged}"
    )
    sure: Sure = "sure" if len(pairs) >= 5 else "likely"
    return Finding("overfitting", "Overfitting", sentence, sure, middle, (low, high), "gap")


@dataclass(frozen=True)
class Curves:
    """How the better trials go, in the median; all but `epochs` and `early` in the metric's units.

    `gains` is what each of them gains in the end (LAST), `shake` how far one moves from one epoch
    to the next; `early` (0 to 1) is when 95 % of the rise is done; `noise` the sd of luck.
    """

    epochs: int
    gains: np.ndarray
    shake: float
    early: float
    noise: float

    @property
    def gain(self) -> float:
        return float(np.median(self.gains))

    @property
    def tell(self) -> bool:
        return self.epochs >= FEWEST_EPOCHS

    @property
    def unstable(self) -> bool:
        return self.shake > 3 * self.noise

    @property
    def rise(self) -> bool:
        return self.tell and self.gain > RISING * self.noise

    @property
    def saturated(self) -> bool:
        return self.tell and not self.rise and not self.unstable and self.early <= 0.5

    @property
    def factor(self) -> float:
        """By how much more epochs are called for; 1 for as many."""
        return 1.5 if self.rise else 0.6 if self.saturated else 1.0


def curves_of(sweep: CompletedSweep, noise: float) -> Curves | None:
    """How the better trials go; None where no history is known."""
    known = [t for t in better_half(sweep) if len(t.history) >= 3]
    if not known:
        return None
    gains, shakes, when = [], [], []
    for trial in known:
        values = sign(sweep.goal) * np.array(trial.history)
        so_far = np.maximum.accumulate(values)
        last = max(1, round(LAST * len(values)))
        gains.append(so_far[-1] - so_far[-1 - last])
        shakes.append(np.abs(np.diff(values[len(values) // 2 :])).mean())
        reached = so_far >= so_far[-1] - 0.05 * (so_far[-1] - so_far[0])
        when.append((int(reached.argmax()) + 1) / len(values))
    epochs = max(len(t.history) for t in known)
    return Curves(epochs, np.array(gains), float(np.median(shakes)), float(np.median(when)), noise)


def curves(sweep: CompletedSweep, noise: float) -> Finding | None:
    """Whether the better trials still rise at their end; None where no history is known."""
    found = curves_of(sweep, noise)
    if found is None:
        return None
    if not found.tell:
        state = f"but {found.epochs} epochs are too few to tell where they go"
    elif found.rise:
        state = "and still rise: more epochs would help"
    elif found.saturated:
        state = f"and are saturated: 95 % of the rise is done after {format_percent(found.early)}"
    else:
        state = "and are level at their end"
    sentence = (
        f"In the last {format_percent(LAST)} of {found.epochs} epochs the better trials gain "
        f"{format_metric(found.gain)} {state}. From one epoch to the next they move by "
        f"{format_metric(found.shake)}{', which is unstable' if found.unstable else ''}."
    )
    low, high = (float(q) for q in np.quantile(found.gains, [0.25, 0.75]))
    sure: Sure = "cannot tell" if not found.tell else "sure" if len(found.gains) >= 5 else "likely"
    return Finding("curves", "Learning curves", sentence, sure, found.gain, (low, high), "curves")


def precision(sweep: CompletedSweep, both: Finding | None) -> Finding:
    """What mixed precision did to the metric where both ran; else nothing is claimed."""
    topic = "Mixed precision"
    if both is not None:
        return replace(both, id="mixed precision", topic=topic, plot=None)
    sentence = "Precision was not searched, so nothing is claimed about it."
    return Finding("mixed precision", topic, sentence, "cannot tell")


def failures(sweep: CompletedSweep) -> Finding:
    """How many trials failed, in which way, and where they lie."""
    topic = "Failures"
    ran = ("finished", "pruned")
    good = [t for t in sweep.trials if t.status in ran]
    failed = [t for t in sweep.trials if t.status not in ran]
    if not failed:
        return Finding("failures", topic, "No trial failed.", "sure", 0.0)
    kinds = Counter(t.status.replace("_", " ") for t in failed)
    said = ", ".join(f"{n} {kind}" for kind, n in kinds.items())
    places = [where for name in sweep.varied if (where := _beyond(failed, good, name))]
    where = f" All of them lie at {' and '.join(places)}." if places and len(failed) > 1 else ""
    sentence = f"{len(failed)} of {len(sweep.trials)} trials failed: {said}.{where}"
    return Finding(
        "failures", topic, sentence, "sure" if where else "likely", len(failed) / len(sweep.trials)
    )


def stopping(sweep: CompletedSweep) -> Finding | None:
    """Epochs saved by stopping trials early; None where none was stopped."""
    stopped = [t for t in sweep.trials if t.status == "pruned" and t.history]
    if not stopped:
        return None
    whole = max((len(t.history) for t in sweep.finished), default=0)
    planned = whole * (len(stopped) + len(sweep.finished))
    saved = sum(max(0, whole - len(t.history)) for t in stopped)
    if not planned:
        return None
    sentence = (
        f"{len(stopped)} trials were stopped early, which saved {saved} of {planned} epochs "
        f"({format_percent(saved / planned)})."
    )
    return Finding("stopping", "Stopping early", sentence, "sure", saved / planned, plot="curves")


def _beyond(failed: list[TrialResult], others: list[TrialResult], name: str) -> str | None:
    """Where the failed trials lie, if most others lie elsewhere along this parameter."""

    def numbers(trials: list[TrialResult]) -> list[float]:
        values = [t.parameters.get(name) for t in trials]
        return [float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)]

    bad, good = numbers(failed), numbers(others)
    if len(bad) < len(failed) or not good:
        return None
    above = float(np.mean([v >= min(bad) for v in good]))
    below = float(np.mean([v <= max(bad) for v in good]))
    if above <= 0.1:
        return f"{name} {format_value(min(bad))} and above"
    if below <= 0.1:
        return f"{name} {format_value(max(bad))} and below"
    return None


def _value(trial: TrialResult) -> float:
    assert trial.value is not None
    return trial.value
