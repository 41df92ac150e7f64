"""Scores of predicted masks: Dice, IoU, soft Dice, and the best threshold.

Dice and IoU come from exact confusion counts, through `segsweep.core.overlap`.
"""

from dataclasses import dataclass
from typing import Any

import torch

from segsweep.core import overlap
from segsweep.data.dataset import IGNORED

THRESHOLD = 0.5
"""Probability from which a pixel is foreground. The objective is the Dice at this threshold."""

THRESHOLDS = tuple(step / 20 for step in range(1, 20))
"""The thresholds that `choose_threshold` compares: 0.05 to 0.95."""


def counted_pixels(masks: torch.Tensor, has_ignored: bool) -> torch.Tensor | None:
    """Return which pixels of masks (0, 1 or IGNORED) count, as bool of the same shape.

    None if `has_ignored` is False: all of them count.
    """
    return masks != IGNORED if has_ignored else None


def confusion_counts(
    predicted: torch.Tensor, truth: torch.Tensor, counted: torch.Tensor | None = None
) -> torch.Tensor:
    """Count true positives, false positives and false negatives of each image.

    Args:
        predicted: bool (n, ...).
        truth: bool of the same shape.
        counted: The pixels that count, bool of the same shape; None for all.

    Returns:
        int64 (n, 3), in pixels; exact at any size.
    """
    if predicted.shape != truth.shape or predicted.dtype != torch.bool or truth.dtype != torch.bool:
        raise ValueError(
            f"found {predicted.dtype} {tuple(predicted.shape)} and {truth.dtype} "
            f"{tuple(truth.shape)}, expected two bool tensors of one shape"
        )
    if counted is not None:
        predicted, truth = predicted & counted, truth & counted
    p, t = predicted.flatten(1), truth.flatten(1)
    hits = (p & t).sum(1)
    return torch.stack([hits, p.sum(1) - hits, t.sum(1) - hits], dim=1)


def dice(counts: torch.Tensor) -> torch.Tensor:
    """Return the Dice of confusion counts (..., 3) as float64 (...); 1 for two empty masks."""
    return overlap.dice(counts.double())


def iou(counts: torch.Tensor) -> torch.Tensor:
    """Return the IoU of confusion counts (..., 3) as float64 (...); 1 for two empty masks."""
    return overlap.iou(counts.double())


def soft_dice(
    probability: torch.Tensor, truth: torch.Tensor, counted: torch.Tensor | None = None
) -> torch.Tensor:
    """Return the Dice of probabilities against masks.

    One pixel is added to numerator and denominator (Milletari, Navab, Ahmadi, 3DV 2016, smoothed),
    so that an empty mask has a gradient.

    Args:
        probability: (n, ...), 0 to 1.
        truth: The same shape, 0 or 1.
        counted: The pixels that count, bool of the same shape; None for all. `truth` may have any
            value in the others.

    Returns:
        float32 (n,), in 0 to 1; 1 for an image without counted pixels.
    """
    p, t = probability.float().flatten(1), truth.float().flatten(1)
    if counted is not None:
        p, t = (values.masked_fill(~counted.flatten(1), 0) for values in (p, t))
    return (2 * (p * t).sum(1) + 1) / (p.sum(1) + t.sum(1) + 1)


@dataclass
class Evaluation:
    """The evaluation of the n images of a split.

    Attributes:
        counts: Confusion counts, int64 (n, 3).
        loss: float (n,), without L2 term.
        soft_dice: float (n,).
        predicted: Masks, bool (n, height, width), or None if they were not kept.
    """

    counts: torch.Tensor
    loss: torch.Tensor
    soft_dice: torch.Tensor
    predicted: torch.Tensor | None = None

    def scores(self) -> dict[str, float]:
        """Return the means over images, and the Dice of all pixels pooled."""
        return {
            "loss": float(self.loss.double().mean()),
            "dice_coefficient": float(dice(self.counts).mean()),
            "dice_pooled": float(dice(self.counts.sum(0))),
            "dice_soft": float(self.soft_dice.double().mean()),
            "iou": float(iou(self.counts).mean()),
        }

    def per_image(self, names: list[str]) -> list[dict[str, Any]]:
        """Return a row of `images.csv` for each image."""
        columns = zip(names, self.counts.tolist(), dice(self.counts).tolist(), strict=True)
        return [
            {
                "name": name,
                "true_positives": true_positives,
                "false_positives": false_positives,
                "false_negatives": false_negatives,
                "dice": score,
            }
            for name, (true_positives, false_positives, false_negatives), score in columns
        ]


def choose_threshold(counts: torch.Tensor) -> dict[str, float]:
    """Return the threshold with the highest mean Dice, with that Dice and the Dice at 0.5.

    A Dice at a threshold that was chosen on the same images is biased upwards, so it is reported
    next to the Dice at 0.5 and never replaces it. Among equal thresholds the nearest to 0.5 is
    chosen, of two at the same distance the lower.

    Args:
        counts: Confusion counts of n images at each of THRESHOLDS, int64 (thresholds, n, 3).
    """
    mean_dice = dict(zip(THRESHOLDS, dice(counts).mean(1).tolist(), strict=True))
    chosen = max(THRESHOLDS, key=lambda t: (mean_dice[t], -abs(t - THRESHOLD)))
    return {
        "chosen": chosen,
        "val_dice_coefficient": mean_dice[chosen],
        "val_dice_coefficient_at_half": mean_dice[THRESHOLD],
    }
