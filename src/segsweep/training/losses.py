"""The losses that a study can choose, computed from logits in float32, one value per image.

Ignored pixels have no effect on a loss, and its gradient is zero there. The loss of an image
without counted pixels is 0.

To add one, write a function with the signature `Loss`, add it to `LOSSES`, and add its name to
`Training.loss` in config/sections.py.
"""

from typing import Protocol

import torch
from torch.nn import functional

from segsweep.training.metrics import soft_dice


class Loss(Protocol):
    """A loss of each image."""

    def __call__(
        self, logits: torch.Tensor, truth: torch.Tensor, counted: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Return float32 (n,).

        Args:
            logits: (n, ...).
            truth: float of the same shape, 0 or 1; any value where a pixel does not count.
            counted: The pixels that count, bool of the same shape; None for all.
        """


def bce(
    logits: torch.Tensor, truth: torch.Tensor, counted: torch.Tensor | None = None
) -> torch.Tensor:
    """Return the binary cross-entropy, the mean over the counted pixels of each image.

    Summed in float32, as a sum over 65,536 pixels overflows float16.
    """
    loss = functional.binary_cross_entropy_with_logits(logits.float(), truth, reduction="none")
    if counted is None:
        return loss.flatten(1).mean(1)
    pixels = counted.flatten(1).sum(1).clamp(min=1)
    return loss.masked_fill(~counted, 0).flatten(1).sum(1) / pixels


def dice_loss(
    logits: torch.Tensor, truth: torch.Tensor, counted: torch.Tensor | None = None
) -> torch.Tensor:
    """Return 1 - soft Dice of each image, in 0 to 1."""
    return 1 - soft_dice(logits.float().sigmoid(), truth, counted)


def bce_dice(
    logits: torch.Tensor, truth: torch.Tensor, counted: torch.Tensor | None = None
) -> torch.Tensor:
    """Return the sum of `bce` and `dice_loss`."""
    return bce(logits, truth, counted) + dice_loss(logits, truth, counted)


LOSSES: dict[str, Loss] = {"bce": bce, "dice": dice_loss, "bce_dice": bce_dice}
"""Losses by their names in the study (`loss`)."""
