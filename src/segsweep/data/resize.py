"""Bring images of any size to the network's size and masks back: resize, pad or tile.

Every processed array shows a *window* of its original image. All three modes are expressed as
windows, so one function restores masks and probabilities to the original's pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

from segsweep.data.dataset import IGNORED

Mode = Literal["resize", "pad", "tile"]

MASK_SCALE = np.uint8(254)
"""Value of foreground while a mask is resized. Half of it is an integer, so that an area that is
exactly half foreground is not rounded down."""


@dataclass(frozen=True)
class Window:
    """A rectangle of the original image, and its size in the processed array.

    `top`, `left`, `height` and `width` are pixels of the original. The rectangle fills the first
    `target_height` rows and `target_width` columns of the processed array; the rest is padding.
    """

    top: int
    left: int
    height: int
    width: int
    target_height: int
    target_width: int

    @property
    def source(self) -> tuple[slice, slice]:
        rows = slice(self.top, self.top + self.height)
        return rows, slice(self.left, self.left + self.width)

    @property
    def target(self) -> tuple[slice, slice]:
        return slice(0, self.target_height), slice(0, self.target_width)


WINDOW_COLUMNS = tuple(Window.__dataclass_fields__)
"""Columns of a window in `sources.csv`."""


def find_windows(shape: tuple[int, int], side: tuple[int, int], mode: Mode) -> list[Window]:
    """Return the windows of an original image.

    Args:
        shape: Height and width of the original.
        side: Height and width of a processed array.
        mode: `resize` stretches the whole image to `side`; `pad` keeps its aspect ratio and pads
            with black; `tile` cuts it at its own resolution into evenly spaced tiles with the
            smallest overlap.
    """
    (height, width), (rows, columns) = shape, side
    if mode == "resize":
        return [Window(0, 0, height, width, rows, columns)]
    if mode == "pad":
        scale = min(rows / height, columns / width)
        target = (
            max(1, min(rows, round(height * scale))),
            max(1, min(columns, round(width * scale))),
        )
        return [Window(0, 0, height, width, *target)]
    return [
        Window(top, left, tile_height, tile_width, tile_height, tile_width)
        for top, tile_height in _tile_positions(height, rows)
        for left, tile_width in _tile_positions(width, columns)
    ]


def _tile_positions(length: int, side: int) -> list[tuple[int, int]]:
    """Return start and length of the tiles along an axis."""
    if length <= side:
        return [(0, length)]
    count = -(-length // side)
    return [(round(i * (length - side) / (count - 1)), side) for i in range(count)]


def resize_image(image: np.ndarray, window: Window, side: tuple[int, int]) -> np.ndarray:
    """Return a window of an image (float32, 0 to 1) as uint8 of shape `side`.

    Bilinear interpolation, with anti-aliasing where it shrinks.
    """
    part = _resample(image[window.source], window, Image.Resampling.BILINEAR)
    return _pad(np.rint(np.clip(part, 0, 1) * 255).astype(np.uint8), side)


def resize_mask(mask: np.ndarray, window: Window, side: tuple[int, int]) -> np.ndarray:
    """Return a window of a mask (0, 1, and 255 for ignored pixels) as uint8 of shape `side`.

    A pixel is ignored if more than half of the area that it covers is; it is foreground if at least
    half of the rest is.
    """
    source = mask[window.source]
    foreground = _resample((source == 1) * MASK_SCALE, window, Image.Resampling.BOX)
    if not (source == IGNORED).any():
        return _pad((foreground >= MASK_SCALE // 2).astype(np.uint8), side)
    ignored = _resample((source == IGNORED) * MASK_SCALE, window, Image.Resampling.BOX)
    counted = MASK_SCALE - ignored
    part = (foreground >= (counted + 1) // 2).astype(np.uint8)
    part[ignored > MASK_SCALE // 2] = IGNORED
    return _pad(part, side)


def restore_size(
    parts: Sequence[np.ndarray], windows: Sequence[Window], shape: tuple[int, int]
) -> np.ndarray:
    """Return processed masks or probabilities in the pixels of the original image.

    Args:
        parts: One processed array for each window.
        windows: The windows of the original.
        shape: Height and width of the original.

    Returns:
        Float32 array of `shape`; the mean where tiles overlap. Threshold it at 0.5 for a mask.
    """
    total, count = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for part, window in zip(parts, windows, strict=True):
        back = Window(0, 0, window.target_height, window.target_width, window.height, window.width)
        kind = Image.Resampling.BOX if part.dtype.kind in "bu" else Image.Resampling.BILINEAR
        total[window.source] += _resample(part[window.target].astype(np.float32), back, kind)
        count[window.source] += 1
    return total / np.maximum(count, 1)


def _resample(part: np.ndarray, window: Window, kind: Image.Resampling) -> np.ndarray:
    """Return `part` at the target size of `window`."""
    size = (window.target_width, window.target_height)
    if part.shape == size[::-1]:
        return part
    image = Image.fromarray(np.ascontiguousarray(part))
    factors = [old // new for old, new in zip(image.size, size, strict=True)]
    if kind == Image.Resampling.BOX and image.size == (factors[0] * size[0], factors[1] * size[1]):
        return np.asarray(image.reduce((factors[0], factors[1])))  # same result, faster
    return np.asarray(image.resize(size, kind))


def _pad(part: np.ndarray, side: tuple[int, int]) -> np.ndarray:
    if part.shape == side:
        return part
    padded = np.zeros(side, part.dtype)
    padded[: part.shape[0], : part.shape[1]] = part
    return padded
