"""Random flips, quarter turns and changes of contrast and brightness, batched on the device."""

from dataclasses import dataclass

import torch

CONTRAST = 0.2
"""At strength 1, contrast is multiplied by 1 - CONTRAST to 1 + CONTRAST."""
BRIGHTNESS = 0.1
"""At strength 1, brightness changes by up to this share of the range of grey values."""


@dataclass(frozen=True)
class AugmentationParams:
    """The augmentation of each of n images.

    Attributes:
        symmetry: int64 (n,), a row of the table of `symmetries`; 0 leaves the image as it is.
        gain: float32 (n,), factor of the grey values.
        shift: float32 (n,), added to the grey values in 0 to 1.
    """

    symmetry: torch.Tensor
    gain: torch.Tensor
    shift: torch.Tensor

    def split(self, size: int) -> list["AugmentationParams"]:
        """Split into batches of `size` images; the last may be smaller."""
        parts = (tensor.split(size) for tensor in vars(self).values())
        return [AugmentationParams(*part) for part in zip(*parts, strict=True)]

    def to(self, device: torch.device) -> "AugmentationParams":
        """Copy to a device without waiting for it."""
        tensors = (tensor.to(device, non_blocking=True) for tensor in vars(self).values())
        return AugmentationParams(*tensors)


def draw_params(
    n: int, square: bool, strength: float, generator: torch.Generator
) -> AugmentationParams:
    """Draw the augmentation of `n` images on the CPU.

    Args:
        n: Number of images.
        square: Whether the images are square; others are not turned by a quarter.
        strength: 0 or more. Contrast and brightness change in proportion to it. Up to 1 it is also
            the probability that an image is flipped or turned at all.
        generator: The only source of randomness.
    """
    symmetry = torch.randint(8 if square else 4, (n,), generator=generator)
    moved = torch.rand(n, generator=generator) < strength
    gain = 1 + strength * CONTRAST * (2 * torch.rand(n, generator=generator) - 1)
    shift = strength * BRIGHTNESS * (2 * torch.rand(n, generator=generator) - 1)
    return AugmentationParams(symmetry * moved, gain, shift)


def augment(
    images: torch.Tensor, masks: torch.Tensor, params: AugmentationParams, symmetries: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Augment a batch; all tensors are on one device.

    Args:
        images: uint8 (n, 1, height, width), 0 to 255.
        masks: uint8 of the same shape: 0, 1 or IGNORED.
        params: The augmentation of each image.
        symmetries: The table that `symmetries` returns for this height and width.

    Returns:
        float32 images, in 0 to 1 before contrast and brightness change, and float32 masks with the
        values of `masks`.
    """
    sources = symmetries[params.symmetry][:, None]
    images, masks = (t.flatten(2).gather(2, sources).view(t.shape) for t in (images, masks))
    gain, shift = (v[:, None, None, None] for v in (params.gain, params.shift))
    return images.float() * (gain / 255) + shift, masks.float()


def symmetries(height: int, width: int, device: torch.device) -> torch.Tensor:
    """Return the symmetries of a rectangle as tables of source pixels.

    Returns:
        int64 (8, height * width) for a square, else (4, height * width): for each symmetry, the
        index of the pixel that each pixel is taken from. The first symmetry changes nothing.
    """
    pixels = torch.arange(height * width, device=device).view(height, width)
    step = 1 if height == width else 2
    turned = [torch.rot90(pixels, turns) for turns in range(0, 4, step)]
    return torch.stack([t.flatten() for turn in turned for t in (turn, turn.flip(-1))])
