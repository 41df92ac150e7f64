"""Overlap between predicted and true masks: exact counts for scores, soft sums for losses."""

import torch


def counts(predicted: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """True positives, false positives and false negatives of each image.

    Both bool of one shape (n, ...); returns int64 (n, 3), exact at any size.
    """
    if predicted.shape != truth.shape or predicted.dtype != torch.bool or truth.dtype != torch.bool:
        raise ValueError(
            f"found {predicted.dtype} {tuple(predicted.shape)} and {truth.dtype} "
            f"{tuple(truth.shape)}, expected two bool tensors of one shape"
        )
    p, t = predicted.flatten(1), truth.flatten(1)
    hits = (p & t).sum(1)
    return torch.stack([hits, p.sum(1) - hits, t.sum(1) - hits], dim=1)


def dice(count: torch.Tensor) -> torch.Tensor:
    """Dice of each row of `counts`, float64 in 0 to 1; nothing there and nothing found is 1."""
    hits, false_positives, false_negatives = count.double().unbind(-1)
    size = 2 * hits + false_positives + false_negatives
    return torch.where(size == 0, 1.0, 2 * hits / size.clamp(min=1))


def iou(count: torch.Tensor) -> torch.Tensor:
    """Intersection over union of each row of `counts`, float64 in 0 to 1; empty on empty is 1."""
    union = count.double().sum(-1)
    return torch.where(union == 0, 1.0, count[..., 0].double() / union.clamp(min=1))


def soft_dice(probability: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Dice of probabilities (n, ...) in 0 to 1 against float masks, one float32 per image.

    One pixel is added to numerator and denominator (Milletari, Navab, Ahmadi, 3DV 2016, smoothed),
    so that an empty mask has a gradient.
    """
    p, t = probability.float().flatten(1), truth.float().flatten(1)
    return (2 * (p * t).sum(1) + 1) / (p.sum(1) + t.sum(1) + 1)
