"""Mask values that do not fit the study's keys are refused, with a way out that works."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from mask_examples import meaning, pages, refusal
from segsweep.config.sections import Preprocess
from segsweep.data.mask_rule import MaskSettings
from segsweep.data.mask_shapes import is_smoothed
from segsweep.data.mask_values import Value, read_mask_pages

SQUARE = np.zeros((40, 60), np.uint8)
SQUARE[8:20, 10:30] = 1
DISC = (np.hypot(*np.mgrid[-20:20, -30:30]) < 15.3).astype(np.uint8)


def supersampled(mask: np.ndarray, white: int = 255) -> np.ndarray:
    big = np.roll(np.kron(mask, np.ones((4, 4))), (1, 2), (0, 1))
    height, width = mask.shape
    shares = big.reshape(height, 4, width, 4).mean((1, 3))
    return np.rint(shares * white).astype(np.uint8)


@pytest.mark.parametrize(
    "settings",
    [MaskSettings(background=(255,)), MaskSettings(background=(1,)), MaskSettings((0,))],
)
def test_white_of_1_bit_can_be_background(tmp_path: Path, settings: MaskSettings) -> None:
    numbers = (1 - SQUARE) * np.uint8(1 if settings.background == (1,) else 255)
    for found in meaning(pages(tmp_path, SQUARE == 0, numbers), settings):
        np.testing.assert_array_equal(found, SQUARE)


def test_white_of_1_bit_next_to_classes_is_refused(tmp_path: Path) -> None:
    read = pages(tmp_path, SQUARE > 0, SQUARE * np.uint8(2))
    assert "add white to preprocess.masks" in refusal(read, MaskSettings((2,))).todo
    for found in meaning(read, MaskSettings((2, "white"))):
        np.testing.assert_array_equal(found, SQUARE)


@pytest.mark.parametrize(("void", "dtype"), [(255, np.uint8), (65535, np.uint16)])
def test_void_next_to_labels_is_refused(tmp_path: Path, void: int, dtype: type) -> None:
    mask = SQUARE.astype(dtype)
    mask[:4] = void
    read = pages(tmp_path, mask, suffix=".tif")
    for masks in ("labels", (1,)):
        error = refusal(read, MaskSettings(masks))
        assert f"preprocess.ignore: {void}" in error.todo
        (found,) = meaning(read, MaskSettings(masks, ignore=void))
        np.testing.assert_array_equal(found, np.where(mask == void, 255, mask))
    (found,) = meaning(read, MaskSettings("labels", background=(0,)))
    np.testing.assert_array_equal(found, mask > 0)


def test_lines_of_zero_between_labels_are_no_object(tmp_path: Path) -> None:
    mask = SQUARE + np.uint8(1)  # as a watershed writes them
    mask[ndimage.binary_dilation(SQUARE) & (SQUARE == 0)] = 0
    read = pages(tmp_path, mask)
    assert "[0, 1] if 0 is no object" in refusal(read, MaskSettings("labels")).todo
    (found,) = meaning(read, MaskSettings("labels", background=(0, 1)))
    np.testing.assert_array_equal(found, SQUARE)


def test_a_negative_number_as_the_only_other_value_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", SQUARE.astype(np.int8) - 1)
    read = read_mask_pages(tmp_path / "x.npy")[1]
    assert "preprocess.background: [-1]" in refusal(read, MaskSettings()).todo
    np.testing.assert_array_equal(meaning(read, MaskSettings(background=(-1,)))[0], SQUARE)
    np.testing.assert_array_equal(meaning(read, MaskSettings((-1,)))[0], 1 - SQUARE)


@pytest.mark.parametrize("settings", [{"ignore": 255}, {"background": (7, "#000001")}])
def test_values_in_the_study_that_no_mask_has_are_refused(
    tmp_path: Path, settings: dict[str, tuple[Value, ...]]
) -> None:
    read = pages(tmp_path, SQUARE * np.uint8(2))
    (key,) = settings
    for masks in ("binary", "labels", (2,)):
        error = refusal(read, MaskSettings(masks, **settings))  # type: ignore[arg-type]
        assert f"preprocess.{key} is" in error.found
        assert "which is in no mask" in error.found


def test_one_value_has_one_meaning() -> None:
    for keys in ({"masks": [1], "ignore": 1}, {"background": ["#FF0000"], "ignore": "#ff0000"}):
        with pytest.raises(ValueError, match="in both, expected each value in one of them"):
            Preprocess.model_validate(keys)
    assert Preprocess(masks=["#FF00aa"]).masks == ["#ff00aa"]


def test_a_drawn_border_of_one_grey_is_no_smoothing(tmp_path: Path) -> None:
    mask = DISC * np.uint8(255)
    mask[ndimage.binary_dilation(DISC, iterations=2) & (DISC == 0)] = 128
    read = pages(tmp_path, mask)
    assert "preprocess.masks: [128], or [128, 255]" in refusal(read, MaskSettings()).todo
    (found,) = meaning(read, MaskSettings((255,), ignore=128))
    np.testing.assert_array_equal(found, np.where(mask == 128, 255, DISC))


@pytest.mark.parametrize("masks", ["labels", (255,), ("#ff0000",)])
def test_smoothed_masks_are_neither_labels_nor_classes(
    tmp_path: Path, masks: str | tuple[Value, ...]
) -> None:
    mask = supersampled(DISC)
    if masks == ("#ff0000",):
        mask = mask[..., None] * np.array([1, 0, 0], np.uint8)
    error = refusal(pages(tmp_path, mask), MaskSettings(masks))
    assert "along the edges they lie between those of the areas" in error.found
    assert "preprocess.masks: binary" in error.todo


@pytest.mark.parametrize("kind", [Image.Resampling.BILINEAR, Image.Resampling.BICUBIC])
@pytest.mark.parametrize("factor", [0.5, 1.3])
def test_interpolated_labels_are_refused(
    tmp_path: Path, kind: Image.Resampling, factor: float
) -> None:
    labels = np.zeros((120, 160), np.uint8)
    for number in range(1, 7):
        labels[10 : 15 + 12 * number, 22 * number : 22 * number + 15] = 30 * number
    size = round(160 * factor), round(120 * factor)
    read = pages(tmp_path, np.asarray(Image.fromarray(labels).resize(size, kind)))
    assert "interpolation" in refusal(read, MaskSettings("labels")).found
    size_of_nearest = Image.fromarray(labels).resize(size, Image.Resampling.NEAREST)
    read = pages(tmp_path, np.asarray(size_of_nearest))
    assert meaning(read, MaskSettings("labels"))[0].any()


def test_small_touching_labels_are_not_smoothed() -> None:
    rng = np.random.default_rng(0)
    for count in (150, 1000, 3000):
        points = rng.integers(0, 192, (2, count))
        seeds = np.zeros((192, 192), int)
        seeds[*points] = rng.permutation(count) + 1
        nearest = ndimage.distance_transform_edt(seeds == 0, return_indices=True)[1]
        blobs = ndimage.gaussian_filter(rng.random((192, 192)), 6)
        assert not is_smoothed(np.where(blobs > np.median(blobs), seeds[*nearest], 0))


@pytest.mark.parametrize("background", [(255,), (0,)])
def test_grey_edges_with_a_stated_background(tmp_path: Path, background: tuple[int, ...]) -> None:
    mask = supersampled(DISC)
    read = pages(tmp_path, 255 - mask, np.full_like(mask, 255), suffix=".tif")
    found, empty = meaning(read, MaskSettings(background=background))
    dark = 255 - mask < 127.5
    np.testing.assert_array_equal(found, dark if background == (255,) else ~dark)
    assert empty.all() == (background == (0,))


def test_a_dim_object_among_masks_with_grey_edges_is_no_stray_edge(tmp_path: Path) -> None:
    dim = np.zeros_like(DISC)
    dim[20:23, 30:33] = 100
    read = pages(tmp_path, supersampled(DISC), dim)
    assert refusal(read, MaskSettings()).kind == "mask_value"
