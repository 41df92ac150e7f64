"""Reading, normalising and resizing single images, written here by Pillow and scikit-image."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.io import imsave

from segsweep.data.images import (
    ImageError,
    normalise,
    read_grey,
    read_mask,
    resize_image,
    resize_mask,
)


def test_grey_values_come_back_as_they_were_written(tmp_path: Path) -> None:
    pixels = np.arange(600, dtype=np.uint16).reshape(20, 30) * 100
    imsave(tmp_path / "deep.tif", pixels, check_contrast=False)
    np.testing.assert_array_equal(read_grey(tmp_path / "deep.tif"), pixels)


def test_colour_becomes_luminance(tmp_path: Path) -> None:
    pixels = np.zeros((2, 2, 3), np.uint8)
    pixels[0, 0] = (0, 255, 0)
    imsave(tmp_path / "green.png", pixels, check_contrast=False)
    grey = read_grey(tmp_path / "green.png")
    assert grey[0, 0] == pytest.approx(255 * 0.7152)
    assert grey[1, 1] == 0


def test_labels_and_palettes_become_foreground_and_background(tmp_path: Path) -> None:
    labels = np.array([[0, 1], [7, 255]], np.uint8)
    imsave(tmp_path / "labels.png", labels, check_contrast=False)
    np.testing.assert_array_equal(read_mask(tmp_path / "labels.png"), [[0, 1], [1, 1]])
    palette = Image.fromarray(np.array([[0, 1], [1, 0]], np.uint8), mode="P")
    palette.putpalette([255, 255, 255, 0, 0, 0])
    palette.save(tmp_path / "palette.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "palette.png"), [[0, 1], [1, 0]])


def test_percentiles_become_black_and_white() -> None:
    image = np.linspace(0, 1000, 101).reshape(1, -1)
    stretched = normalise(image, 10, 90)
    assert stretched.min() == 0
    assert stretched.max() == 1
    assert stretched[0, 50] == pytest.approx(0.5)
    np.testing.assert_allclose(normalise(3 * image + 40, 10, 90), stretched)


def test_a_mask_stays_zero_and_one_and_an_image_is_smoothed() -> None:
    board = np.indices((64, 64)).sum(axis=0) % 2
    assert set(np.unique(resize_mask(board.astype(np.uint8), (24, 40)))) == {0, 1}
    smoothed = resize_image(board.astype(float), (16, 16))
    assert smoothed.dtype == np.uint8
    assert 100 < smoothed.mean() < 155
    assert smoothed.std() < 30


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"not an image", "cannot be read as an image"), (None, "one constant grey value")],
)
def test_what_cannot_be_used_is_said(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "x.png"
    if content is None:
        imsave(path, np.full((8, 8), 9, np.uint8), check_contrast=False)
    else:
        path.write_bytes(content)
    with pytest.raises(ImageError, match=said):
        read_grey(path)
