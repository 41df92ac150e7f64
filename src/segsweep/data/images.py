"""One image or mask: grey values, foreground, and the stretch of grey values to 0 to 1."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from skimage.measure import label

from segsweep.data.issues import UnusableError
from segsweep.data.readers import Picture, read

LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
"""Rec. 709, as scikit-image weighs colours."""

MANY_VALUES = 16
PARTS_PER_VALUE = 4
"""A mask of many values, each of which is in many separate places, is an image: in label images a
value is one object, seldom cut in two."""


def read_grey(path: Path) -> tuple[list[np.ndarray], Picture]:
    """The pages of an image as 2-D arrays of their own grey values; colour becomes luminance.

    Alpha is left out. Raises `UnusableError` on what cannot be decoded, NaN, infinity, and images
    of one constant value.
    """
    picture = read(path)
    pages = [_grey(page) for page in picture.pages]
    for page in pages:
        if page.dtype.kind == "f" and not np.isfinite(page).all():
            raise UnusableError(
                "not_finite",
                "holds NaN or infinity",
                "expected finite grey values; export it anew",
            )
        if page.min() == page.max():
            raise UnusableError(
                "constant",
                f"is one constant grey value ({page.min()})",
                "expected an image with content; remove it",
            )
    return pages, picture


def read_mask(path: Path, foreground: str | tuple[int, ...]) -> list[np.ndarray]:
    """The pages of a mask as 2-D uint8 arrays of 0 and 1.

    `foreground` is `binary` (zero and one other value), `labels` (every value above zero is an
    object) or the list of values that are foreground. Raises `UnusableError` on lossy files, masks
    that are images, and values that `foreground` does not allow.
    """
    picture = read(path, as_mask=True)
    if picture.lossy:
        raise UnusableError(
            "lossy_mask",
            "is compressed as JPEG, which blurs the values at every edge",
            "export the mask as PNG or TIFF from the tool that drew it",
        )
    return [_foreground(_flat(page, foreground), foreground) for page in picture.pages]


def stretch(image: np.ndarray, low: float, high: float) -> tuple[np.ndarray, float, float]:
    """Grey values as float32 in 0 to 1, and the values that became black and white.

    The percentiles `low` and `high` (0 to 100) of the image's own values become 0 and 1.
    """
    black, white = levels(image, low, high)
    return stretched(image, black, white), black, white


def levels(image: np.ndarray, low: float, high: float) -> tuple[float, float]:
    """The grey values that become black and white: two percentiles (0 to 100) of the image.

    Where they are equal (few bright pixels on a flat ground, or saturation), its extremes.
    """
    black, white = percentiles(image, [low, high])
    return (black, white) if white > black else (float(image.min()), float(image.max()))


def stretched(image: np.ndarray, black: float, white: float) -> np.ndarray:
    """Grey values, or a part of them, as float32 in 0 to 1."""
    if image.dtype in (np.uint8, np.uint16):
        values = np.arange(np.iinfo(image.dtype).max + 1, dtype=np.float64)
        table = np.clip((values - black) / (white - black), 0, 1).astype(np.float32)
        return table.take(image, mode="clip")
    return np.clip((image.astype(np.float64) - black) / (white - black), 0, 1).astype(np.float32)


def percentiles(image: np.ndarray, which: Sequence[float]) -> list[float]:
    """As NumPy's (linear between ranks), by counting where there are at most 65,536 values."""
    if image.dtype not in (np.uint8, np.uint16):
        return [float(p) for p in np.percentile(image, list(which))]
    if image.dtype == np.uint8:
        counts = np.array(Image.fromarray(image).histogram())  # a third of bincount's time
    else:
        counts = np.bincount(image.ravel(), minlength=2**16)
    ranks = np.cumsum(counts)
    places = np.asarray(which) / 100 * (image.size - 1)
    below = np.searchsorted(ranks, np.floor(places), side="right")
    above = np.searchsorted(ranks, np.ceil(places), side="right")
    return [float(p) for p in below + (above - below) * (places - np.floor(places))]


def _grey(page: np.ndarray) -> np.ndarray:
    if page.ndim == 3 and page.shape[-1] in (1, 2):
        page = page[..., 0]
    if page.ndim == 3:
        page = page[..., :3].astype(np.float32) @ LUMINANCE
    if page.dtype == bool:
        page = page.astype(np.uint8)
    return page.astype(page.dtype.newbyteorder("="), copy=False)


def _flat(page: np.ndarray, foreground: str | tuple[int, ...]) -> np.ndarray:
    """A mask page as one number per pixel; colours that differ become numbers that differ."""
    if page.ndim == 2:
        return page
    channels = 1 if page.shape[-1] < 3 else 3
    colour, alpha = page[..., :channels], page[..., channels:]
    if alpha.size and (alpha != alpha[:1, :1]).any() and (colour == colour[:1, :1]).all():
        raise UnusableError(
            "mask_values",
            "is drawn in its transparency alone",
            "export it as black and white without an alpha channel",
        )
    if (colour == colour[..., :1]).all():
        return colour[..., 0]
    if not isinstance(foreground, str):
        raise UnusableError(
            "mask_values",
            "holds colours, which have no numbers",
            "export the classes as numbers (0, 1, 2, ...), or set preprocess.masks: labels",
        )
    colours, numbers = np.unique(colour.reshape(-1, colour.shape[-1]), axis=0, return_inverse=True)
    return numbers.reshape(page.shape[:2]) + int(colours[0].any())  # black alone becomes 0


def _foreground(mask: np.ndarray, foreground: str | tuple[int, ...]) -> np.ndarray:
    if mask.dtype.kind == "f" and not np.isfinite(mask).all():
        raise UnusableError(
            "not_finite", "holds NaN or infinity", "expected 0 for background and 1 for foreground"
        )
    if foreground == "binary" and _has_two_values(mask):
        return (mask != 0).astype(np.uint8)
    values = np.unique(mask)
    if len(values) > MANY_VALUES and _parts(mask) > PARTS_PER_VALUE * len(values):
        raise UnusableError(
            "mask_is_image",
            f"holds {len(values)} values, each in many separate places",
            "this looks like an image or a probability map; give the mask drawn for it",
        )
    if values.min() < 0 or (mask.dtype.kind == "f" and (values != np.rint(values)).any()):
        raise UnusableError(
            "mask_values",
            f"holds the values {_listed(values)}",
            "expected whole numbers from 0 (background) on",
        )
    if foreground == "labels":
        return (mask > 0).astype(np.uint8)
    if isinstance(foreground, str):
        raise UnusableError(
            "mask_values",
            f"holds the values {_listed(values)}, expected 0 and one other",
            "if each number is an object, set preprocess.masks: labels; if each is a class, list "
            "those to find (preprocess.masks: [1])",
        )
    return np.isin(mask, np.array(foreground)).astype(np.uint8)


def _has_two_values(mask: np.ndarray) -> bool:
    top = mask.max()
    return bool(((mask == 0) | (mask == top)).all() and (top > 0 or not mask.any()))


def _parts(mask: np.ndarray) -> int:
    """How many connected areas of one value there are."""
    numbers = np.unique(mask, return_inverse=True)[1].reshape(mask.shape)
    return int(label(numbers, connectivity=1, background=-1).max())


def _listed(values: np.ndarray) -> str:
    shown = [f"{value:g}" for value in values[:6].tolist()]
    return ", ".join(shown) + (f", ... ({len(values)} in all)" if len(values) > 6 else "")
