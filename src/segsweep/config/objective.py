"""What a sweep optimises: the metrics of a trial and the direction in which each is better."""

from typing import Literal

Goal = Literal["maximize", "minimize"]

METRICS = (
    "val_dice_coefficient",
    "val_dice_pooled",
    "val_dice_soft",
    "val_iou",
    "val_loss",
)
"""What every trial reports for its best epoch, and so what a sweep may optimise."""


def sign(goal: Goal) -> int:
    """Return the factor (1 or -1) that turns values of the metric into values to maximise."""
    return 1 if goal == "maximize" else -1
