"""The training value of the metric is found by its name, and compared in the metric's direction."""

import pytest

from segsweep.analysis.completed_sweep import CompletedSweep
from segsweep.analysis.overfitting import overfitting
from segsweep.analysis.training_metric import MetricPair, find_pair
from segsweep.config.objective import Goal
from segsweep.search.trial_result import TrialResult


def completed(
    metric: str, *others: str, gap: float = 0.1, goal: Goal = "maximize", value: float = 0.7
) -> CompletedSweep:
    """Return 12 trials with a metric, and each of `others` above it by `gap`."""
    trials = [
        TrialResult({}, value - 0.01 * i, outcomes=dict.fromkeys(others, value - 0.01 * i + gap))
        for i in range(12)
    ]
    return CompletedSweep("a table", {}, metric, goal, trials)


@pytest.mark.parametrize(
    ("metric", "training"),
    [
        ("val_dice_coefficient", "dice_coefficient"),  # Keras
        ("val_dice_coefficient", "train_dice_coefficient"),
        ("val_dice", "train_dice_epoch"),  # Lightning
        ("val/dice", "train/dice"),
        ("val/dice_epoch", "train/dice_epoch"),
        ("dice_val", "dice_train"),
        ("Validation Dice", "Train Dice"),
        ("validation_dice", "training_dice"),
        ("valDice", "trainDice"),
        ("eval/dice", "train/dice"),
        ("dice", "train_dice"),
        ("val_dice.max", "train_dice.max"),
        ("valid_iou", "train_iou"),
        ("test_dice", "train_dice"),
    ],
)
def test_the_training_value_is_found_by_name(metric: str, training: str) -> None:
    sweep = completed(metric, "loss", "val_loss", "epoch", "val_iou2", training)
    assert find_pair(sweep) == MetricPair(training, metric)
    finding = overfitting(sweep)
    assert f"{training} is 0.1000 above {metric}" in finding.sentence
    assert "This is overfitting" in finding.sentence
    assert finding.confidence == "high"


def test_an_explicit_training_name_is_preferred_to_a_bare_one() -> None:
    sweep = completed("val_dice", "dice", "train_dice_step", "train_dice_epoch", "train_dice")
    assert find_pair(sweep) == MetricPair("train_dice", "val_dice")


def test_the_optimised_metric_may_be_the_training_value() -> None:
    sweep = completed("train_dice", "val_dice", gap=-0.1)
    assert find_pair(sweep) == MetricPair("train_dice", "val_dice")
    assert "train_dice is 0.1000 above val_dice" in overfitting(sweep).sentence


@pytest.mark.parametrize(
    ("metric", "others", "reason"),
    [
        ("val_dice", ("val_loss", "loss", "train_loss"), "No column has the training value of"),
        ("val_dice", ("train_dice_step",), "No column has the training value of val_dice"),
        ("val_dice.max", ("train_dice",), "No column has the training value of val_dice.max"),
        ("val_dice", ("train_dice", "train/dice"), "2 columns may have the training value of"),
        ("dice", ("iou",), "No column has the training value of dice"),
    ],
)
def test_without_a_training_value_overfitting_is_not_known(
    metric: str, others: tuple[str, ...], reason: str
) -> None:
    finding = overfitting(completed(metric, *others))
    assert finding.confidence == "inconclusive"
    assert finding.sentence.startswith(reason)
    assert finding.sentence.endswith("so overfitting is not known.")


@pytest.mark.parametrize(
    ("metric", "training", "gap", "goal", "value", "direction"),
    [
        ("val_loss", "loss", -0.2, "minimize", 0.7, "0.2000 below"),
        ("val_hausdorff", "train_hausdorff", -9.0, "minimize", 20.0, "9.0000 below"),
        ("val_dice_loss", "dice_loss", -0.2, "minimize", 0.7, "0.2000 below"),
        ("val_dice", "dice", 9.0, "maximize", 70.0, "9.0000 above"),  # in percent
        ("val_accuracy", "accuracy", 0.1, "maximize", 0.7, "0.1000 above"),
    ],
)
def test_other_metrics_are_reported_without_a_limit(
    metric: str, training: str, gap: float, goal: Goal, value: float, direction: str
) -> None:
    finding = overfitting(completed(metric, training, gap=gap, goal=goal, value=value))
    assert f"{training} is {direction} {metric}" in finding.sentence
    assert "whether this is overfitting is not concluded" in finding.sentence
    assert finding.confidence == "inconclusive"


def test_a_small_difference_is_not_overfitting() -> None:
    finding = overfitting(completed("val_dice", "dice", gap=0.01))
    assert "Overfitting is small" in finding.sentence
    assert finding.confidence == "high"


def test_the_own_dice_is_used_where_the_metric_has_no_training_value() -> None:
    trials = [
        TrialResult(
            {},
            0.3,
            outcomes={"val_dice_coefficient": 0.6, "train_dice_coefficient": 0.9},
        )
        for _ in range(12)
    ]
    finding = overfitting(CompletedSweep("results", {}, "val_loss", "minimize", trials))
    assert "train_dice_coefficient is 0.3000 above val_dice_coefficient" in finding.sentence
    assert finding.confidence == "high"
