"""Dice and IoU of binary masks from confusion counts: the one implementation of the project.

`dice` and `iou` take NumPy arrays and PyTorch tensors alike and give the same bits for both. Two
empty masks agree perfectly, so their score is 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    import torch

Array = TypeVar("Array", np.ndarray, "torch.Tensor")


def dice(counts: Array) -> Array:
    """Return the Dice coefficient, 2 TP / (2 TP + FP + FN), of each row of counts.

    Args:
        counts: float64 of shape (..., 3): true positives, false positives and false negatives, in
            pixels.

    Returns:
        float64 of shape (...), in 0 to 1.
    """
    hits = 2 * counts[..., 0]
    return _ratio(hits, hits + counts[..., 1] + counts[..., 2])


def iou(counts: Array) -> Array:
    """Return the intersection over union, TP / (TP + FP + FN); shapes as for `dice`."""
    return _ratio(counts[..., 0], counts[..., 0] + counts[..., 1] + counts[..., 2])


def confusion_counts(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Count the pixels of two stacks of masks.

    Args:
        predicted: bool of shape (..., height, width).
        truth: The same shape and type.

    Returns:
        float64 of shape (..., 3): true positives, false positives and false negatives.
    """
    if predicted.shape != truth.shape or predicted.dtype != bool or truth.dtype != bool:
        raise ValueError(
            f"found {predicted.dtype} {predicted.shape} and {truth.dtype} {truth.shape}, "
            "expected two bool arrays of one shape"
        )
    hits = (predicted & truth).sum((-2, -1))
    wrong, missed = predicted.sum((-2, -1)) - hits, truth.sum((-2, -1)) - hits
    return np.stack([hits, wrong, missed], axis=-1).astype(np.float64)


def _ratio(part: Array, whole: Array) -> Array:
    """Return `part` / `whole`, and 1 where `whole` is 0."""
    empty = whole == 0
    return (part + empty) / (whole + empty)
