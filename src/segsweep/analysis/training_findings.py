"""Findings about the trainings: overfitting, learning curves, precision, failures and pruning."""

import math
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from segsweep.analysis.completed_sweep import CompletedSweep
from segsweep.analysis.finding import Confidence, Finding
from segsweep.config.objective import sign
from segsweep.core.formatting import format_interval, format_metric, format_percent, format_value
from segsweep.search.trial_result import TrialResult

OVERFITTING = 0.05
"""A training Dice further above the validation Dice than this is reported as overfitting."""

LAST = 0.2
"""Share of the epochs that counts as the end of a learning curve."""

RISING = 0.25
"""Curves still rise if their gain at the end exceeds this share of the noise of one training."""

MIN_EPOCHS = 5
"""Nothing is concluded from shorter learning curves."""

QUARTILES = [0.25, 0.75]

TRAIN, VALIDATION = "train_dice_coefficient", "val_dice_coefficient"


def better_half(sweep: CompletedSweep) -> list[TrialResult]:
    """Return the finished trials above the median, best first."""
    order = sorted(sweep.finished, key=lambda t: -sign(sweep.goal) * _value(t))
    return order[: max(1, math.ceil(len(order) / 2))]


def dice_pair(sweep: CompletedSweep, trial: TrialResult) -> tuple[float, float] | None:
    """Return the Dice on training and on validation images; None unless both are known."""
    outcomes = {**trial.outcomes, sweep.metric: trial.value}
    train, validation = outcomes.get(TRAIN), outcomes.get(VALIDATION)
    return None if train is None or validation is None else (train, validation)


def overfitting(sweep: CompletedSweep) -> Finding | None:
    """Report how far training Dice lies above validation Dice; None if that is not known."""
    pairs = [pair for t in better_half(sweep) if (pair := dice_pair(sweep, t))]
    if not pairs:
        return None
    gaps = np.array([train - validation for train, validation in pairs])
    median, best = float(np.median(gaps)), float(gaps[0])
    low, high = (float(q) for q in np.quantile(gaps, QUARTILES))
    sentence = (
        f"In the better half of the trials the training Dice is {format_metric(abs(median))} "
        f"{'above' if median >= 0 else 'below'} the validation Dice (median of the differences; "
        f"quartiles {format_interval(low, high)}; best trial {format_metric(best)}). "
    )
    sentence += (
        "This is overfitting; more data, augmentation, dropout or l2_reg reduce it."
        if median > OVERFITTING
        else "Overfitting is small."
    )
    confidence: Confidence = "high" if len(pairs) >= 5 else "likely"
    return Finding("overfitting", "Overfitting", sentence, confidence, median, (low, high), "gap")


@dataclass(frozen=True)
class CurveSummary:
    """The learning curves of the better trials.

    Attributes:
        epochs: The length of the longest.
        gains: What each of them gains in its last epochs (LAST), in the metric's units.
        step_change: Median absolute change from one epoch to the next.
        rise_time: Share (0 to 1) of the epochs after which 95 % of the rise is done, median.
        noise_sd: The noise of one training (sd).
    """

    epochs: int
    gains: np.ndarray
    step_change: float
    rise_time: float
    noise_sd: float

    @property
    def gain(self) -> float:
        return float(np.median(self.gains))

    @property
    def is_conclusive(self) -> bool:
        return self.epochs >= MIN_EPOCHS

    @property
    def is_unstable(self) -> bool:
        return self.step_change > 3 * self.noise_sd

    @property
    def is_rising(self) -> bool:
        return self.is_conclusive and self.gain > RISING * self.noise_sd

    @property
    def is_saturated(self) -> bool:
        return (
            self.is_conclusive
            and not self.is_rising
            and not self.is_unstable
            and self.rise_time <= 0.5
        )

    @property
    def epochs_factor(self) -> float:
        """The recommended number of epochs, as a multiple of the present one."""
        return 1.5 if self.is_rising else 0.6 if self.is_saturated else 1.0


