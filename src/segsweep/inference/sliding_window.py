"""An image of any size as overlapping tiles of the network's, and their results blended.

At its edge a tile knows too little of what surrounds it. So its outermost sixteenth counts nothing,
and over the next eighth its weight rises as a Hann window does. Beyond the image's own border the
image is mirrored, as in the U-Net's overlap-tile strategy (Ronneberger et al., MICCAI 2015). A side
no longer than the tile's is taken as in training: whole, with black after it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

MARGIN, RISE = 1 / 16, 1 / 8
"""Shares of a tile's side, at each end: what counts nothing, and where its weight rises."""


@dataclass(frozen=True)
class Cut:
    """A tile along one side of the image.

    `pixels`: which pixel of the image each of its pixels is (int64). `begin`: the place in the
    image of those that count; `weights`: theirs, float32, from place `skipped` of the tile on. The
    weights of all cuts of a side add up to 1 at each pixel of the image.
    """

    pixels: np.ndarray
    begin: int
    skipped: int
    weights: np.ndarray


def cuts(length: int, side: int) -> list[Cut]:
    """The tiles of `side` pixels along `length` pixels, evenly spaced."""
    if length <= side:
        return [Cut(np.arange(length), 0, 0, np.ones(length, np.float32))]
    margin, rise = round(MARGIN * side), max(1, round(RISE * side))
    last = length + margin - side
    count = 1 - (-(last + margin) // (side - 2 * margin - rise))
    starts = np.linspace(-margin, last, count).round().astype(int).tolist()
    window = _window(side - 2 * margin, rise)
    total = np.zeros(length)
    for start in starts:
        total[start + margin : start + side - margin] += window
    found = []
    for start in starts:
        begin = start + margin
        weights = (window / total[begin : begin + len(window)]).astype(np.float32)
        found.append(Cut(_mirrored(np.arange(start, start + side), length), begin, margin, weights))
    return found


def add(whole: np.ndarray, part: np.ndarray, down: Cut, across: Cut) -> None:
    """Add a tile's probabilities to those of the image, by their weight."""
    rows, columns = len(down.weights), len(across.weights)
    counted = part[down.skipped : down.skipped + rows, across.skipped : across.skipped + columns]
    whole[down.begin : down.begin + rows, across.begin : across.begin + columns] += (
        counted * down.weights[:, None] * across.weights
    )


def places(shape: tuple[int, int], side: tuple[int, int]) -> Iterator[tuple[Cut, Cut]]:
    """The tiles of an image of `shape`, row by row."""
    across = cuts(shape[1], side[1])
    for down in cuts(shape[0], side[0]):
        for cut in across:
            yield down, cut


def _window(length: int, rise: int) -> np.ndarray:
    """A Hann window drawn out flat in its middle (a Tukey window), above 0 everywhere."""
    ramp = np.sin(np.pi * (np.arange(rise) + 0.5) / (2 * rise)) ** 2
    window = np.ones(length)
    window[:rise] *= ramp
    window[-rise:] *= ramp[::-1]
    return window


def _mirrored(pixels: np.ndarray, length: int) -> np.ndarray:
    pixels = np.abs(pixels)
    return np.where(pixels >= length, 2 * (length - 1) - pixels, pixels)
