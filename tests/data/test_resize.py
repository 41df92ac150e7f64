"""Resize, pad and tile, and back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.draw import ellipse
from skimage.transform import resize

from segsweep.data.resize import Mode, place_image, place_mask, restore, windows

MODES = st.sampled_from(["resize", "pad", "tile"])
DICE_BACK = 0.85
"""What a mask of a blob keeps at least, there and back, where it is shrunk at most 4 times; tiles
keep every pixel."""


def blob(height: int, width: int, row: float, column: float) -> np.ndarray:
    """An ellipse that covers a good part of the image."""
    mask = np.zeros((height, width), np.uint8)
    centre = (0.3 + 0.4 * row) * height, (0.3 + 0.4 * column) * width
    rows, columns = ellipse(*centre, 0.25 * height, 0.25 * width, shape=mask.shape)
    mask[rows, columns] = 1
    return mask


@settings(max_examples=150)
@given(
    st.integers(40, 260),
    st.integers(40, 260),
    MODES,
    st.floats(0, 1),
    st.floats(0, 1),
    st.sampled_from([(64, 64), (64, 96), (128, 64)]),
)
def test_a_mask_comes_back(
    height: int, width: int, mode: Mode, row: float, column: float, side: tuple[int, int]
) -> None:
    mask = blob(height, width, row, column)
    placed = windows(mask.shape, side, mode)
    parts = [place_mask(mask, window, side) for window in placed]
    assert all(part.shape == side and set(np.unique(part)) <= {0, 1} for part in parts)
    back = restore(parts, placed, mask.shape) >= 0.5
    if mode == "tile":
        np.testing.assert_array_equal(back, mask)
    if mode == "resize" or min(side[0] / height, side[1] / width) > 0.25:
        assert 2 * (back & mask).sum() / (back.sum() + mask.sum()) > DICE_BACK


@given(st.integers(1, 700), st.integers(1, 700), MODES)
def test_windows_cover_every_pixel(height: int, width: int, mode: Mode) -> None:
    side = (128, 96)
    seen = np.zeros((height, width), int)
    for window in windows((height, width), side, mode):
        assert window.target_height <= side[0]
        assert window.target_width <= side[1]
        seen[window.source] += 1
    assert seen.min() == 1
    if mode != "tile":
        assert seen.max() == 1


def test_padding_keeps_the_aspect_and_is_black() -> None:
    image = np.ones((100, 50), np.float32)
    (window,) = windows(image.shape, (64, 64), "pad")
    placed = place_image(image, window, (64, 64))
    assert (window.target_height, window.target_width) == (64, 32)
    assert placed[:, :32].min() == 255
    assert placed[:, 32:].max() == 0


@pytest.mark.parametrize("factor", [2, 3, 5])
def test_shrinking_is_anti_aliased_as_scikit_images(factor: int) -> None:
    """A fine pattern becomes its mean, and a smooth image what scikit-image makes of it."""
    side = 48
    board = (np.indices((side * factor,) * 2).sum(0) % 2).astype(np.float32)
    (window,) = windows(board.shape, (side, side), "resize")
    assert np.abs(place_image(board, window, (side, side))[2:-2, 2:-2] / 255 - 0.5).max() < 0.17
    axis = np.linspace(0, 6, side * factor)
    smooth = (0.5 + 0.5 * np.sin(axis)[:, None] * np.cos(axis)[None]).astype(np.float32)
    expected = resize(smooth, (side, side), order=1, anti_aliasing=True)
    found = place_image(smooth, window, (side, side)) / 255
    assert np.abs(found - expected).mean() < 0.01


def test_probabilities_of_overlapping_tiles_are_averaged() -> None:
    placed = windows((10, 6), (8, 8), "tile")
    parts = [np.full((8, 8), value, np.float32) for value in (0.2, 0.6)]
    back = restore(parts, placed, (10, 6))
    assert back.shape == (10, 6)
    assert back[0, 0] == pytest.approx(0.2)
    assert back[5, 3] == pytest.approx(0.4)
    assert back[9, 5] == pytest.approx(0.6)


@pytest.mark.parametrize(("down", "across"), [(2, 2), (4, 4), (3, 5), (7, 2), (6, 1)])
def test_a_pixel_is_foreground_if_half_of_what_it_covers_is(down: int, across: int) -> None:
    chance = np.random.default_rng(down)
    mask = (chance.random((32 * down, 32 * across)) < 0.5).astype(np.uint8)
    (window,) = windows(mask.shape, (32, 32), "resize")
    shares = mask.reshape(32, down, 32, across).mean((1, 3))
    np.testing.assert_array_equal(place_mask(mask, window, (32, 32)), shares >= 0.5)
