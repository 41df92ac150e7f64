"""Turn one image and its mask into the arrays that the network sees, with facts about them."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass
from typing import Any, Literal

import numpy as np
from PIL import Image
from scipy import ndimage
from scipy.fft import dctn

from segsweep.data.dataset import pixels_hash, truth_and_counted
from segsweep.data.images import GreyPage, check_levels, stretch
from segsweep.data.mask_colours import Value, grey_as_number
from segsweep.data.mask_rule import FOREGROUND, MaskSettings
from segsweep.data.resize import Mode, find_windows, resize_image, resize_mask

SATURATED_SHARE = 0.05
"""An image counts as saturated if more than this share of its pixels have its largest value."""

HASHED_SIDE, FREQUENCIES = 32, 8
"""A perceptual hash uses the lowest `FREQUENCIES` x `FREQUENCIES` spatial frequencies of the image
at `HASHED_SIDE` x `HASHED_SIDE` pixels."""


@dataclass(frozen=True)
class ImageSettings:
    """The settings that determine the processed pixels; see `preprocess` in the study.

    Attributes:
        side: Height and width of a processed array.
        percentiles: Percentiles (0 to 100) of the grey values that become black and white.
        mode: How an image is brought to `side`.
        masks: Which values of a mask are foreground: `binary`, `labels` or a list of values.
        stacks: `slices` if each page of a file is an image; else several pages are an error.
        background: Which values are background, None to decide it.
        ignore: The value of pixels that count nowhere.
        channel: The channel of an image with several, from 1.
        nodata: Grey values of pixels without data. An empty list switches the check for images off
            of which nearly all pixels fall into a few grey levels.
        orientation: Whether images and masks of different orientations are turned.
    """

    side: tuple[int, int]
    percentiles: tuple[float, float]
    mode: Mode
    masks: str | tuple[Value, ...] = "binary"
    stacks: str = "refuse"
    background: tuple[Value, ...] | None = None
    ignore: Value | None = None
    channel: int | None = None
    nodata: tuple[float, ...] | None = None
    orientation: Literal["auto", "upright", "stored"] = "auto"

    @property
    def mask_settings(self) -> MaskSettings:
        """The keys about mask values; grey colours are numbers."""
        masks, background, ignore = self.masks, self.background, self.ignore
        return MaskSettings(
            masks if isinstance(masks, str) else tuple(map(grey_as_number, masks)),
            None if background is None else tuple(map(grey_as_number, background)),
            None if ignore is None else grey_as_number(ignore),
        )

    @property
    def names_colours(self) -> bool:
        """Whether mask values are given as colours, so that palettes are read as colours."""
        listed = () if isinstance(self.masks, str) else self.masks
        values = (*listed, *(self.background or ()), self.ignore)
        return any(isinstance(value, str) and value.startswith("#") for value in values)

    def digest(self, code: str) -> str:
        """Return a hash (16 digits) of these settings and the source hash `code`."""
        return hashlib.sha256(json.dumps([astuple(self), code]).encode()).hexdigest()[:16]


def process_pages(
    pages: Sequence[GreyPage], masks: Sequence[np.ndarray], settings: ImageSettings
) -> tuple[np.ndarray, dict[str, Any]]:
    """Rescale and resize the pages of an image and of its mask.

    Args:
        pages: The pages.
        masks: Uint8 of the same shapes: 0, 1, and 255 for pixels to ignore.
        settings: What determines the processed pixels.

    Returns:
        An array (2, n, height, width), uint8, of n processed images and their masks; and the facts:
        `rows` (for each processed array its columns of the tables); for each page
        `content_hashes`, `perceptual_hashes` and `sizes` (see `measure_shrinking`); `without_data`
        (number of pixels), `looks_inverted`, `saturated`.

    Raises:
        InvalidImageError: Nearly all pixels would have the same grey level.
    """
    rows, images, processed_masks = [], [], []
    content_hashes, perceptual_hashes, sizes = [], [], []
    border_share, mask_share, brightest_share, without_data = 0.0, 0.0, 0.0, 0
    for number, (page, mask) in enumerate(zip(pages, masks, strict=True), 1):
        grey, black, white = stretch(page, *settings.percentiles)
        if settings.nodata != ():
            check_levels(page, grey, black, white)
        shape = page.pixels.shape
        content = hashlib.sha256(f"{shape}".encode())
        border = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
        border_share += _share(border == FOREGROUND)
        mask_share += _share(mask == FOREGROUND)
        brightest_share += _share(page.pixels == page.pixels.max())
        without_data += 0 if page.valid is None else int(np.count_nonzero(~page.valid))
        for window in find_windows(shape, settings.side, settings.mode):
            images.append(resize_image(grey, window, settings.side))
            content.update(images[-1].tobytes())
            processed_masks.append(resize_mask(mask, window, settings.side))
            is_whole = (window.height, window.width) == shape
            name_suffix = f"#{number:03d}" if len(pages) > 1 else ""
            name_suffix += "" if is_whole else f"@{window.top},{window.left}"
            part = processed_masks[-1][window.target]
            rows.append(
                {
                    "name_suffix": name_suffix,
                    "page": number,
                    "image_height": shape[0],
                    "image_width": shape[1],
                    **asdict(window),
                    "black": black,
                    "white": white,
                    "foreground": round(_foreground_share(part), 6),
                    "pixels_sha256": pixels_hash(images[-1], processed_masks[-1]),
                }
            )
        content_hashes.append(content.hexdigest())
        perceptual_hashes.append(perceptual_hash(images[-1][window.target] if is_whole else grey))
        sizes.append(measure_shrinking(mask, part) if is_whole else None)
    facts = {
        "rows": rows,
        "content_hashes": content_hashes,
        "perceptual_hashes": perceptual_hashes,
        "sizes": sizes,
        "without_data": without_data,
        "looks_inverted": border_share > 0.75 * len(pages) and mask_share > 0.5 * len(pages),
        "saturated": brightest_share > SATURATED_SHARE * len(pages),
    }
    return np.stack([images, processed_masks]), facts


def measure_shrinking(mask: np.ndarray, processed: np.ndarray) -> list[float] | None:
    """Return what shrinking did to the foreground, None if the mask did not shrink.

    Args:
        mask: The mask of a page.
        processed: The same, resized.

    Returns:
        Pixels of the foreground before, and after in pixels of the original; objects (connected
        regions, 8 neighbours) before and after. Objects that are less than a pixel of the processed
        mask apart count as one.
    """
    if all(old <= new for old, new in zip(mask.shape, processed.shape, strict=True)):
        return None
    before, after = mask == FOREGROUND, processed == FOREGROUND
    pixels = np.count_nonzero(after) * mask.size / processed.size
    factor = min(max(1, old // new) for old, new in zip(mask.shape, processed.shape, strict=True))
    objects = [_count_objects(m) for m in (_touched_blocks(before, factor), after)]
    return [int(np.count_nonzero(before)), round(pixels, 1), *objects]


def _touched_blocks(mask: np.ndarray, side: int) -> np.ndarray:
    """Return which squares of `side` pixels have any foreground; those at the end may be cut."""
    for _ in range(2):  # along the rows, then along the columns
        touched = mask[::side].copy()
        for first in range(1, side):
            part = mask[first::side]
            touched[: len(part)] |= part
        mask = np.ascontiguousarray(touched.T)
    return mask


def _count_objects(mask: np.ndarray) -> int:
    return int(ndimage.label(mask, np.ones((3, 3)))[1])


def perceptual_hash(image: np.ndarray) -> int:
    """Return a 64-bit hash of a 2-D image (uint8 or float32).

    Its bits say which of the lowest spatial frequencies are above their median (pHash: Zauner,
    2010). Brightness, contrast, size and compression hardly change it.
    """
    whole = Image.fromarray(np.ascontiguousarray(image))
    small = np.asarray(whole.resize((HASHED_SIDE, HASHED_SIDE), Image.Resampling.BOX))
    low = dctn(small.astype(np.float64), norm="ortho")[:FREQUENCIES, :FREQUENCIES].ravel()
    bits = low > np.median(low[1:])
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def _foreground_share(mask: np.ndarray) -> float:
    """Return the share of foreground of the counted pixels, 0 if there are none."""
    truth, counted = truth_and_counted(mask)
    return float((truth & counted).sum() / max(1, counted.sum()))


def _share(chosen: np.ndarray) -> float:
    return int(np.count_nonzero(chosen)) / chosen.size