def summarise_curves(sweep: CompletedSweep, noise_sd: float) -> CurveSummary | None:
    """Summarise the curves of the better trials; None where no history is known."""
    known = [t for t in better_half(sweep) if len(t.history) >= 3]
    if not known:
        return None
    gains, changes, times = [], [], []
    for trial in known:
        values = sign(sweep.goal) * np.array(trial.history)
        best_so_far = np.maximum.accumulate(values)
        last = max(1, round(LAST * len(values)))
        gains.append(best_so_far[-1] - best_so_far[-1 - last])
        changes.append(np.abs(np.diff(values[len(values) // 2 :])).mean())
        reached = best_so_far >= best_so_far[-1] - 0.05 * (best_so_far[-1] - best_so_far[0])
        times.append((int(reached.argmax()) + 1) / len(values))
    epochs = max(len(t.history) for t in known)
    return CurveSummary(
        epochs, np.array(gains), float(np.median(changes)), float(np.median(times)), noise_sd
    )


def learning_curves(sweep: CompletedSweep, noise_sd: float) -> Finding | None:
    """Report whether the better trials still rise at their end; None without a history."""
    summary = summarise_curves(sweep, noise_sd)
    if summary is None:
        return None
    if not summary.is_conclusive:
        conclusion = f"{summary.epochs} epochs are too few for a conclusion."
    elif summary.is_rising:
        conclusion = "They still rise: more epochs would help."
    elif summary.is_saturated:
        conclusion = (
            "They are saturated: 95 % of the rise is done after "
            f"{format_percent(summary.rise_time)} of the epochs."
        )
    else:
        conclusion = "They are level at their end."
    unstable = ", which is unstable" if summary.is_unstable else ""
    sentence = (
        f"In the last {format_percent(LAST)} of {summary.epochs} epochs the better trials gain "
        f"{format_metric(summary.gain)} (median). {conclusion} From one epoch to the next they "
        f"change by {format_metric(summary.step_change)}{unstable}."
    )
    low, high = (float(q) for q in np.quantile(summary.gains, QUARTILES))
    confidence: Confidence = "high" if len(summary.gains) >= 5 else "likely"
    if not summary.is_conclusive:
        confidence = "inconclusive"
    return Finding(
        "curves", "Learning curves", sentence, confidence, summary.gain, (low, high), "curves"
    )


def mixed_precision(effect: Finding | None) -> Finding:
    """Report the effect of mixed precision, from its main effect where it was searched."""
    topic = "Mixed precision"
    if effect is not None:
        return replace(effect, id="mixed precision", topic=topic, plot=None)
    sentence = "Mixed precision was not searched, so its effect is not known."
    return Finding("mixed precision", topic, sentence, "inconclusive")


def failures(sweep: CompletedSweep) -> Finding:
    """Report how many trials failed, in which way, and in which part of the space."""
    topic = "Failures"
    trained = [t for t in sweep.trials if t.status in ("finished", "pruned")]
    failed = [t for t in sweep.trials if t.status not in ("finished", "pruned")]
    if not failed:
        return Finding("failures", topic, "No trial failed.", "high", 0.0)
    counts = Counter(t.status.replace("_", " ") for t in failed)
    listed = ", ".join(f"{count} {status}" for status, count in counts.items())
    regions = [r for name in sweep.varied if (r := _region_of_failures(failed, trained, name))]
    sentence = f"{len(failed)} of {len(sweep.trials)} trials failed: {listed}."
    has_region = bool(regions) and len(failed) > 1
    if has_region:
        sentence += f" All of them had {' and '.join(regions)}."
    confidence: Confidence = "high" if has_region else "likely"
    return Finding("failures", topic, sentence, confidence, len(failed) / len(sweep.trials))


def pruning(sweep: CompletedSweep) -> Finding | None:
    """Report the epochs that pruning saved; None where no trial was pruned."""
    pruned = [t for t in sweep.trials if t.status == "pruned" and t.history]
    if not pruned:
        return None
    epochs = max((len(t.history) for t in sweep.finished), default=0)
    planned = epochs * (len(pruned) + len(sweep.finished))
    saved = sum(max(0, epochs - len(t.history)) for t in pruned)
    if not planned:
        return None
    sentence = (
        f"{len(pruned)} trials were pruned, which saved {saved} of {planned} epochs "
        f"({format_percent(saved / planned)})."
    )
    return Finding("pruning", "Pruning", sentence, "high", saved / planned, plot="curves")


def _region_of_failures(
    failed: list[TrialResult], others: list[TrialResult], name: str
) -> str | None:
    """Return the range of a parameter that has all failed trials and few others, else None."""

    def numbers(trials: list[TrialResult]) -> list[float]:
        values = [t.parameters.get(name) for t in trials]
        return [float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)]

    bad, good = numbers(failed), numbers(others)
    if len(bad) < len(failed) or not good:
        return None
    above = float(np.mean([v >= min(bad) for v in good]))
    below = float(np.mean([v <= max(bad) for v in good]))
    if above <= 0.1:
        return f"{name} ≥ {format_value(min(bad))}"
    if below <= 0.1:
        return f"{name} ≤ {format_value(max(bad))}"
    return None


def _value(trial: TrialResult) -> float:
    assert trial.value is not None
    return trial.value
