"""The images of each step: passes, epochs of equal length, on the device or copied ahead."""

from collections import Counter

import pytest
import torch

from segsweep.core.errors import UserError
from segsweep.data.dataset import ProcessedSet
from segsweep.training.dataloader import SplitLoader

CPU = torch.device("cpu")
PLENTY = 1 << 40


@pytest.fixture
def loader(nuclei: ProcessedSet) -> SplitLoader:
    return SplitLoader(nuclei, "train", 0, CPU, PLENTY)


def test_an_epoch_is_one_pass_whose_last_batch_may_be_smaller(loader: SplitLoader) -> None:
    indices = loader.batch_indices(3, 16)
    assert [len(index) for index in indices] == [16, 16, 4]
    assert sorted(torch.cat(indices).tolist()) == list(range(36))
    assert not torch.equal(torch.cat(indices), torch.cat(loader.batch_indices(4, 16)))


def test_epochs_of_a_fixed_number_of_steps_use_all_images_equally(loader: SplitLoader) -> None:
    """Five batches of 16 are 80 images: two passes of 36 and a part of the third."""
    epochs = [loader.batch_indices(epoch, 16, 5) for epoch in (1, 2, 3)]
    assert all([len(index) for index in indices] == [16] * 5 for indices in epochs)
    order = torch.cat([torch.cat(indices) for indices in epochs])
    for start in range(0, len(order) - 35, 36):
        assert sorted(order[start : start + 36].tolist()) == list(range(36))
    assert set(Counter(order.tolist()).values()) == {6, 7}


def test_batches_that_are_copied_ahead_equal_those_on_the_device(
    nuclei: ProcessedSet, loader: SplitLoader
) -> None:
    copying = SplitLoader(nuclei, "train", 0, CPU, memory=1000)
    assert copying.on_device is None
    assert loader.on_device is not None
    indices = loader.batch_indices(1, 8)
    for batch, other in zip(loader.batches(indices), copying.batches(indices), strict=True):
        assert torch.equal(batch.images, other.images)
        assert torch.equal(batch.masks, other.masks)
        assert batch.has_ignored is other.has_ignored is False


def test_a_split_without_images_is_refused(nuclei: ProcessedSet) -> None:
    with pytest.raises(UserError, match="found no images in the unknown split"):
        SplitLoader(nuclei, "unknown", 0, CPU, PLENTY)
