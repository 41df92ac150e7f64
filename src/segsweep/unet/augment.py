"""Random flips, quarter turns and intensity changes, one draw per image, batched."""

import torch

GAIN = 0.2
"""Contrast is multiplied by 1 - GAIN to 1 + GAIN."""
SHIFT = 0.1
"""Up to this much (of the range 0 to 1) is added to or taken from the brightness."""


def augment(
    images: torch.Tensor, masks: torch.Tensor, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Augment float images (n, 1, h, w) in 0 to 1 and their masks (same shape), both copied.

    All draws come from `generator` (on the CPU), so a batch is a function of its state. Quarter
    turns are left out for images that are not square.
    """
    n, square = len(images), images.shape[-1] == images.shape[-2]
    turns = torch.randint(4 if square else 1, (n,), generator=generator)
    flips = torch.rand(n, generator=generator) < 0.5
    gain = 1 + GAIN * (2 * torch.rand(n, generator=generator) - 1)
    shift = SHIFT * (2 * torch.rand(n, generator=generator) - 1)
    both = torch.cat([images, masks], dim=1)
    moved = both.clone()
    for turn in range(4 if square else 1):
        for flip in (False, True):
            chosen = ((turns == turn) & (flips == flip)).nonzero().flatten().to(both.device)
            if len(chosen):
                part = torch.rot90(both[chosen], turn, dims=(-2, -1))
                moved[chosen] = part.flip(-1) if flip else part
    gain, shift = (v.to(images.device)[:, None, None, None] for v in (gain, shift))
    return moved[:, :1] * gain + shift, moved[:, 1:].contiguous()
