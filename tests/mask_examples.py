"""Write masks, and read what their values mean."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.io import imsave

from segsweep.data.issues import InvalidImageError
from segsweep.data.mask_checks import check_values
from segsweep.data.mask_meaning import decide
from segsweep.data.mask_rule import MaskRule, MaskSettings
from segsweep.data.mask_values import MaskPage, read_mask_pages


def pages(folder: Path, *masks: np.ndarray, suffix: str = ".png") -> list[MaskPage]:
    """Write masks to files and read them."""
    read = []
    for i, mask in enumerate(masks):
        if mask.dtype == bool:
            Image.fromarray(mask).save(folder / f"{i}{suffix}")
        else:
            imsave(folder / f"{i}{suffix}", mask, check_contrast=False)
        read += read_mask_pages(folder / f"{i}{suffix}")[1]
    return read


def rule_of(read: list[MaskPage], settings: MaskSettings) -> MaskRule:
    facts = [page.facts for page in read]
    check_values(facts, settings)
    return decide(facts, settings)


def meaning(read: list[MaskPage], settings: MaskSettings) -> list[np.ndarray]:
    rule = rule_of(read, settings)
    return [rule.apply(page) for page in read]


def refusal(read: list[MaskPage], settings: MaskSettings) -> InvalidImageError:
    with pytest.raises(InvalidImageError) as caught:
        meaning(read, settings)
    return caught.value
