"""Findings about the trainings: learning curves, precision, failures and pruning."""

import math
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from segsweep.analysis.completed_sweep import CompletedSweep
from segsweep.analysis.finding import (
    LIKELY,
    Confidence,
    Finding,
    confidence_of,
    probability_of_most,
)
from segsweep.analysis.permutation_test import SIGNIFICANCE_LEVEL
from segsweep.config.objective import sign
from segsweep.core.formatting import format_metric, format_percent, format_value
from segsweep.search.trial_result import TrialResult

LAST = 0.2
"""Share of the epochs that counts as the end of a learning curve."""

RISING = 0.25
"""Curves still rise if their gain at the end exceeds this share of the noise of one training."""

MIN_EPOCHS = 5
"""Nothing is concluded from shorter learning curves."""

QUARTILES = [0.25, 0.75]


def better_half(sweep: CompletedSweep) -> list[TrialResult]:
    """Return the finished trials above the median, best first."""
    order = sorted(sweep.finished, key=lambda t: -sign(sweep.goal) * _value(t))
    return order[: max(1, math.ceil(len(order) / 2))]


@dataclass(frozen=True)
class CurveSummary:
    """The learning curves of the better trials.

    Attributes:
        epochs: The length of the longest.
        gains: What each of them gains in its last epochs (LAST), (trials,), in the metric's units.
        rise_times: Share (0 to 1) of the epochs after which 95 % of its rise is done, (trials,).
        step_change: Median absolute change from one epoch to the next.
        noise_sd: The noise of one training (sd).
    """

    epochs: int
    gains: np.ndarray
    rise_times: np.ndarray
    step_change: float
    noise_sd: float

    @property
    def gain(self) -> float:
        return float(np.median(self.gains))

    @property
    def is_unstable(self) -> bool:
        return self.step_change > 3 * self.noise_sd

    @property
    def p_rising(self) -> float:
        """P(most such trials still rise at their end)."""
        return self._p_most(self.gains > RISING * self.noise_sd)

    @property
    def p_saturated(self) -> float:
        """P(most such trials do not, and were at their best in the first half of the epochs)."""
        if self.is_unstable:
            return 0.0
        return self._p_most((self.gains <= RISING * self.noise_sd) & (self.rise_times <= 0.5))

    def _p_most(self, agree: np.ndarray) -> float:
        if self.epochs < MIN_EPOCHS:
            return 0.0
        return probability_of_most(int(agree.sum()), len(agree))

    @property
    def epochs_factor(self) -> float:
        """The recommended number of epochs, as a multiple of the present one."""
        return 1.5 if self.p_rising >= LIKELY else 0.6 if self.p_saturated >= LIKELY else 1.0


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
        epochs, np.array(gains), np.array(times), float(np.median(changes)), noise_sd
    )


def learning_curves(sweep: CompletedSweep, noise_sd: float) -> Finding | None:
    """Report whether the better trials still rise at their end; None without a history."""
    summary = summarise_curves(sweep, noise_sd)
    if summary is None:
        return None
    confidence: Confidence = "inconclusive"
    rising, saturated = summary.p_rising, summary.p_saturated
    if summary.epochs < MIN_EPOCHS:
        conclusion = f"{summary.epochs} epochs are too few for a conclusion."
    elif max(rising, saturated) < LIKELY:
        conclusion = "Whether most such trials still rise or are saturated is inconclusive."
    elif rising > saturated:
        confidence = confidence_of(rising)
        conclusion = (
            f"Most such trials still rise at their end (P = {format_percent(rising)}), so more "
            "epochs may help."
        )
    else:
        confidence = confidence_of(saturated)
        conclusion = (
            f"Most such trials are saturated (P = {format_percent(saturated)}): 95 % of the rise "
            f"is done after {format_percent(float(np.median(summary.rise_times)))} of the epochs."
        )
    unstable = ", which is unstable" if summary.is_unstable else ""
    sentence = (
        f"In the last {format_percent(LAST)} of {summary.epochs} epochs the better trials "
        f"({len(summary.gains)}) gain {format_metric(summary.gain)} (median). {conclusion} From "
        f"one epoch to the next they change by {format_metric(summary.step_change)}{unstable}."
    )
    low, high = (float(q) for q in np.quantile(summary.gains, QUARTILES))
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
    failed = [t for t in sweep.trials if t.status not in ("finished", "pruned")]
    if not failed:
        return Finding("failures", topic, "No trial failed.", "high", 0.0)
    counts = Counter(t.status.replace("_", " ") for t in failed)
    listed = ", ".join(f"{count} {status}" for status, count in counts.items())
    regions = [r for name in sweep.varied if (r := _region_of_failures(sweep, failed, name))]
    sentence = f"{len(failed)} of {len(sweep.trials)} trials failed: {listed}."
    if regions:
        sentence += f" All of them had {' and '.join(regions)}."
    return Finding("failures", topic, sentence, "high", len(failed) / len(sweep.trials))


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


def _region_of_failures(sweep: CompletedSweep, failed: list[TrialResult], name: str) -> str | None:
    """Return the region of a parameter that has all failed trials, and more than by chance.

    The test is exact: of all ways to choose the failed trials at random, the share in which they
    are at the end of the range with as few others, for both ends and all searched parameters
    (Bonferroni). None if that exceeds SIGNIFICANCE_LEVEL.
    """
    others = [t for t in sweep.trials if t.status in ("finished", "pruned")]
    bad, good = _numbers(failed, name), _numbers(others, name)
    if not good or len(bad) < len(failed):
        return None
    above, below = sum(v >= min(bad) for v in good), sum(v <= max(bad) for v in good)
    inside = min(above, below)
    ways = math.comb(len(bad) + inside, inside) / math.comb(len(bad) + len(good), len(good))
    p_value = min(1.0, 2 * len(sweep.varied) * ways)
    if p_value > SIGNIFICANCE_LEVEL:
        return None
    end = f"≥ {format_value(min(bad))}" if above <= below else f"≤ {format_value(max(bad))}"
    return f"{name} {end} ({inside} of the {len(good)} others did; p = {p_value:.2g})"


def _numbers(trials: list[TrialResult], name: str) -> list[float]:
    values = [t.parameters.get(name) for t in trials]
    return [float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)]


def _value(trial: TrialResult) -> float:
    assert trial.value is not None
    return trial.value
