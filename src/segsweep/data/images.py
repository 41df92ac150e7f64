"""Read an image as grey values, and rescale them to 0 to 1."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from segsweep.data.decoded_image import DecodedImage
from segsweep.data.issues import InvalidImageError
from segsweep.data.readers import read_image

LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
"""Weights of red, green and blue (Rec. 709, as in scikit-image)."""

CROWDED_SHARE, CROWDED_LEVELS, MIN_CROWDED_VALUES = 0.95, 3, 16
"""An image is refused if more than `CROWDED_SHARE` of its pixels fall into `CROWDED_LEVELS`
neighbouring levels of 256, although they have more than `MIN_CROWDED_VALUES` values in the file:
a few outliers then take the whole range of grey values."""

MAX_GAP = 0.75
"""It is also refused if one single value is further from all others than this share of the range
of grey values, such as -32768 or 65535 for pixels without data, or a scale bar."""


@dataclass(frozen=True)
class GreyPage:
    """A page of an image.

    Attributes:
        pixels: Grey values in the file's range, 2-D, finite. Pixels without data have the smallest
            of the other values, so that they become black.
        valid: Which pixels have data, bool of the same shape; None if all have.
        has_bytes: Whether the file's values have 8 bits, so that outliers cannot be far away.
    """

    pixels: np.ndarray
    valid: np.ndarray | None = None
    has_bytes: bool = False

    @property
    def values(self) -> np.ndarray:
        """The grey values of the pixels with data."""
        return self.with_data(self.pixels)

    def with_data(self, array: np.ndarray) -> np.ndarray:
        """Return the elements, 2-D, of an array of the page's shape where the page has data."""
        return array if self.valid is None else array[self.valid][None]


def read_grey(
    path: Path,
    channel: int | None = None,
    nodata: Sequence[float] | None = None,
) -> tuple[list[GreyPage], DecodedImage]:
    """Read the pages of an image as grey values, upright by the file's orientation.

    Colour becomes luminance, alpha is ignored. NaN, infinity, the file's GDAL_NODATA and the values
    in `nodata` are pixels without data.

    Args:
        path: The file.
        channel: The channel of an image with several, from 1.
        nodata: Further values of pixels without data; see `preprocess.nodata`.

    Raises:
        InvalidImageError: The file cannot be decoded, or a page is constant or has no data.
    """
    decoded = read_image(path, channel=channel)
    marks = [*(nodata or ()), *(() if decoded.nodata is None else (decoded.nodata,))]
    return [_grey_page(page, marks) for page in decoded.upright_pages()], decoded


def _grey_page(page: np.ndarray, nodata: Sequence[float]) -> GreyPage:
    pixels = _to_grey(page)
    valid = _find_valid(page, pixels, nodata)
    if valid is not None:
        if not valid.any():
            raise InvalidImageError(
                "not_finite",
                "has no pixel with data (only NaN, infinity or nodata values)",
                "remove it and its mask",
            )
        pixels = np.where(valid, pixels, pixels[valid].min())
    if pixels.min() == pixels.max():
        raise InvalidImageError(
            "constant",
            f"has the same grey value ({pixels.min()}) in all pixels",
            "expected an image with content; remove it and its mask, or set preprocess.on_bad: "
            "drop to leave out such images",
        )
    return GreyPage(pixels, valid, page.dtype.itemsize == 1)


def _find_valid(page: np.ndarray, pixels: np.ndarray, nodata: Sequence[float]) -> np.ndarray | None:
    """Return which pixels have data, None if all have; a colour is nodata in all its channels."""
    invalid = np.zeros(pixels.shape, bool)
    if pixels.dtype.kind == "f":
        invalid |= ~np.isfinite(pixels)
    colours = page[..., : 1 if page.shape[-1] == 2 else 3]  # without alpha
    for value in nodata:
        if np.isnan(value):
            continue
        mark = page.dtype.type(value) if page.dtype.kind == "f" else value
        invalid |= (colours == mark).all(-1) if page.ndim == 3 else page == mark
    return ~invalid if invalid.any() else None


def check_levels(
    page: GreyPage,
    grey: np.ndarray,
    black: float,
    white: float,
    advice: str = (
        "if {0:g} marks pixels without data, set preprocess.nodata: [{0:g}]; if such pixels "
        "belong to the image, set preprocess.nodata: []"
    ),
) -> None:
    """Raise `InvalidImageError` if nearly all pixels fall into a few grey levels.

    Args:
        page: The page.
        grey: The page, rescaled to 0 to 1.
        black, white: The grey values that became 0 and 1.
        advice: What to do about the grey value {0}, which is far from the others.
    """
    if page.has_bytes:
        return
    values = page.values
    levels = np.rint(page.with_data(grey) * 255).astype(np.uint8)
    counts = np.bincount(levels.ravel(), minlength=256)
    inside = _crowd(values, levels, counts)
    inside = _beyond_gap(values, levels, counts) if inside is None else inside
    if inside is None or len(np.unique(inside)) <= MIN_CROWDED_VALUES:
        return
    low, high = float(inside.min()), float(inside.max())
    outlier = black if abs(black - low) > abs(white - high) else white
    raise InvalidImageError(
        "few_levels",
        f"has {100 * inside.size / values.size:.1f} % of its pixels between {low:g} and {high:g}, "
        f"but its grey values are rescaled from {black:g} to {white:g}, so that these pixels "
        "become nearly equal",
        advice.format(outlier),
    )


def _crowd(values: np.ndarray, levels: np.ndarray, counts: np.ndarray) -> np.ndarray | None:
    """Return the values in the fullest neighbouring levels, if nearly all are there."""
    crowded = np.convolve(counts, np.ones(CROWDED_LEVELS, np.int64), "valid")
    first = int(crowded.argmax())
    if crowded[first] <= CROWDED_SHARE * values.size:
        return None
    return values[(levels >= first) & (levels < first + CROWDED_LEVELS)]


def _beyond_gap(values: np.ndarray, levels: np.ndarray, counts: np.ndarray) -> np.ndarray | None:
    """Return all values but one, if that one is far away from them."""
    used = np.flatnonzero(counts)
    gaps = np.diff(used)
    if not len(gaps) or gaps.max() <= MAX_GAP * 255:
        return None
    lower = levels <= used[gaps.argmax()]
    parts = sorted((values[lower], values[~lower]), key=lambda part: len(np.unique(part)))
    return parts[1] if parts[0].min() == parts[0].max() else None


def stretch(page: GreyPage, low: float, high: float) -> tuple[np.ndarray, float, float]:
    """Rescale grey values so that two percentiles of the pixels with data become 0 and 1.

    Args:
        page: The page.
        low: Percentile (0 to 100) that becomes 0.
        high: Percentile (0 to 100) that becomes 1.

    Returns:
        The rescaled image (float32, 0 to 1), and the grey values that became 0 and 1.
    """
    black, white = grey_range(page.values, low, high)
    return rescale_grey(page.pixels, black, white), black, white


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
