"""Read an image or a mask file as arrays."""

from pathlib import Path

import numpy as np

from segsweep.data.decoded_image import DecodedImage
from segsweep.data.images import read_grey
from segsweep.data.mask_colours import Value
from segsweep.data.mask_meaning import decide
from segsweep.data.mask_rule import MaskSettings
from segsweep.data.mask_values import read_mask_pages


def grey_pages(path: Path) -> tuple[list[np.ndarray], DecodedImage]:
    """Return the grey values of each page, 2-D, and the decoded file."""
    pages, decoded = read_grey(path)
    return [page.pixels for page in pages], decoded


def mask_pages(path: Path, masks: str | tuple[Value, ...] = "binary") -> list[np.ndarray]:
    """Return each page of a mask as 0 and 1, as if it were the only one of a data set."""
    pages = read_mask_pages(path)[1]
    rule = decide([page.facts for page in pages], MaskSettings(masks))
    return [rule.apply(page) for page in pages]
