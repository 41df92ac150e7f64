"""Folders of random kinds end with the right arrays, or with an error; never with wrong arrays."""

import os
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from random_inputs import Input, draw
from segsweep.config.sections import Preprocess
from segsweep.core.errors import UserError
from segsweep.data.image_cache import load_arrays
from segsweep.data.own_images import OwnImages, Source, read_own_images

DRAWS = int(os.environ.get("DRAWS", "60"))
"""2,000 with `make check`."""
MIN_OVERLAP = 0.95
"""Smallest intersection over union with the mask that a person sees; JPEG changes small objects."""
MIN_CORRELATION = 0.97
"""Smallest correlation of an image with what a person sees."""


def errors_of(found: Input, own: OwnImages) -> list[str]:
    """Return what is wrong with the arrays."""
    wrong = []
    for pair, prepared in zip(own.dataset.pairs, own.dataset.prepared, strict=True):
        number = int("".join(c for c in pair.image.name.split(".")[0] if c.isdigit())[:3])
        arrays = load_arrays(prepared)
        assert arrays is not None
        (image,), (mask,) = arrays
        grey, shown = found.shown[number]
        counted = ~found.ignored.get(number, np.zeros(shown.shape, bool))
        if image.shape != grey.shape:
            wrong.append(f"{pair.name}: turned")
            continue
        valid = np.ones(grey.shape, bool)
        valid[:4, :9] = False  # without data in some kinds
        if np.corrcoef(image[valid], grey[valid])[0, 1] < MIN_CORRELATION:
            wrong.append(f"{pair.name}: other image")
        if not (mask[~counted] == 255).all() or (mask[counted] == 255).any():
            wrong.append(f"{pair.name}: ignored pixels")
        found_mask, truth = (mask == 1) & counted, shown & counted
        union = (found_mask | truth).sum()
        if union and (found_mask & truth).sum() < MIN_OVERLAP * union:
            wrong.append(f"{pair.name}: other mask")
        group = own.groups[pair.name]
        if found.splits and own.splits[group] != found.splits[number]:
            wrong.append(f"{pair.name}: {own.splits[group]}, not {found.splits[number]}")
    if len(own.dataset.pairs) < len(found.shown):
        wrong.append(f"{len(own.dataset.pairs)} of {len(found.shown)} images")
    return wrong


@pytest.mark.parametrize("part", range(4))
def test_random_inputs_are_read_right_or_refused(tmp_path: Path, part: int) -> None:
    outcomes: Counter[str] = Counter()
    for seed in range(part, DRAWS, 4):
        folder = tmp_path / f"{seed}"
        found = draw(seed, folder)
        settings = Preprocess.model_validate(found.preprocess)
        source = Source(found.images, found.masks)
        try:
            own = read_own_images(source, settings, tmp_path / "cache", tmp_path / "drawn")
        except UserError as error:
            outcomes[f"refused: {str(error)[:60]}"] += 1
        else:
            assert errors_of(found, own) == [], (seed, found.kinds, found.preprocess)
            outcomes["right"] += 1
        shutil.rmtree(folder)
        shutil.rmtree(tmp_path / "cache", ignore_errors=True)
    assert outcomes["right"] > sum(outcomes.values()) / 3, outcomes
