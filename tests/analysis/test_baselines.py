"""Thresholds as baselines: the right side is chosen on the training split."""

import numpy as np
import pytest

from segsweep.analysis.baselines import baselines
from segsweep.data.arrays import ProcessedSet


def test_otsu_on_the_nuclei_is_what_was_measured_elsewhere(nuclei: ProcessedSet) -> None:
    """About .94 at full size, with an independent script (see docs/samples.md)."""
    rows = {row["method"]: row for row in baselines(nuclei)}
    assert rows["otsu"]["foreground"] == "brighter"
    assert rows["otsu"]["val_dice_coefficient"] == pytest.approx(0.93, abs=0.03)


def test_dark_objects_are_found_dark(nuclei: ProcessedSet) -> None:
    dark = ProcessedSet(
        255 - np.asarray(nuclei.images), nuclei.masks, nuclei.names, nuclei.groups, nuclei.splits
    )
    rows = {row["method"]: row for row in baselines(dark)}
    assert rows["otsu"]["foreground"] == "darker"
    assert rows["otsu"]["val_dice_coefficient"] == pytest.approx(0.93, abs=0.03)
