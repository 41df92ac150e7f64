"""Grey values, foreground and rescaling, compared with NumPy and scikit-image."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from skimage.exposure import rescale_intensity
from skimage.io import imsave

from segsweep.data.images import (
    GreyPage,
    check_levels,
    percentiles,
    read_grey,
    rescale_grey,
    stretch,
)
from segsweep.data.issues import InvalidImageError


def levels_of(page: GreyPage, black: float, white: float) -> None:
    """Check the grey levels of a page that is rescaled between two values."""
    check_levels(page, rescale_grey(page.pixels, black, white), black, white)


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
    stretched, low, high = stretch(GreyPage(image), 2, 98)
    np.testing.assert_allclose(stretched, expected, atol=1e-6)
    assert (low, high) == pytest.approx((black, white))


def test_few_bright_pixels_on_flat_background_are_kept() -> None:
    image = np.zeros((100, 100), np.uint16)
    image[5, 5] = 4000
    stretched, black, white = stretch(GreyPage(image), 1, 99)
    assert (stretched[5, 5], stretched.min(), black, white) == (1, 0, 0, 4000)


def test_sixteen_bits_are_kept_until_rescaled() -> None:
    """Two grey values that 8 bits would merge stay different if an image uses a small range."""
    image = np.full((16, 16), 30_000, np.uint16)
    image[:, 8:] = 30_040
    image[0, 0], image[0, 1] = 29_960, 30_080
    stretched, _, _ = stretch(GreyPage(image), 0, 100)
    assert stretched[5, 9] - stretched[5, 2] > 0.3


@pytest.mark.parametrize(
    ("kind", "pixels"),
    [
        ("constant", np.full((8, 8), 9, np.uint8)),
        ("constant", np.where(np.eye(8), np.nan, 3).astype(np.float32)),
        ("not_finite", np.full((8, 8), np.nan, np.float32)),
    ],
)
def test_invalid_images_are_refused(tmp_path: Path, kind: str, pixels: np.ndarray) -> None:
    with pytest.raises(InvalidImageError) as caught:
        read_grey(save(tmp_path, pixels))
    assert caught.value.kind == kind


@pytest.mark.parametrize("missing", [np.nan, np.inf, -np.inf, -9999.0, -3.4028235e38])
def test_pixels_without_data_do_not_count_for_the_percentiles(
    tmp_path: Path, missing: float
) -> None:
    clean = np.random.default_rng(0).normal(300, 5, (60, 80)).astype(np.float32)
    image = clean.copy()
    image[:10, :20] = missing
    tag = [(42113, "s", 0, str(missing), True)] if np.isfinite(missing) else []
    tifffile.imwrite(tmp_path / "x.tif", image, extratags=tag)
    (page,), _ = read_grey(tmp_path / "x.tif")
    stretched, black, white = stretch(page, 1, 99)
    valid = np.ones(image.shape, bool)
    valid[:10, :20] = False
    assert (black, white) == pytest.approx(np.percentile(image[valid], [1, 99]))
    np.testing.assert_allclose(
        stretched[valid], np.clip((clean[valid] - black) / (white - black), 0, 1), atol=1e-6
    )
    assert (stretched[~valid] == 0).all()
    tifffile.imwrite(tmp_path / "y.tif", image)
    (named,), _ = read_grey(tmp_path / "y.tif", nodata=[missing])
    np.testing.assert_array_equal(named.pixels, page.pixels)


def test_outliers_that_take_the_whole_range_are_refused() -> None:
    rng = np.random.default_rng(0)
    image = rng.normal(300, 5, (60, 80)).astype(np.float32)
    levels_of(GreyPage(image), *np.percentile(image, [1, 99.8]))
    image[:10, :20] = -9999
    with pytest.raises(InvalidImageError, match="rescaled from -9999 to") as caught:
        levels_of(GreyPage(image), *np.percentile(image, [1, 99.8]))
    assert caught.value.kind == "few_levels"
    assert "preprocess.nodata: [-9999]" in caught.value.todo
    spots = rng.poisson(100, (60, 80)).astype(np.uint16)  # a dim background with bright spots
    spots[20:25, 20:28] = rng.integers(2000, 4000, (5, 8))
    levels_of(GreyPage(spots), *np.percentile(spots, [1, 99.8]))
    few = np.zeros((60, 80), np.uint16)  # nearly empty, but nothing is lost
    few[3:5, 3:9] = 60_000
    levels_of(GreyPage(few), *np.percentile(few, [1, 99.8]))


@pytest.mark.parametrize("outlier", [-32768, 32767])
def test_one_value_far_from_all_others_is_refused(outlier: int) -> None:
    """They keep some levels, so that nearly all pixels are not in three of them."""
    rng = np.random.default_rng(0)
    image = rng.integers(1000, 6000, (60, 80)).astype(np.int16)
    image[:4, :60] = outlier
    limits = np.percentile(image, [1, 99.8])
    with pytest.raises(InvalidImageError) as caught:
        levels_of(GreyPage(image), *limits)
    assert f"preprocess.nodata: [{outlier}]" in caught.value.todo
    valid = image != outlier
    levels_of(GreyPage(image, valid), *np.percentile(image[valid], [1, 99.8]))
    image[:4, 60:] = np.linspace(outlier, 1000, 20)  # continuous up to the outlier
    levels_of(GreyPage(image), *limits)


def test_colour_without_data_is_found_whatever_its_alpha(tmp_path: Path) -> None:
    image = np.full((30, 40, 4), 65535, np.uint16)
    image[..., :3] = np.random.default_rng(0).integers(20_000, 22_000, (30, 40, 1))
    image[:3, :, :3] = 0
    tag = [(42113, "s", 0, "0", True)]
    tifffile.imwrite(
        tmp_path / "x.tif", image, photometric="rgb", extrasamples=["unassalpha"], extratags=tag
    )
    (page,), _ = read_grey(tmp_path / "x.tif")
    assert page.valid is not None
    np.testing.assert_array_equal(~page.valid, np.indices((30, 40))[0] < 3)


@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
def test_pixels_without_data_are_found_in_reversed_images(tmp_path: Path, photometric: str) -> None:
    image = np.random.default_rng(0).integers(10, 250, (40, 50)).astype(np.uint8)
    image[:5, :9] = 0
    tag = [(42113, "s", 0, "0", True)]
    tifffile.imwrite(tmp_path / "x.tif", image, photometric=photometric, extratags=tag)
    (page,), _ = read_grey(tmp_path / "x.tif")
    assert page.valid is not None
    np.testing.assert_array_equal(page.valid, image != 0)
