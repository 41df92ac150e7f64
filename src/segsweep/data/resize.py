"""From an image of any size to the network's, and back: resize, pad or tile.

Every processed array shows a *window* of its original. All three modes are windows, so one function
puts masks and probabilities back into the original's pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

Mode = Literal["resize", "pad", "tile"]

EVEN = np.uint8(254)
"""What foreground is while masks shrink: half of it is whole, so that no tie is rounded away."""


@dataclass(frozen=True)
class Window:
    """A rectangle of the original (pixels) and the size that it has, top left, in the processed.

    The rest of the processed array, right and below, is padding.
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


WINDOW = tuple(Window.__dataclass_fields__)
"""The columns of a window in a table."""


def windows(shape: tuple[int, int], side: tuple[int, int], mode: Mode) -> list[Window]:
    """The windows of an original of `shape` onto arrays of `side` (height, width).

    `resize` stretches the whole; `pad` keeps its aspect and fills the rest with black; `tile` cuts
    it in its own resolution into tiles that overlap as little as covering it evenly takes.
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
        Window(top, left, tall, wide, tall, wide)
        for top, tall in _cuts(height, rows)
        for left, wide in _cuts(width, columns)
    ]


def place_image(image: np.ndarray, window: Window, side: tuple[int, int]) -> np.ndarray:
    """Float32 in 0 to 1 to uint8 of `side`: bilinear, with a filter as wide as the shrinking."""
    part = _resized(image[window.source], window, Image.Resampling.BILINEAR)
    return _padded(np.rint(np.clip(part, 0, 1) * 255).astype(np.uint8), side)


def place_mask(mask: np.ndarray, window: Window, side: tuple[int, int]) -> np.ndarray:
    """0 and 1 to 0 and 1: the majority of the pixels that a pixel of `side` covers."""
    part = _resized(mask[window.source] * EVEN, window, Image.Resampling.BOX)
    return _padded((part >= EVEN // 2).astype(np.uint8), side)


def restore(
    parts: Sequence[np.ndarray], placed: Sequence[Window], shape: tuple[int, int]
) -> np.ndarray:
    """Processed masks or probabilities back in the original's pixels, float32 of `shape`.

    Where tiles overlap, the mean; threshold at 0.5 for a mask.
    """
    total, count = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for part, window in zip(parts, placed, strict=True):
        back = Window(0, 0, window.target_height, window.target_width, window.height, window.width)
        kind = Image.Resampling.BOX if part.dtype.kind in "bu" else Image.Resampling.BILINEAR
        total[window.source] += _resized(part[window.target].astype(np.float32), back, kind)
        count[window.source] += 1
    return total / np.maximum(count, 1)


def _cuts(length: int, side: int) -> list[tuple[int, int]]:
    """Where tiles of `side` begin along `length`, and how long they are."""
    if length <= side:
        return [(0, length)]
    count = -(-length // side)
    return [(round(i * (length - side) / (count - 1)), side) for i in range(count)]


def _resized(part: np.ndarray, window: Window, kind: Image.Resampling) -> np.ndarray:
    size = (window.target_width, window.target_height)
    if part.shape == size[::-1]:
        return part
    image = Image.fromarray(np.ascontiguousarray(part))
    shrinks = [old // new for old, new in zip(image.size, size, strict=True)]
    if kind == Image.Resampling.BOX and image.size == (shrinks[0] * size[0], shrinks[1] * size[1]):
        return np.asarray(image.reduce((shrinks[0], shrinks[1])))  # the same, sooner
    return np.asarray(image.resize(size, kind))


def _padded(part: np.ndarray, side: tuple[int, int]) -> np.ndarray:
    if part.shape == side:
        return part
    whole = np.zeros(side, part.dtype)
    whole[: part.shape[0], : part.shape[1]] = part
    return whole
