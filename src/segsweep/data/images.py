"""Read an image as grey values and a mask as 0 and 1; rescale grey values to 0 to 1."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from skimage.measure import label

from segsweep.data.decoded_image import DecodedImage
from segsweep.data.issues import InvalidImageError
from segsweep.data.readers import read_image

LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
"""Weights of red, green and blue (Rec. 709, as in scikit-image)."""

MIN_IMAGE_VALUES = 16
MAX_REGIONS_PER_VALUE = 4
"""A mask with more than `MIN_IMAGE_VALUES` values and more than `MAX_REGIONS_PER_VALUE` connected
regions per value is taken for an image. In a label image a value is one object, which is rarely cut
into several regions."""

Foreground = str | tuple[int, ...]
"""`preprocess.masks` of the study: "binary" (0 and one other value), "labels" (every value above 0
is an object), or the list of values that are foreground."""


def read_grey(path: Path) -> tuple[list[np.ndarray], DecodedImage]:
    """Read the pages of an image as 2-D arrays of grey values.

    Colour becomes luminance, alpha is ignored. The grey values keep the file's range.

    Raises:
        InvalidImageError: The file cannot be decoded, contains NaN or infinity, or is constant.
    """
    decoded = read_image(path)
    pages = [_to_grey(page) for page in decoded.upright_pages()]
    for page in pages:
        if page.dtype.kind == "f" and not np.isfinite(page).all():
            raise InvalidImageError(
                "not_finite",
                "contains NaN or infinity",
                "expected finite grey values; export it again",
            )
        if page.min() == page.max():
            raise InvalidImageError(
                "constant",
                f"has the same grey value ({page.min()}) in all pixels",
                "expected an image with content; remove it",
            )
    return pages, decoded


def read_mask(path: Path, foreground: Foreground) -> list[np.ndarray]:
    """Read the pages of a mask as 2-D uint8 arrays of 0 and 1.

    Raises:
        InvalidImageError: The file has lossy compression, looks like an image, or has values that
            `foreground` does not allow.
    """
    decoded = read_image(path, as_mask=True)
    if decoded.lossy:
        raise InvalidImageError(
            "lossy_mask",
            "has JPEG compression, which changes the values at every edge",
            "export the mask as PNG or TIFF from the tool that made it",
        )
    return [
        _to_binary(_to_numbers(page, foreground), foreground) for page in decoded.upright_pages()
    ]


def stretch(image: np.ndarray, low: float, high: float) -> tuple[np.ndarray, float, float]:
    """Rescale grey values so that two percentiles of the image become 0 and 1.

    Args:
        image: 2-D array.
        low: Percentile (0 to 100) that becomes 0.
        high: Percentile (0 to 100) that becomes 1.

    Returns:
        The rescaled image (float32, 0 to 1), and the grey values that became 0 and 1.
    """
    black, white = grey_range(image, low, high)
    return rescale_grey(image, black, white), black, white


def grey_range(image: np.ndarray, low: float, high: float) -> tuple[float, float]:
    """Return two percentiles (0 to 100) of the grey values.

    Where they are equal (few bright pixels on a flat background, or saturation), return the
    smallest and the largest grey value.
    """
    black, white = percentiles(image, [low, high])
    return (black, white) if white > black else (float(image.min()), float(image.max()))


def rescale_grey(image: np.ndarray, black: float, white: float) -> np.ndarray:
    """Rescale grey values to float32 in 0 to 1, so that `black` becomes 0 and `white` 1."""
    if image.dtype in (np.uint8, np.uint16):
        values = np.arange(np.iinfo(image.dtype).max + 1, dtype=np.float64)
        table = np.clip((values - black) / (white - black), 0, 1).astype(np.float32)
        return table.take(image, mode="clip")
    return np.clip((image.astype(np.float64) - black) / (white - black), 0, 1).astype(np.float32)


def percentiles(image: np.ndarray, which: Sequence[float]) -> list[float]:
    """Return what `np.percentile` (linear interpolation) does, faster for 8 and 16 bits."""
    if image.dtype not in (np.uint8, np.uint16):
        return [float(p) for p in np.percentile(image, list(which))]
    if image.dtype == np.uint8:
        counts = np.array(Image.fromarray(image).histogram())  # a third of bincount's time
    else:
        counts = np.bincount(image.ravel(), minlength=2**16)
    ranks = np.cumsum(counts)
    positions = np.asarray(which) / 100 * (image.size - 1)
    below = np.searchsorted(ranks, np.floor(positions), side="right")
    above = np.searchsorted(ranks, np.ceil(positions), side="right")
    return [float(p) for p in below + (above - below) * (positions - np.floor(positions))]


def _to_grey(page: np.ndarray) -> np.ndarray:
    if page.ndim == 3 and page.shape[-1] in (1, 2):
        page = page[..., 0]
    if page.ndim == 3:
        page = page[..., :3].astype(np.float32) @ LUMINANCE
    if page.dtype == bool:
        page = page.astype(np.uint8)
    return page.astype(page.dtype.newbyteorder("="), copy=False)


def _to_numbers(page: np.ndarray, foreground: Foreground) -> np.ndarray:
    """Return a mask page as one number per pixel; different colours become different numbers."""
    if page.ndim == 2:
        return page
    channels = 1 if page.shape[-1] < 3 else 3
    colour, alpha = page[..., :channels], page[..., channels:]
    if alpha.size and (alpha != alpha[:1, :1]).any() and (colour == colour[:1, :1]).all():
        raise InvalidImageError(
            "mask_value",
            "has its objects only in the alpha channel",
            "export it as black and white without an alpha channel",
        )
    if (colour == colour[..., :1]).all():
        return colour[..., 0]
    if not isinstance(foreground, str):
        raise InvalidImageError(
            "mask_value",
            "has colours, expected class numbers",
            "export the classes as numbers (0, 1, 2, ...), or set preprocess.masks: labels",
        )
    colours, numbers = np.unique(colour.reshape(-1, colour.shape[-1]), axis=0, return_inverse=True)
    return numbers.reshape(page.shape[:2]) + int(colours[0].any())  # only black becomes 0


def _to_binary(mask: np.ndarray, foreground: Foreground) -> np.ndarray:
    """Return a mask page (one number per pixel) as uint8 0 and 1."""
    if mask.dtype.kind == "f" and not np.isfinite(mask).all():
        raise InvalidImageError(
            "not_finite",
            "contains NaN or infinity",
            "expected 0 for background and 1 for foreground",
        )
    if foreground == "binary" and _has_two_values(mask):
        return (mask != 0).astype(np.uint8)
    values = np.unique(mask)
    if len(values) > MIN_IMAGE_VALUES and _count_regions(mask) > MAX_REGIONS_PER_VALUE * len(
        values
    ):
        raise InvalidImageError(
            "mask_is_image",
            f"has {len(values)} values, each in many separate regions",
            "this looks like an image or a probability map; replace it by the mask",
        )
    if values.min() < 0 or (mask.dtype.kind == "f" and (values != np.rint(values)).any()):
        raise InvalidImageError(
            "mask_value",
            f"has the values {_format_values(values)}",
            "expected integers, 0 for background",
        )
    if foreground == "labels":
        return (mask > 0).astype(np.uint8)
    if isinstance(foreground, str):
        raise InvalidImageError(
            "mask_value",
            f"has the values {_format_values(values)}, expected 0 and one other",
            "if each number is an object, set preprocess.masks: labels; if each is a class, list "
            "the classes that are foreground (preprocess.masks: [1])",
        )
    return np.isin(mask, np.array(foreground)).astype(np.uint8)


def _has_two_values(mask: np.ndarray) -> bool:
    top = mask.max()
    return bool(((mask == 0) | (mask == top)).all() and (top > 0 or not mask.any()))


def _count_regions(mask: np.ndarray) -> int:
    """Return the number of connected regions of one value (4 neighbours)."""
    numbers = np.unique(mask, return_inverse=True)[1].reshape(mask.shape)
    return int(label(numbers, connectivity=1, background=-1).max())


def _format_values(values: np.ndarray) -> str:
    shown = [f"{value:g}" for value in values[:6].tolist()]
    return ", ".join(shown) + (f", ... ({len(values)} in all)" if len(values) > 6 else "")
