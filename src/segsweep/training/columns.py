"""What a training tells of each epoch and of each validation image, and the files of its model."""

from collections.abc import Mapping, Sequence

HISTORY = (
    "epoch",
    "train_loss",
    "val_loss",
    "val_dice_coefficient",
    "val_dice_pooled",
    "val_dice_soft",
    "val_iou",
)
"""Columns of `history.csv`: losses with their L2 term left out, Dice and IoU in 0 to 1."""

SCORES = HISTORY[2:]
"""Those of the validation split, which `metrics.json` repeats for the best epoch."""

MEASURES = ("effective_batch_size", "steps_per_epoch", "float32_since", "parameters")
"""What `metrics.json` tells of the training itself; `float32_since` is an epoch, or null."""

IMAGES = ("name", "true_positives", "false_positives", "false_negatives", "dice")
"""Columns of `images.csv`: pixels, and Dice in 0 to 1, under the best epoch's weights."""

MODEL, WEIGHTS = "model.json", "model.safetensors"
"""The best epoch's weights, and all else that a prediction needs."""


def best_epoch(history: Sequence[Mapping[str, float]]) -> int:
    """The first epoch (from 1) with the highest validation Dice."""
    scores = [row["val_dice_coefficient"] for row in history]
    return scores.index(max(scores)) + 1
