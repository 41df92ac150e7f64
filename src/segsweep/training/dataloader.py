"""One split of the processed set where training reads it, and the chance that orders it."""

import hashlib
from collections import deque
from collections.abc import Iterator, Sequence

import numpy as np
import torch

from segsweep.core.errors import UserError
from segsweep.data.dataset import ProcessedSet

Batch = tuple[torch.Tensor, torch.Tensor]
"""uint8 images (0 to 255) and masks (0 or 1), (n, 1, height, width), on the device."""

RESIDENT = 0.25
"""A split lives on the device when it takes at most this share of its memory."""


def is_resident(images: int, height: int, width: int, memory: int) -> bool:
    """Whether so many images and masks live on a device of `memory` bytes."""
    return 2 * images * height * width <= RESIDENT * memory


def resident_images(splits: Sequence[int], height: int, width: int, memory: int) -> int:
    """How many images live there, of splits of so many."""
    return sum(n for n in splits if is_resident(n, height, width, memory))


class Split:
    """One split: on the device where it fits, else memory-mapped, batches being sent ahead.

    `memory` is the device's, in bytes. Raises `UserError` when the split has no images.
    """

    def __init__(
        self, data: ProcessedSet, name: str, seed: int, device: torch.device, memory: int
    ) -> None:
        self.rows = np.array([i for i, split in enumerate(data.splits) if split == name], dtype=int)
        if not len(self.rows):
            raise UserError(f"the processed set has no images in its {name} split")
        self.names = [data.names[i] for i in self.rows]
        self.shape = data.images.shape[1:]
        self.seed, self.device = seed, device
        self.stored = (data.images, data.masks)
        self.resident: Batch | None = None
        height, width = self.shape
        if is_resident(len(self), height, width, memory):
            images, masks = self._read(torch.arange(len(self)))
            self.resident = images.to(device), masks.to(device)

    def __len__(self) -> int:
        return len(self.rows)

    def steps(self, epoch: int, batch_size: int, count: int | None) -> list[torch.Tensor]:
        """The images of each step of an epoch (from 1), as int64 places in the split.

        An epoch is one pass, whose last batch may be smaller; or, with `count`, so many steps of an
        endless row of passes.
        """
        if count is None:
            return list(self._pass(epoch).split(batch_size))
        first, last = (done * count * batch_size for done in (epoch - 1, epoch))
        passes = range(first // len(self), -(-last // len(self)))
        row = torch.cat([self._pass(1 + number) for number in passes])
        start = first - passes.start * len(self)
        return list(row[start : start + last - first].split(batch_size))

    def in_order(self, size: int) -> Iterator[Batch]:
        """All images, `size` at a time."""
        return self.batches(torch.arange(len(self)).split(size))

    def batches(self, steps: Sequence[torch.Tensor]) -> Iterator[Batch]:
        """The images of each of `steps`."""
        if self.resident is not None:
            images, masks = self.resident
            for index in torch.cat(list(steps)).to(self.device).split([len(s) for s in steps]):
                yield images[index], masks[index]
            return
        ahead: deque[Batch] = deque()
        for index in steps:
            ahead.append(self._sent(index))
            if len(ahead) == 2:
                yield ahead.popleft()
        yield from ahead

    def _pass(self, number: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(derive(self.seed, number, "order"))
        return torch.randperm(len(self), generator=generator)

    def _read(self, index: torch.Tensor) -> Batch:
        images, masks = (
            torch.from_numpy(array[self.rows[index.numpy()]])[:, None] for array in self.stored
        )
        return images, masks

    def _sent(self, index: torch.Tensor) -> Batch:
        images, masks = self._read(index)
        if self.device.type == "cuda":
            images, masks = images.pin_memory(), masks.pin_memory()
        return (
            images.to(self.device, non_blocking=True),
            masks.to(self.device, non_blocking=True),
        )


def derive(seed: int, epoch: int, purpose: str) -> int:
    """A seed of its own (63 bits) for each use of chance in each epoch."""
    digest = hashlib.sha256(f"{seed} {epoch} {purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
