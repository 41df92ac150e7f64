"""The images of every step: passes, equal steps, on the device or sent ahead."""

from collections import Counter

import pytest
import torch

from segsweep.data.dataset import ProcessedSet
from segsweep.training.dataloader import Split

CPU = torch.device("cpu")
PLENTY = 1 << 40


@pytest.fixture
def split(nuclei: ProcessedSet) -> Split:
    return Split(nuclei, "train", 0, CPU, PLENTY)


def test_an_epoch_is_one_pass_whose_last_batch_may_be_smaller(split: Split) -> None:
    steps = split.steps(3, 16, None)
    assert [len(step) for step in steps] == [16, 16, 4]
    assert sorted(torch.cat(steps).tolist()) == list(range(36))
    assert not torch.equal(torch.cat(steps), torch.cat(split.steps(4, 16, None)))


def test_epochs_of_equal_steps_go_through_the_images_evenly(split: Split) -> None:
    """Five batches of 16 are 80 images: two passes of 36 and a part of the third."""
    epochs = [split.steps(epoch, 16, 5) for epoch in (1, 2, 3)]
    assert all([len(step) for step in steps] == [16] * 5 for steps in epochs)
    row = torch.cat([torch.cat(steps) for steps in epochs])
    for start in range(0, len(row) - 35, 36):
        assert sorted(row[start : start + 36].tolist()) == list(range(36))
    assert set(Counter(row.tolist()).values()) == {6, 7}


def test_images_sent_ahead_are_those_on_the_device(nuclei: ProcessedSet, split: Split) -> None:
    small = Split(nuclei, "train", 0, CPU, memory=1000)
    assert small.resident is None
    assert split.resident is not None
    steps = split.steps(1, 8, None)
    for (image, mask), (other, other_mask) in zip(
        split.batches(steps), small.batches(steps), strict=True
    ):
        assert torch.equal(image, other)
        assert torch.equal(mask, other_mask)
