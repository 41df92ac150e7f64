"""Cut an image of any size into overlapping tiles, and blend their probabilities.

Near its edge a tile lacks context. So its outermost sixteenth is ignored, and over the next eighth
its weight rises as in a Hann window. Beyond its border the image is mirrored, as in the
overlap-tile strategy of the U-Net (Ronneberger et al., MICCAI 2015). A side of the image that is
no longer than the tile is handled as in training: it is used whole and padded with black.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

MARGIN, RAMP = 1 / 16, 1 / 8
"""Shares of a tile's side, at each end: ignored pixels, and pixels with rising weight."""


@dataclass(frozen=True)
class Span:
    """The extent of a tile along one side of the image.

    The weights of all spans of a side sum to 1 at each pixel of the image.

    Attributes:
        pixels: For each pixel of the tile the pixel of the image, int64.
        start: The first pixel of the image that has a weight.
        margin: The position of that pixel in the tile.
        weights: The weights from there on, float32.
    """

    pixels: np.ndarray
    start: int
    margin: int
    weights: np.ndarray


def spans(length: int, side: int) -> list[Span]:
    """Return evenly spaced spans of `side` pixels that cover `length` pixels."""
    if length <= side:
        return [Span(np.arange(length), 0, 0, np.ones(length, np.float32))]
    margin, ramp = round(MARGIN * side), max(1, round(RAMP * side))
    last = length + margin - side
    count = 1 - (-(last + margin) // (side - 2 * margin - ramp))
    tile_starts = np.linspace(-margin, last, count).round().astype(int).tolist()
    window = _window(side - 2 * margin, ramp)
    total = np.zeros(length)
    for tile_start in tile_starts:
        total[tile_start + margin : tile_start + side - margin] += window
    spans = []
    for tile_start in tile_starts:
        start = tile_start + margin
        weights = (window / total[start : start + len(window)]).astype(np.float32)
        pixels = _mirror(np.arange(tile_start, tile_start + side), length)
        spans.append(Span(pixels, start, margin, weights))
    return spans


def tiles(shape: tuple[int, int], side: tuple[int, int]) -> Iterator[tuple[Span, Span]]:
    """Yield rows and columns of each tile of an image of `shape`, row by row."""
    column_spans = spans(shape[1], side[1])
    for rows in spans(shape[0], side[0]):
        for columns in column_spans:
            yield rows, columns


def add_tile(blended: np.ndarray, tile: np.ndarray, rows: Span, columns: Span) -> None:
    """Add the weighted probabilities of a tile to those of the image, `blended`."""
    height, width = len(rows.weights), len(columns.weights)
    inner = tile[rows.margin : rows.margin + height, columns.margin : columns.margin + width]
    blended[rows.start : rows.start + height, columns.start : columns.start + width] += (
        inner * rows.weights[:, None] * columns.weights
    )


def _window(length: int, ramp: int) -> np.ndarray:
    """Return a Tukey window: 1 with Hann ramps at both ends, above 0 everywhere."""
    rising = np.sin(np.pi * (np.arange(ramp) + 0.5) / (2 * ramp)) ** 2
    window = np.ones(length)
    window[:ramp] *= rising
    window[-ramp:] *= rising[::-1]
    return window


def _mirror(pixels: np.ndarray, length: int) -> np.ndarray:
    """Mirror positions outside 0 to length - 1 into that range."""
    pixels = np.abs(pixels)
    return np.where(pixels >= length, 2 * (length - 1) - pixels, pixels)
