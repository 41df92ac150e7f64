"""The finding about overfitting: the training metric compared with the validation metric."""

import numpy as np

from segsweep.analysis.completed_sweep import CompletedSweep
from segsweep.analysis.finding import Confidence, Finding, confidence_of, probability_of_most
from segsweep.analysis.training_findings import QUARTILES, better_half
from segsweep.analysis.training_metric import MetricPair, find_pair, pair_of_values, words
from segsweep.config.objective import sign
from segsweep.core.formatting import format_interval, format_metric, format_percent

OVERFITTING = 0.05
"""A training score further above the validation score than this is reported as overfitting. It is
for measures of overlap from 0 to 1; for other metrics the difference is only reported."""

OVERLAP = frozenset({"dice", "dsc", "iou", "jaccard", "f1"})
"""Words in the names of measures of overlap."""

TOPIC = "Overfitting"


def overfitting(sweep: CompletedSweep) -> Finding:
    """Report how much better the metric is on training than on validation images."""
    pair = find_pair(sweep)
    if isinstance(pair, str):
        sentence = f"{pair}, so overfitting is not known."
        return Finding("overfitting", TOPIC, sentence, "inconclusive")
    values = [v for t in better_half(sweep) if (v := pair_of_values(sweep, t, pair)) is not None]
    if not values:
        sentence = (
            f"No trial of the better half has both {pair.training} and {pair.validation}, so "
            "overfitting is not known."
        )
        return Finding("overfitting", TOPIC, sentence, "inconclusive")
    differences = np.array([training - validation for training, validation in values])
    median = float(np.median(differences))
    low, high = (float(q) for q in np.quantile(differences, QUARTILES))
    name = "trial" if len(values) == 1 else f"{len(values)} trials"
    sentence = (
        f"In the better half of the trials ({name}) {pair.training} is "
        f"{format_metric(abs(median))} {'above' if median >= 0 else 'below'} {pair.validation} "
        f"(median of the differences; quartiles {format_interval(low, high)}; best of them "
        f"{format_metric(float(differences[0]))}). "
    )
    confidence: Confidence = "inconclusive"
    if _is_overlap(pair, values, sign(sweep.goal)):
        conclusion, confidence = _conclusion(differences)
    else:
        conclusion = (
            "The limit of overfitting is known for Dice, IoU and F1 only, so whether this is "
            "overfitting is not concluded."
        )
    return Finding(
        "overfitting", TOPIC, sentence + conclusion, confidence, median, (low, high), "gap"
    )


def _conclusion(differences: np.ndarray) -> tuple[str, Confidence]:
    """Return whether most trials like these exceed OVERFITTING, and the confidence in that."""
    count = len(differences)
    above = int((differences > OVERFITTING).sum())
    is_most = 2 * above > count
    probability = probability_of_most(above if is_most else count - above, count)
    confidence = confidence_of(probability)
    p = f"P = {format_percent(probability)}"
    if confidence == "inconclusive":
        return (
            f"It is above {OVERFITTING} in {above} of them; whether that holds for most such "
            "trials is inconclusive.",
            confidence,
        )
    if is_most:
        return (
            f"This is overfitting: most such trials are more than {OVERFITTING} above ({p}). More "
            "data, augmentation, dropout or l2_reg reduce it.",
            confidence,
        )
    return f"Overfitting is small: at most {OVERFITTING} in most such trials ({p}).", confidence


def _is_overlap(pair: MetricPair, values: list[tuple[float, float]], direction: int) -> bool:
    """Whether the pair is a measure of overlap from 0 to 1, of which more is better."""
    parts = words(pair.validation)
    is_named = not OVERLAP.isdisjoint(parts) and not {"loss", "error"} & set(parts)
    is_own = pair.validation.startswith("val_dice_coefficient")  # whatever the sweep optimises
    return is_named and (is_own or direction > 0) and all(0 <= v <= 1 for v in np.ravel(values))
