"""Grey values, foreground and rescaling, compared with NumPy and scikit-image."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from skimage.exposure import rescale_intensity
from skimage.filters import gaussian
from skimage.io import imsave

from segsweep.data.images import percentiles, read_grey, read_mask, stretch
from segsweep.data.issues import InvalidImageError

SQUARE = np.zeros((32, 32), np.uint8)
SQUARE[8:20, 10:30] = 1


def save(folder: Path, pixels: np.ndarray, name: str = "x.tif") -> Path:
    imsave(folder / name, pixels, check_contrast=False)
    return folder / name


@given(
    st.sampled_from([np.uint8, np.uint16]).flatmap(
        lambda dtype: arrays.arrays(dtype, arrays.array_shapes(min_dims=2, max_dims=2, max_side=40))
    ),
    st.tuples(st.floats(0, 100), st.floats(0, 100)),
)
def test_percentiles_equal_numpy(image: np.ndarray, which: tuple[float, float]) -> None:
    np.testing.assert_allclose(percentiles(image, which), np.percentile(image, which), rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_stretch_equals_scikit_image(dtype: type) -> None:
    image = (np.random.default_rng(0).gamma(2, 30, (60, 70))).astype(dtype)
    black, white = np.percentile(image, [2, 98])
    expected = rescale_intensity(image, (black, white), (0, 1))
    stretched, low, high = stretch(image, 2, 98)
    np.testing.assert_allclose(stretched, expected, atol=1e-6)
    assert (low, high) == pytest.approx((black, white))


def test_few_bright_pixels_on_flat_background_are_kept() -> None:
    image = np.zeros((100, 100), np.uint16)
    image[5, 5] = 4000
    stretched, black, white = stretch(image, 1, 99)
    assert (stretched[5, 5], stretched.min(), black, white) == (1, 0, 0, 4000)


def test_sixteen_bits_are_kept_until_rescaled() -> None:
    """Two grey values that 8 bits would merge stay different if an image uses a small range."""
    image = np.full((16, 16), 30_000, np.uint16)
    image[:, 8:] = 30_040
    image[0, 0], image[0, 1] = 29_960, 30_080
    stretched, _, _ = stretch(image, 0, 100)
    assert stretched[5, 9] - stretched[5, 2] > 0.3


def test_labels_classes_and_binary_masks(tmp_path: Path) -> None:
    labels = SQUARE.astype(np.uint16) * 300
    labels[25:30, 2:8] = 7
    path = save(tmp_path, labels)
    np.testing.assert_array_equal(read_mask(path, "labels")[0], labels > 0)
    np.testing.assert_array_equal(read_mask(path, (7,))[0], labels == 7)
    with pytest.raises(InvalidImageError, match=r"0, 7, 300, expected 0 and one other") as caught:
        read_mask(path, "binary")
    assert "preprocess.masks: labels" in caught.value.todo
    for value in (1, 255):
        binary = save(tmp_path, SQUARE * np.uint8(value), "binary.png")
        np.testing.assert_array_equal(read_mask(binary, "binary")[0], SQUARE)


def test_each_colour_of_a_mask_is_a_value(tmp_path: Path) -> None:
    colours = np.zeros((*SQUARE.shape, 3), np.uint8)
    colours[SQUARE == 1] = (255, 0, 0)
    path = save(tmp_path, colours, "c.png")
    np.testing.assert_array_equal(read_mask(path, "binary")[0], SQUARE)
    colours[0, 0] = (0, 0, 255)
    with pytest.raises(InvalidImageError, match="expected 0 and one other"):
        read_mask(save(tmp_path, colours, "c.png"), "binary")


@pytest.mark.parametrize(
    ("kind", "pixels"),
    [
        ("constant", np.full((8, 8), 9, np.uint8)),
        ("not_finite", np.array([[0, np.nan], [1, 2]], np.float32)),
        ("not_finite", np.array([[0, np.inf], [1, 2]], np.float32)),
    ],
)
def test_invalid_images_are_refused(tmp_path: Path, kind: str, pixels: np.ndarray) -> None:
    with pytest.raises(InvalidImageError) as caught:
        read_grey(save(tmp_path, pixels))
    assert caught.value.kind == kind


@pytest.mark.parametrize("foreground", ["binary", "labels"])
def test_image_is_refused_as_mask(tmp_path: Path, foreground: str) -> None:
    noisy = np.random.default_rng(0).normal(120, 30, (64, 64)).clip(0, 255).astype(np.uint8)
    with pytest.raises(InvalidImageError) as caught:
        read_mask(save(tmp_path, noisy), foreground)
    assert caught.value.kind == "mask_is_image"
    with pytest.raises(InvalidImageError) as caught:
        read_mask(save(tmp_path, SQUARE * np.uint8(255), "x.jpg"), foreground)
    assert caught.value.kind == "lossy_mask"


def test_mask_with_many_small_labels_is_accepted(tmp_path: Path) -> None:
    labels = np.kron(np.arange(1, 145).reshape(12, 12), np.ones((8, 8))).astype(np.uint16)
    assert read_mask(save(tmp_path, labels), "labels")[0].all()


def test_smooth_image_is_refused_as_label_image(tmp_path: Path) -> None:
    """A blurred, quantised image with zero background is still recognised as an image."""
    noise = np.random.default_rng(0).normal(0, 1, (96, 96))
    smooth = gaussian(noise, 2)
    quantised = np.clip((smooth - smooth.mean()) / smooth.std() * 20, 0, 60).astype(np.uint8)
    with pytest.raises(InvalidImageError) as caught:
        read_mask(save(tmp_path, quantised), "labels")
    assert caught.value.kind == "mask_is_image"


def test_coloured_classes_and_masks_in_alpha_are_refused(tmp_path: Path) -> None:
    colours = np.zeros((*SQUARE.shape, 3), np.uint8)
    colours[SQUARE == 1] = (255, 0, 0)
    with pytest.raises(InvalidImageError, match="has colours, expected class numbers"):
        read_mask(save(tmp_path, colours, "c.png"), (1,))
    alpha = np.full((*SQUARE.shape, 4), 255, np.uint8)
    alpha[..., 3] = SQUARE * 255
    with pytest.raises(InvalidImageError, match="has its objects only in the alpha channel"):
        read_mask(save(tmp_path, alpha, "a.png"), "binary")
