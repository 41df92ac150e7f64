"""Turn one image and its masks into the arrays that the network sees, with facts about them.

The image cache keeps results by the source hash of this module and of the modules that it imports.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from PIL import Image
from scipy.fft import dctn

from segsweep.data.dataset import pixels_hash
from segsweep.data.images import Foreground, stretch
from segsweep.data.issues import InvalidImageError
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
        masks: Which values of a mask are foreground.
        stacks: `slices` if each page of a file is an image; else several pages are an error.
    """

    side: tuple[int, int]
    percentiles: tuple[float, float]
    mode: Mode
    masks: Foreground
    stacks: str

    def digest(self, code: str) -> str:
        """Return a hash (16 digits) of these settings and the source hash `code`."""
        values = [self.side, self.percentiles, self.mode, self.masks, self.stacks, code]
        return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:16]


def unite_masks(masks: list[np.ndarray], others: list[np.ndarray]) -> list[np.ndarray]:
    """Return the union of two masks, page by page; an empty list means no mask."""
    if not masks:
        return others
    if [m.shape for m in masks] != [m.shape for m in others]:
        raise InvalidImageError(
            "size",
            "has another size than the other masks of its image",
            "export all masks at the size of the image",
        )
    return [one | two for one, two in zip(masks, others, strict=True)]


def check_shapes(
    pages: Sequence[np.ndarray], masks: Sequence[np.ndarray], settings: ImageSettings
) -> None:
    """Raise `InvalidImageError` if an image and its mask differ in pages or size."""
    if len(pages) != len(masks):
        raise InvalidImageError(
            "size",
            f"has {len(pages)} pages, its mask {len(masks)}",
            "expected the same number; export both from the same stack",
        )
    if len(pages) > 1 and settings.stacks != "slices":
        raise InvalidImageError(
            "pages",
            f"has {len(pages)} pages, expected one",
            "set preprocess.stacks: slices to use each page as an image; the pages of a file are "
            "one group",
        )
    for page, mask in zip(pages, masks, strict=True):
        if page.shape != mask.shape:
            sizes = " and ".join(f"{a.shape[1]} x {a.shape[0]}" for a in (page, mask))
            raise InvalidImageError(
                "size",
                f"image and mask have {sizes} pixels",
                "expected the same size; export the mask at the size of the image",
            )


def process_pages(
    pages: Sequence[np.ndarray], masks: Sequence[np.ndarray], settings: ImageSettings
) -> tuple[np.ndarray, dict[str, Any]]:
    """Rescale and resize the pages of an image and of its mask.

    Args:
        pages: Grey values, 2-D.
        masks: 0 and 1, of the same shapes.
        settings: What determines the processed pixels.

    Returns:
        An array (2, n, height, width), uint8, of n processed images and their masks; and the facts:
        `rows` (for each processed array its columns of the tables), `content_hashes` and
        `perceptual_hashes` (for each page), `looks_inverted`, `saturated`.
    """
    rows, images, processed_masks = [], [], []
    content_hashes, perceptual_hashes = [], []
    border_share, mask_share, brightest_share = 0.0, 0.0, 0.0
    for number, (page, mask) in enumerate(zip(pages, masks, strict=True), 1):
        grey, black, white = stretch(page, *settings.percentiles)
        content = hashlib.sha256(f"{page.shape}".encode())
        border = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
        border_share, mask_share = border_share + _share(border), mask_share + _share(mask)
        brightest_share += _share(page == page.max())
        for window in find_windows(page.shape, settings.side, settings.mode):
            images.append(resize_image(grey, window, settings.side))
            content.update(images[-1].tobytes())
            processed_masks.append(resize_mask(mask, window, settings.side))
            is_whole = (window.height, window.width) == page.shape
            name_suffix = f"#{number:03d}" if len(pages) > 1 else ""
            name_suffix += "" if is_whole else f"@{window.top},{window.left}"
            rows.append(
                {
                    "name_suffix": name_suffix,
                    "page": number,
                    "image_height": page.shape[0],
                    "image_width": page.shape[1],
                    **asdict(window),
                    "black": black,
                    "white": white,
                    "foreground": round(float(processed_masks[-1][window.target].mean()), 6),
                    "pixels_sha256": pixels_hash(images[-1], processed_masks[-1]),
                }
            )
        content_hashes.append(content.hexdigest())
        perceptual_hashes.append(perceptual_hash(images[-1][window.target] if is_whole else grey))
    facts = {
        "rows": rows,
        "content_hashes": content_hashes,
        "perceptual_hashes": perceptual_hashes,
        "looks_inverted": border_share > 0.75 * len(pages) and mask_share > 0.5 * len(pages),
        "saturated": brightest_share > SATURATED_SHARE * len(pages),
    }
    return np.stack([images, processed_masks]), facts


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


def _share(chosen: np.ndarray) -> float:
    return int(np.count_nonzero(chosen)) / chosen.size
