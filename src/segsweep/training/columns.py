"""Columns, keys and names of the files that a training writes."""

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
"""Columns of `history.csv`. Losses are without the L2 term; Dice and IoU are in 0 to 1."""

SCORES = HISTORY[2:]
"""The validation scores, which `metrics.json` repeats for the best epoch."""

TRAINING_INFO = ("effective_batch_size", "steps_per_epoch", "float32_since", "parameters")
"""Keys of `metrics.json` that describe the training; `float32_since` is an epoch or null."""

IMAGES = ("name", "true_positives", "false_positives", "false_negatives", "dice")
"""Columns of `images.csv`: pixels, and Dice in 0 to 1, with the weights of the best epoch."""

MODEL, WEIGHTS = "model.json", "model.safetensors"
"""The weights of the best epoch, and everything else that a prediction needs."""


def best_epoch(history: Sequence[Mapping[str, float]]) -> int:
    """Return the first epoch (from 1) with the highest validation Dice."""
    scores = [row["val_dice_coefficient"] for row in history]
    return scores.index(max(scores)) + 1
