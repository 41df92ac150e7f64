"""The losses that a study can choose, computed from logits in float32, one value per image.

To add one, write a function with the signature `Loss`, add it to `LOSSES`, and add its name to
`Training.loss` in config/sections.py.
"""

from collections.abc import Callable

import torch
from torch.nn import functional

from segsweep.training.metrics import soft_dice

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""From logits (n, ...) and float masks of the same shape, 0 or 1, to float32 losses (n,)."""


def bce(logits: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Return the binary cross-entropy, the mean over the pixels of each image.

    Summed in float32, as a sum over 65,536 pixels overflows float16.
    """
    loss = functional.binary_cross_entropy_with_logits(logits.float(), truth, reduction="none")
    return loss.flatten(1).mean(1)


def dice_loss(logits: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Return 1 - soft Dice of each image, in 0 to 1."""
    return 1 - soft_dice(logits.float().sigmoid(), truth)


def bce_dice(logits: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Return the sum of `bce` and `dice_loss`."""
    return bce(logits, truth) + dice_loss(logits, truth)


LOSSES: dict[str, Loss] = {"bce": bce, "dice": dice_loss, "bce_dice": bce_dice}
"""Losses by their names in the study (`loss`)."""
