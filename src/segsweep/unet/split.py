"""One split of the processed set on the device, and the chance that orders it."""

import hashlib

import torch

from segsweep.data.arrays import ProcessedSet
from segsweep.errors import UserError


class Split:
    """One split on the device: uint8 images and masks (n, 1, height, width)."""

    def __init__(self, data: ProcessedSet, name: str, seed: int, device: torch.device) -> None:
        images, masks, self.names = data.split(name)
        if not len(images):
            raise UserError(f"the processed set has no images in its {name} split")
        self.images = torch.from_numpy(images)[:, None].to(device)
        self.masks = torch.from_numpy(masks)[:, None].to(device)
        self.seed = seed

    def __len__(self) -> int:
        return len(self.names)

    def order(self, epoch: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(derive(self.seed, epoch, "order"))
        return torch.randperm(len(self), generator=generator)

    def batch(self, index: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Float images in 0 to 1 and float masks of 0 and 1."""
        index = index.to(self.images.device)
        return self.images[index].float() / 255, self.masks[index].float()


def derive(seed: int, epoch: int, purpose: str) -> int:
    """A seed of its own (63 bits) for each use of chance in each epoch."""
    digest = hashlib.sha256(f"{seed} {epoch} {purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
