"""Find the training value that belongs to a validation metric, by the names of both.

Programs name the two in different ways: `val_dice` and `dice` (Keras), `val_dice` and `train_dice`,
`val/dice` and `train/dice_epoch` (Lightning), `Validation Dice` and `Train Dice`. The names are
compared word by word, without the word that says which images a value is from.
"""

from collections.abc import Iterable
from typing import NamedTuple

from segsweep.analysis.completed_sweep import CompletedSweep
from segsweep.config.metric_names import TRAINING_WORDS, words
from segsweep.search.trial_result import TrialResult

VALIDATION_WORDS = frozenset({"val", "valid", "validation", "dev", "eval", "test"})

OWN_PAIR = ("train_dice_coefficient", "val_dice_coefficient")
"""Training and validation Dice of this project, used where the metric itself has no such pair."""


class MetricPair(NamedTuple):
    """The names of the same metric on training and on validation images."""

    training: str
    validation: str


def find_pair(sweep: CompletedSweep) -> MetricPair | str:
    """Return the training and the validation metric, or a sentence that says why there is none."""
    names = dict.fromkeys(name for trial in sweep.finished for name in trial.outcomes)
    others = [name for name in names if name != sweep.metric]
    found = _pair_of(sweep.metric, others)
    if isinstance(found, str) and set(OWN_PAIR) <= {*names, sweep.metric}:
        return MetricPair(*OWN_PAIR)
    return found


def pair_of_values(
    sweep: CompletedSweep, trial: TrialResult, pair: MetricPair
) -> tuple[float, float] | None:
    """Return a trial's values on training and validation images; None unless both are known."""
    values = {**trial.outcomes, sweep.metric: trial.value}
    training, validation = values.get(pair.training), values.get(pair.validation)
    return None if training is None or validation is None else (training, validation)


def _pair_of(metric: str, others: Iterable[str]) -> MetricPair | str:
    """Return the pair that `metric` belongs to, or a sentence that says why there is none."""
    if TRAINING_WORDS.isdisjoint(words(metric)):
        found = _counterpart(metric, others, TRAINING_WORDS)
        if found is None and not VALIDATION_WORDS.isdisjoint(words(metric)):
            found = _counterpart(metric, others, frozenset())
        kind = "training"
    else:
        found, kind = _counterpart(metric, others, VALIDATION_WORDS), "validation"
    if found is None:
        return f"No column has the {kind} value of {metric}"
    if len(found) > 1:
        listed = ", ".join(found)
        return f"{len(found)} columns may have the {kind} value of {metric} ({listed})"
    return MetricPair(found[0], metric) if kind == "training" else MetricPair(metric, found[0])


def _counterpart(metric: str, others: Iterable[str], marks: frozenset[str]) -> list[str] | None:
    """Return the names that differ from `metric` only in the word for the images.

    Args:
        metric: The metric.
        others: The names among which to look.
        marks: Words for the images, of which a name has one; empty for names without such a word.
    """
    plain = _without_images(words(metric))
    found = []
    for name in others:
        parts = words(name)
        is_marked = not marks.isdisjoint(parts)
        has_any = not (TRAINING_WORDS | VALIDATION_WORDS).isdisjoint(parts)
        if (is_marked if marks else not has_any) and _without_images(parts) == plain:
            found.append(name)
    exact = [name for name in found if "epoch" not in words(name)]
    return exact or found or None


def _without_images(parts: Iterable[str]) -> list[str]:
    """Drop the words for the images, and Lightning's ending for the mean of an epoch."""
    return [word for word in parts if word not in TRAINING_WORDS | VALIDATION_WORDS | {"epoch"}]
