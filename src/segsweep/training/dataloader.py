"""Batches of one split of the processed set, in an order that follows from the seed."""

import hashlib
from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch

from segsweep.core.errors import UserError
from segsweep.data.dataset import ProcessedSet
from segsweep.training.device import fits_on_device


class Batch(NamedTuple):
    """Images and masks on the device.

    Attributes:
        images: uint8 (n, 1, height, width), 0 to 255.
        masks: uint8 of the same shape: 0, 1 or IGNORED.
        has_ignored: Whether the split has any ignored pixel. It is known without asking the device,
            so that without such pixels a step does no more work, and no step waits.
    """

    images: torch.Tensor
    masks: torch.Tensor
    has_ignored: bool


class SplitLoader:
    """Loads batches of one split.

    A split that takes little of the device's memory is copied there once. Of a larger one, batches
    are read from the memory-mapped arrays and copied one step ahead.

    Args:
        data: The processed set.
        name: train, validation or test.
        seed: The seed of the training; it decides the order of the images.
        device: Where batches are needed.
        memory: The memory of the device in bytes.

    Raises:
        UserError: The split has no images. Reading a batch raises it too: see `ProcessedSet.read`.
    """

    def __init__(
        self, data: ProcessedSet, name: str, seed: int, device: torch.device, memory: int
    ) -> None:
        self.rows = np.array([i for i, split in enumerate(data.splits) if split == name], dtype=int)
        if not len(self.rows):
            raise UserError(
                f"found no images in the {name} split of the processed set, expected at least one; "
                "add images, or raise preprocess.validation_fraction in the study"
            )
        self.names = [data.names[i] for i in self.rows]
        self.shape = data.images.shape[1:]
        self.seed, self.device = seed, device
        self.data = data
        self.has_ignored = data.has_ignored(self.rows)
        self.on_device: Batch | None = None
        height, width = self.shape
        if fits_on_device(len(self), height, width, memory):
            images, masks = self._read(torch.arange(len(self)))
            self.on_device = self._batch(images.to(device), masks.to(device))

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.rows)

    def batch_indices(
        self, epoch: int, batch_size: int, steps: int | None = None
    ) -> list[torch.Tensor]:
        """Return the images of each step of an epoch.

        Args:
            epoch: The epoch, from 1.
            batch_size: Images per step.
            steps: Steps per epoch. None for one pass over the split, whose last batch may be
                smaller. Else epochs continue in an endless sequence of passes.

        Returns:
            For each step the positions of its images in the split, int64 (batch size,).
        """
        if steps is None:
            return list(self._permutation(epoch).split(batch_size))
        first, last = (done * steps * batch_size for done in (epoch - 1, epoch))
        passes = range(first // len(self), -(-last // len(self)))
        order = torch.cat([self._permutation(1 + number) for number in passes])
        start = first - passes.start * len(self)
        return list(order[start : start + last - first].split(batch_size))

    def sequential_batches(self, batch_size: int) -> Iterator[Batch]:
        """Yield all images in the order of the split."""
        return self.batches(torch.arange(len(self)).split(batch_size))

    def batches(self, indices: Sequence[torch.Tensor]) -> Iterator[Batch]:
        """Yield the batch of each of `indices`, as `batch_indices` returns them."""
        if self.on_device is not None:
            images, masks, _ = self.on_device
            for index in torch.cat(list(indices)).to(self.device).split([len(i) for i in indices]):
                yield self._batch(images[index], masks[index])
            return
        self.data.check_unchanged()
        ahead: deque[Batch] = deque()
        for index in indices:
            ahead.append(self._to_device(index))
            if len(ahead) == 2:
                yield ahead.popleft()
        yield from ahead
        self.data.check_unchanged()

    def _permutation(self, number: int) -> torch.Tensor:
        """Return the order of the images in a pass over the split (from 1)."""
        generator = torch.Generator().manual_seed(derive_seed(self.seed, number, "order"))
        return torch.randperm(len(self), generator=generator)

    def _batch(self, images: torch.Tensor, masks: torch.Tensor) -> Batch:
        return Batch(images, masks, self.has_ignored)

    def _read(self, index: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        images, masks = self.data.read(self.rows[index.numpy()])
        return torch.from_numpy(images)[:, None], torch.from_numpy(masks)[:, None]

    def _to_device(self, index: torch.Tensor) -> Batch:
        images, masks = self._read(index)
        if self.device.type == "cuda":
            images, masks = images.pin_memory(), masks.pin_memory()
        return self._batch(
            images.to(self.device, non_blocking=True),
            masks.to(self.device, non_blocking=True),
        )


def derive_seed(seed: int, epoch: int, purpose: str) -> int:
    """Return a separate seed (63 bits) for each use of random numbers in each epoch."""
    digest = hashlib.sha256(f"{seed} {epoch} {purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
