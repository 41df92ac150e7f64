"""Colours, transparency and palettes of masks become values without being merged or lost."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from segsweep.data.issues import InvalidImageError
from segsweep.data.mask_checks import check_values
from segsweep.data.mask_colours import grey_as_number
from segsweep.data.mask_meaning import decide
from segsweep.data.mask_rule import MaskSettings
from segsweep.data.mask_values import MaskPage, read_mask_pages

SQUARE = np.zeros((32, 32), np.uint8)
SQUARE[8:20, 10:30] = 1
BLACK, RED, GREEN = [0, 0, 0], [255, 0, 0], [0, 255, 0]


def read_array(folder: Path, array: np.ndarray) -> MaskPage:
    np.save(folder / "x.npy", array)
    return read_mask_pages(folder / "x.npy")[1][0]


def foreground(pages: list[MaskPage], settings: MaskSettings) -> list[np.ndarray]:
    facts = [page.facts for page in pages]
    check_values(facts, settings)
    rule = decide(facts, settings)
    return [rule.apply(page) for page in pages]


@pytest.mark.parametrize(
    "dtype", ["bool", "uint8", "uint16", ">u2", "int32", "uint32", "int64", "float32", "float64"]
)
def test_colours_of_all_types_are_kept(tmp_path: Path, dtype: str) -> None:
    white = 1 if dtype == "bool" else 255
    red = (SQUARE[..., None] * np.array([white, 0, 0])).astype(dtype)
    page = read_array(tmp_path, red)
    assert page.facts.pixels.keys() == {0, "#ff0000"}
    np.testing.assert_array_equal(foreground([page], MaskSettings())[0], SQUARE)
    for shape in ((32, 32), (32, 32, 1)):
        page = read_array(tmp_path, SQUARE.astype(dtype).reshape(shape))
        np.testing.assert_array_equal(foreground([page], MaskSettings())[0], SQUARE)


@pytest.mark.parametrize("step", [257, 256])
def test_colours_of_8_bits_in_16_are_those_of_8_bits(tmp_path: Path, step: int) -> None:
    red = SQUARE[..., None].astype(np.uint16) * np.array([255 * step, 0, 0], np.uint16)
    tifffile.imwrite(tmp_path / "x.tif", red, photometric="rgb")
    (page,) = read_mask_pages(tmp_path / "x.tif")[1]
    assert page.facts.pixels.keys() == {0, "#ff0000"}


def test_colours_that_would_be_merged_are_refused(tmp_path: Path) -> None:
    for colour in ([4095, 0, 0], [-1, 0, 0]):
        with pytest.raises(InvalidImageError, match="expected 0 to 255 for red"):
            read_array(tmp_path, SQUARE[..., None] * np.array(colour, np.int32))
    shares = np.stack([1 - SQUARE * 0.7, SQUARE * 0.7, 0 * SQUARE], -1)
    with pytest.raises(InvalidImageError, match="probability for each class"):
        read_array(tmp_path, shares)


@pytest.mark.parametrize("alpha", [1, 102, 254])
def test_opacity_is_relative_to_the_most_opaque_area(tmp_path: Path, alpha: int) -> None:
    layer = np.zeros((32, 32, 4), np.uint8)
    layer[..., 0] = 255
    layer[SQUARE > 0, 3] = alpha
    page = read_array(tmp_path, layer)
    np.testing.assert_array_equal(foreground([page], MaskSettings())[0], SQUARE)


def test_areas_of_different_opacity_are_refused(tmp_path: Path) -> None:
    layer = np.zeros((32, 32, 4), np.uint8)
    layer[SQUARE > 0] = (255, 0, 0, 255)
    layer[22:30, 2:9] = (255, 0, 0, 102)
    with pytest.raises(InvalidImageError, match="alpha 102 and 255"):
        read_array(tmp_path, layer)


def test_a_transparent_colour_of_a_png_is_transparent(tmp_path: Path) -> None:
    black_on_white = Image.fromarray((1 - SQUARE)[..., None] * np.uint8(255) * np.ones(3, np.uint8))
    black_on_white.save(tmp_path / "x.png", transparency=(255, 255, 255))
    (page,) = read_mask_pages(tmp_path / "x.png")[1]
    assert page.facts.pixels.keys() == {0, "transparent"}
    found = foreground([page], MaskSettings(background=("transparent",)))[0]
    np.testing.assert_array_equal(found, SQUARE)


def save_palette(path: Path, indices: np.ndarray, colours: list[list[int]]) -> None:
    image = Image.frombytes("P", indices.shape[::-1], indices.tobytes())
    image.putpalette([level for colour in colours for level in colour])
    image.save(path)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".gif"])
def test_palettes_that_differ_are_read_as_colours_only(tmp_path: Path, suffix: str) -> None:
    other = SQUARE.copy()
    other[22:30, 2:9] = 2
    save_palette(tmp_path / f"a{suffix}", SQUARE, [BLACK, RED, GREEN])
    save_palette(tmp_path / f"b{suffix}", other, [BLACK, GREEN, RED])
    files = [tmp_path / f"{name}{suffix}" for name in "ab"]
    pages = [read_mask_pages(file)[1][0] for file in files]
    with pytest.raises(InvalidImageError, match="number 1 is #ff0000 and #00ff00") as caught:
        foreground(pages, MaskSettings((1,)))
    assert 'preprocess.masks: ["#ff0000"]' in caught.value.todo
    for found, numbers in zip(
        foreground(pages, MaskSettings("labels")), (SQUARE, other), strict=True
    ):
        np.testing.assert_array_equal(found, numbers > 0)
    pages = [read_mask_pages(file, palette_as_colours=True)[1][0] for file in files]
    first, second = foreground(pages, MaskSettings(("#ff0000",)))
    np.testing.assert_array_equal(first, SQUARE)
    np.testing.assert_array_equal(second, other == 2)


def test_a_palette_of_one_colour_is_not_meant_to_be_seen(tmp_path: Path) -> None:
    save_palette(tmp_path / "a.png", SQUARE, [BLACK, RED])
    save_palette(tmp_path / "b.png", SQUARE, [BLACK, BLACK])
    pages = [read_mask_pages(tmp_path / f"{name}.png")[1][0] for name in "ab"]
    for found in foreground(pages, MaskSettings((1,))):
        np.testing.assert_array_equal(found, SQUARE)


def test_grey_colours_are_numbers() -> None:
    assert [grey_as_number(v) for v in ("#808080", "#ff0000", "transparent", 3)] == [
        128,
        "#ff0000",
        "transparent",
        3,
    ]
