"""Baselines: the side of the threshold is chosen on the training split."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import f1_score

from segsweep.config.sections import Preprocess
from segsweep.data.dataset import IGNORED, ProcessedSet
from segsweep.data.preprocess import preprocess
from segsweep.selection.baselines import baselines, mean_dice


@pytest.fixture(scope="module")
def full_size(nuclei_raw: Path, tmp_path_factory: pytest.TempPathFactory) -> ProcessedSet:
    out = tmp_path_factory.mktemp("full size")
    preprocess(nuclei_raw, out, Preprocess(), out / "cache")
    return ProcessedSet.open(out)


def test_otsu_on_the_nuclei_agrees_with_an_independent_script(full_size: ProcessedSet) -> None:
    """About 0.94, see docs/sample-data.md."""
    rows = {row["method"]: row for row in baselines(full_size)}
    assert rows["otsu"]["foreground"] == "brighter"
    assert rows["otsu"]["val_dice_coefficient"] == pytest.approx(0.94, abs=0.01)


def test_dark_objects_are_found(full_size: ProcessedSet) -> None:
    dark = ProcessedSet(
        255 - np.asarray(full_size.images),
        full_size.masks,
        full_size.names,
        full_size.groups,
        full_size.splits,
    )
    rows = {row["method"]: row for row in baselines(dark)}
    assert rows["otsu"]["foreground"] == "darker"
    assert rows["otsu"]["val_dice_coefficient"] == pytest.approx(0.94, abs=0.01)


def test_ignored_pixels_are_not_in_the_dice() -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(256, size=(2, 16, 16), dtype=np.uint8)
    masks = (rng.random(images.shape) < 0.5).astype(np.uint8)
    masks[0, 3:9], masks[1] = IGNORED, IGNORED
    counted = masks[0] != IGNORED
    of_first = f1_score(masks[0][counted], images[0][counted] > 99)
    assert mean_dice(lambda image: image > 99, images, masks) == pytest.approx((of_first + 1) / 2)
