"""Resize, pad and tile, and restore the original size."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.draw import ellipse
from skimage.transform import resize

from segsweep.data.resize import Mode, find_windows, resize_image, resize_mask, restore_size

MODES = st.sampled_from(["resize", "pad", "tile"])
MIN_DICE = 0.85
"""Smallest Dice of a mask and its restored version if it was shrunk at most 4 times."""


def ellipse_mask(height: int, width: int, row: float, column: float) -> np.ndarray:
    """Return a mask with an ellipse that covers a large part of the image."""
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
def test_mask_is_restored(
    height: int, width: int, mode: Mode, row: float, column: float, side: tuple[int, int]
) -> None:
    mask = ellipse_mask(height, width, row, column)
    windows = find_windows(mask.shape, side, mode)
    parts = [resize_mask(mask, window, side) for window in windows]
    assert all(part.shape == side and set(np.unique(part)) <= {0, 1} for part in parts)
    restored = restore_size(parts, windows, mask.shape) >= 0.5
    if mode == "tile":
        np.testing.assert_array_equal(restored, mask)
    if mode == "resize" or min(side[0] / height, side[1] / width) > 0.25:
        assert 2 * (restored & mask).sum() / (restored.sum() + mask.sum()) > MIN_DICE


@given(st.integers(1, 700), st.integers(1, 700), MODES)
def test_windows_cover_every_pixel(height: int, width: int, mode: Mode) -> None:
    side = (128, 96)
    count = np.zeros((height, width), int)
    for window in find_windows((height, width), side, mode):
        assert window.target_height <= side[0]
        assert window.target_width <= side[1]
        count[window.source] += 1
    assert count.min() == 1
    if mode != "tile":
        assert count.max() == 1


def test_pad_keeps_the_aspect_ratio_and_pads_with_black() -> None:
    image = np.ones((100, 50), np.float32)
    (window,) = find_windows(image.shape, (64, 64), "pad")
    padded = resize_image(image, window, (64, 64))
    assert (window.target_height, window.target_width) == (64, 32)
    assert padded[:, :32].min() == 255
    assert padded[:, 32:].max() == 0


@pytest.mark.parametrize("factor", [2, 3, 5])
def test_shrinking_is_anti_aliased_as_in_scikit_image(factor: int) -> None:
    """A fine pattern becomes its mean; a smooth image agrees with scikit-image."""
    side = 48
    checkerboard = (np.indices((side * factor,) * 2).sum(0) % 2).astype(np.float32)
    (window,) = find_windows(checkerboard.shape, (side, side), "resize")
    inner = resize_image(checkerboard, window, (side, side))[2:-2, 2:-2] / 255
    assert np.abs(inner - 0.5).max() < 0.17
    axis = np.linspace(0, 6, side * factor)
    smooth = (0.5 + 0.5 * np.sin(axis)[:, None] * np.cos(axis)[None]).astype(np.float32)
    expected = resize(smooth, (side, side), order=1, anti_aliasing=True)
    resized = resize_image(smooth, window, (side, side)) / 255
    assert np.abs(resized - expected).mean() < 0.01


def test_probabilities_of_overlapping_tiles_are_averaged() -> None:
    windows = find_windows((10, 6), (8, 8), "tile")
    parts = [np.full((8, 8), value, np.float32) for value in (0.2, 0.6)]
    restored = restore_size(parts, windows, (10, 6))
    assert restored.shape == (10, 6)
    assert restored[0, 0] == pytest.approx(0.2)
    assert restored[5, 3] == pytest.approx(0.4)
    assert restored[9, 5] == pytest.approx(0.6)


@pytest.mark.parametrize(("down", "across"), [(2, 2), (4, 4), (3, 5), (7, 2), (6, 1)])
def test_pixel_is_foreground_if_half_of_its_area_is(down: int, across: int) -> None:
    rng = np.random.default_rng(down)
    mask = (rng.random((32 * down, 32 * across)) < 0.5).astype(np.uint8)
    (window,) = find_windows(mask.shape, (32, 32), "resize")
    shares = mask.reshape(32, down, 32, across).mean((1, 3))
    np.testing.assert_array_equal(resize_mask(mask, window, (32, 32)), shares >= 0.5)
