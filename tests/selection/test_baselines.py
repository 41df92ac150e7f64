"""Thresholds as baselines: the right side is chosen on the training split."""

from pathlib import Path

import numpy as np
import pytest

from segsweep.config.sections import Preprocess
from segsweep.data.dataset import ProcessedSet
from segsweep.data.preprocess import preprocess
from segsweep.selection.baselines import baselines


@pytest.fixture(scope="module")
def full_size(nuclei_raw: Path, tmp_path_factory: pytest.TempPathFactory) -> ProcessedSet:
    out = tmp_path_factory.mktemp("full size")
    preprocess(nuclei_raw, out, Preprocess().model_dump(), out / "kept")
    return ProcessedSet.open(out)


def test_otsu_on_the_nuclei_is_what_was_measured_elsewhere(full_size: ProcessedSet) -> None:
    """About .94, with an independent script (see docs/samples.md)."""
    rows = {row["method"]: row for row in baselines(full_size)}
    assert rows["otsu"]["foreground"] == "brighter"
    assert rows["otsu"]["val_dice_coefficient"] == pytest.approx(0.94, abs=0.01)


def test_dark_objects_are_found_dark(full_size: ProcessedSet) -> None:
    nuclei = full_size
    dark = ProcessedSet(
        255 - np.asarray(nuclei.images), nuclei.masks, nuclei.names, nuclei.groups, nuclei.splits
    )
    rows = {row["method"]: row for row in baselines(dark)}
    assert rows["otsu"]["foreground"] == "darker"
    assert rows["otsu"]["val_dice_coefficient"] == pytest.approx(0.94, abs=0.01)
