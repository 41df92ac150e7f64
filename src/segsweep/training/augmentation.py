"""Random flips, quarter turns and intensity changes, one draw per image, batched on the device."""

from dataclasses import dataclass

import torch

GAIN = 0.2
"""At strength 1 contrast is multiplied by 1 - GAIN to 1 + GAIN."""
SHIFT = 0.1
"""At strength 1 up to this much (of the range 0 to 1) is added to or taken from the brightness."""


@dataclass(frozen=True)
class Draws:
    """What befalls each image: `moves` int64 (n,), a symmetry of the rectangle (0: left as it is);
    `gain` and `shift` float32 (n,)."""

    moves: torch.Tensor
    gain: torch.Tensor
    shift: torch.Tensor

    def split(self, size: int) -> list["Draws"]:
        parts = (tensor.split(size) for tensor in vars(self).values())
        return [Draws(*part) for part in zip(*parts, strict=True)]

    def to(self, device: torch.device) -> "Draws":
        return Draws(*(tensor.to(device, non_blocking=True) for tensor in vars(self).values()))


def draw(n: int, square: bool, strength: float, generator: torch.Generator) -> Draws:
    """Chance for `n` images, all of it from `generator`, on the CPU.

    `strength` (0 or more): intensities change in proportion; up to 1 it is also the share of images
    that are moved at all. Images that are not square are not turned by a quarter.
    """
    moves = torch.randint(8 if square else 4, (n,), generator=generator)
    moved = torch.rand(n, generator=generator) < strength
    gain = 1 + strength * GAIN * (2 * torch.rand(n, generator=generator) - 1)
    shift = strength * SHIFT * (2 * torch.rand(n, generator=generator) - 1)
    return Draws(moves * moved, gain, shift)


def augment(
    images: torch.Tensor, masks: torch.Tensor, draws: Draws, symmetries: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Float images (n, 1, h, w), grey values 0 to 1 before the change, and float masks of 0 and 1.

    From uint8 images (0 to 255) and masks (0 or 1) of that shape; all on one device.
    """
    places = symmetries[draws.moves][:, None]
    images, masks = (t.flatten(2).gather(2, places).view(t.shape) for t in (images, masks))
    gain, shift = (v[:, None, None, None] for v in (draws.gain, draws.shift))
    return images.float() * (gain / 255) + shift, masks.float()


def symmetries(height: int, width: int, device: torch.device) -> torch.Tensor:
    """int64 (8 or 4, height * width): for each symmetry, where each pixel comes from.

    A square has eight, any other rectangle four; the first changes nothing.
    """
    pixels = torch.arange(height * width, device=device).view(height, width)
    step = 1 if height == width else 2
    turned = [torch.rot90(pixels, turn) for turn in range(0, 4, step)]
    return torch.stack([t.flatten() for some in turned for t in (some, some.flip(-1))])
