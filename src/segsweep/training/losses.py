"""The losses that a study can choose: of logits and masks, in float32, one value per image."""

from collections.abc import Callable

import torch
from torch.nn import functional

from segsweep.training.metrics import soft_dice

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def bce(logits: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Binary cross-entropy of logits (n, ...) and float masks, the mean over pixels (n,).

    Summed in float32, as a sum over 65,536 pixels overflows float16.
    """
    each = functional.binary_cross_entropy_with_logits(logits.float(), truth, reduction="none")
    return each.flatten(1).mean(1)


def dice_loss(logits: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """1 - soft Dice (n,), in 0 to 1."""
    return 1 - soft_dice(logits.float().sigmoid(), truth)


def bce_dice(logits: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """The sum of both (n,)."""
    return bce(logits, truth) + dice_loss(logits, truth)


LOSSES: dict[str, Loss] = {"bce": bce, "dice": dice_loss, "bce_dice": bce_dice}
"""By the study's names for them."""
