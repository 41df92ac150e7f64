"""The meaning of mask values, decided from all masks of a data set."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter
from scipy import ndimage
from skimage.filters import gaussian

from mask_examples import meaning, pages, refusal, rule_of
from segsweep.data.issues import InvalidImageError
from segsweep.data.mask_rule import MaskSettings
from segsweep.data.mask_values import read_mask_pages

SQUARE = np.zeros((32, 32), np.uint8)
SQUARE[8:20, 10:30] = 1
BINARY, LABELS = MaskSettings(), MaskSettings("labels")


def coloured(*colours: tuple[int, ...]) -> np.ndarray:
    """Return a mask whose background has the first colour and whose square the second."""
    return np.array(colours, np.uint8)[SQUARE]


def test_numbers_as_labels_classes_and_binary_masks(tmp_path: Path) -> None:
    labels = SQUARE.astype(np.uint16) * 300
    labels[25:30, 2:8] = 7
    read = pages(tmp_path, labels, suffix=".tif")
    np.testing.assert_array_equal(meaning(read, LABELS)[0], labels > 0)
    np.testing.assert_array_equal(meaning(read, MaskSettings((7,)))[0], labels == 7)
    error = refusal(read, BINARY)
    assert "0, 7, 300, expected 0 and one other" in error.found
    assert "preprocess.masks: labels" in error.todo
    assert "preprocess.masks: [7], or [7, 300]" in error.todo or "[300]" in error.todo
    for value in (1, 255):
        read = pages(tmp_path, SQUARE * np.uint8(value))
        np.testing.assert_array_equal(meaning(read, BINARY)[0], SQUARE)


@pytest.mark.parametrize("masks", ["binary", (1,)])
def test_two_codings_of_the_foreground_are_refused(tmp_path: Path, masks: Any) -> None:
    read = pages(tmp_path, SQUARE, SQUARE * np.uint8(255), SQUARE * np.uint8(0))
    error = refusal(read, MaskSettings(masks))
    assert "0 in 3, 1 in 1, 255 in 1 of 3 masks" in error.found
    assert "preprocess.ignore: 255" in error.todo
    for way in ((1, 255), (255, 1)):
        for mask, expected in zip(
            meaning(read, MaskSettings(way)), (SQUARE, SQUARE, 0 * SQUARE), strict=True
        ):
            np.testing.assert_array_equal(mask, expected)
    first, second, _ = meaning(read, MaskSettings(masks, ignore=255))
    np.testing.assert_array_equal(first, SQUARE)
    np.testing.assert_array_equal(second, SQUARE * 255)
    _, second, _ = meaning(read, MaskSettings((1,), background=(0, 255)))
    assert not second.any()


def test_negative_numbers_can_be_ignored(tmp_path: Path) -> None:
    mask = SQUARE.astype(np.int32)
    mask[:4] = -1
    np.save(tmp_path / "x.npy", mask)
    read = read_mask_pages(tmp_path / "x.npy")[1]
    for masks in ("binary", "labels", (1,)):
        assert "preprocess.ignore: -1" in refusal(read, MaskSettings(masks)).todo
        (found,) = meaning(read, MaskSettings(masks, ignore=-1))
        np.testing.assert_array_equal(found, np.where(mask == -1, 255, mask))


def test_a_listed_class_that_no_mask_has_is_refused(tmp_path: Path) -> None:
    read = pages(tmp_path, SQUARE * np.uint8(2))
    assert "lists 1, which is in no mask" in refusal(read, MaskSettings((1,))).found


def test_unlisted_classes_are_background(tmp_path: Path) -> None:
    mask = SQUARE + np.uint8(1)  # 1 is background, 2 is foreground, as ilastik exports them
    read = pages(tmp_path, mask)
    np.testing.assert_array_equal(meaning(read, MaskSettings((2,)))[0], SQUARE)
    assert "preprocess.background" in refusal(read, BINARY).todo
    assert "preprocess.background: [1]" in refusal(read, LABELS).todo
    for settings in (MaskSettings(background=(1,)), MaskSettings("labels", background=(1,))):
        np.testing.assert_array_equal(meaning(read, settings)[0], SQUARE)


def test_colours_are_values(tmp_path: Path) -> None:
    red_on_black = coloured((0, 0, 0), (255, 0, 0))
    for settings in (BINARY, LABELS, MaskSettings(("#ff0000",))):
        read = pages(tmp_path, red_on_black, red_on_black * 0)
        found, empty = meaning(read, settings)
        np.testing.assert_array_equal(found, SQUARE)
        assert not empty.any()
    read = pages(tmp_path, coloured((255, 255, 255), (255, 0, 0)))
    assert (
        'preprocess.masks: ["#ff0000"]' in refusal(read, BINARY).todo
        or "#ff0000" in refusal(read, BINARY).todo
    )
    assert "preprocess.background: [255]" in refusal(read, LABELS).todo
    for settings in (MaskSettings(("#ff0000",)), MaskSettings("labels", background=(255,))):
        np.testing.assert_array_equal(meaning(read, settings)[0], SQUARE)


@pytest.mark.parametrize(
    "colours",
    [
        ((0, 0, 0, 0), (255, 0, 0, 255)),
        ((255, 255, 255, 0), (255, 0, 0, 255)),
        ((255, 255, 255, 0), (255, 255, 255, 255)),
        ((0, 0, 0, 0), (0, 0, 0, 255)),
        ((90, 20, 0, 0), (90, 20, 0, 200)),
    ],
)
def test_what_is_drawn_on_a_transparent_layer_is_foreground(
    tmp_path: Path, colours: tuple[tuple[int, ...], ...]
) -> None:
    read = pages(tmp_path, coloured(*colours), coloured(colours[0], colours[0]))
    if colours[1][:3] == (0, 0, 0):  # black could be the background as well
        assert "preprocess.background" in refusal(read, BINARY).todo
        settings = [MaskSettings(background=("transparent",))]
    else:
        settings = [BINARY, LABELS]
    for setting in settings:
        found, empty = meaning(read, setting)
        np.testing.assert_array_equal(found, SQUARE)
        assert not empty.any()


def test_alpha_that_says_nothing_is_ignored(tmp_path: Path) -> None:
    for alpha in (0, 255):  # 0: a fourth channel that the program did not use
        read = pages(tmp_path, coloured((0, 0, 0, alpha), (255, 255, 255, alpha)))
        np.testing.assert_array_equal(meaning(read, BINARY)[0], SQUARE)
    drawn = coloured((255, 255, 255, 0), (255, 255, 255, 255))
    read = pages(tmp_path, drawn, coloured((0, 0, 0, 0), (255, 255, 255, 0)))
    assert "wholly transparent" in refusal(read, BINARY).found


def discs(scale: int = 1) -> np.ndarray:
    """Return a mask with discs and a thin line, 0 and 255."""
    image = Image.new("L", (220 * scale, 160 * scale))
    draw = ImageDraw.Draw(image)
    for x, y, r in ((50, 60, 25), (150, 90, 18), (190, 30, 9)):
        box = [scale * v for v in (x - r, y - r, x + r, y + r)]
        draw.ellipse(box, fill=255)
    draw.line([10 * scale, 150 * scale, 200 * scale, 120 * scale], fill=255, width=4 * scale)
    return np.asarray(image)


def jpeg(mask: np.ndarray, quality: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(mask).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def overlap(mask: np.ndarray, truth: np.ndarray) -> float:
    return float((mask & truth).sum() / (mask | truth).sum())


def shrunk(scale: int, method: Image.Resampling) -> np.ndarray:
    return np.asarray(Image.fromarray(discs(scale)).resize((220, 160), method))


@pytest.mark.parametrize(
    ("mask", "truth"),
    [
        (jpeg(discs(), 95), discs()),
        (jpeg(discs(), 75), discs()),
        (jpeg(discs(), 50), discs()),
        (jpeg(discs(), 75).astype(np.uint16) * 257, discs()),
        (shrunk(2, Image.Resampling.BOX), shrunk(2, Image.Resampling.BOX) >= 128),
        (shrunk(4, Image.Resampling.LANCZOS), shrunk(4, Image.Resampling.BOX) >= 128),
        (np.asarray(Image.fromarray(discs()).filter(ImageFilter.SMOOTH)), discs()),
        (gaussian(discs().astype(float), 0.8).astype(np.uint8), discs()),
    ],
)
def test_masks_with_grey_edges_are_thresholded_at_half(
    tmp_path: Path, mask: np.ndarray, truth: np.ndarray
) -> None:
    read = pages(tmp_path, mask, mask * 0, suffix=".tif")
    rule = rule_of(read, BINARY)
    found, empty = (rule.apply(page).astype(bool) for page in read)
    assert overlap(found, truth > 0) >= 0.97
    assert not empty.any()
    assert rule.threshold == mask.max() / 2
    assert read[0].facts.grey_edges is not None
    assert refusal(pages(tmp_path, mask, SQUARE, suffix=".tif"), BINARY)


def test_jpeg_masks_keep_one_foreground_only(tmp_path: Path) -> None:
    read = pages(tmp_path, discs(), suffix=".jpg")
    np.testing.assert_array_equal(meaning(read, BINARY)[0], discs() > 0)
    assert "preprocess.masks: binary" in refusal(read, MaskSettings((255,))).todo


@pytest.mark.parametrize(
    "image",
    [
        gaussian(discs().astype(float), 2).astype(np.uint8),
        np.random.default_rng(0).normal(120, 30, (64, 64)).clip(0, 255).astype(np.uint8),
        np.clip(
            ndimage.gaussian_filter(np.random.default_rng(1).random((99, 99)), 3) * 900 - 330,
            0,
            255,
        ).astype(np.uint8),
        np.asarray(Image.linear_gradient("L")),
        np.asarray(Image.radial_gradient("L")),
    ],
)
def test_images_and_probability_maps_are_refused(tmp_path: Path, image: np.ndarray) -> None:
    read = pages(tmp_path, image)
    assert refusal(read, BINARY).kind in ("mask_is_image", "mask_value")
    rule = rule_of(pages(tmp_path, jpeg(discs(), 75)), BINARY)
    with pytest.raises(InvalidImageError):
        rule.apply(read[0])


def test_spots_of_a_fluorescence_image_are_no_mask(tmp_path: Path) -> None:
    spots = np.zeros((128, 128))
    for y, x in np.random.default_rng(0).integers(8, 120, (20, 2)):
        spots[y, x] = 1
    blurred = ndimage.gaussian_filter(spots, 2)
    image = (blurred / blurred.max() * 250).astype(np.uint8)
    refusal(pages(tmp_path, image), BINARY)


@pytest.mark.parametrize("classes", [(1,), (3, 7, 12), tuple(range(1, 21)), (128,), (250,)])
def test_class_numbers_next_to_255_are_no_grey_edges(
    tmp_path: Path, classes: tuple[int, ...]
) -> None:
    mask = np.zeros((96, 96), np.uint8)
    for i, value in enumerate(classes):  # areas, or lines of two pixels
        mask[4 * i + 4 : 4 * i + (7 if i % 2 else 6), 10:80] = value
    mask[90:, :] = 255
    assert refusal(pages(tmp_path, mask), BINARY).kind == "mask_value"


def test_fractions_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidImageError, match="fractional values between 0 and") as caught:
        pages(tmp_path, gaussian(discs() / 255, 2).astype(np.float32), suffix=".tif")
    assert caught.value.kind == "mask_is_image"
    (page,) = pages(tmp_path, SQUARE * np.float32(0.5), suffix=".tif")
    np.testing.assert_array_equal(meaning([page], BINARY)[0], SQUARE)


def test_images_are_refused_as_labels(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(0, 1, (96, 96))
    smooth = gaussian(noise, 2)
    quantised = np.clip((smooth - smooth.mean()) / smooth.std() * 20, 0, 60).astype(np.uint8)
    for image in (quantised, (noise * 30 + 120).clip(0, 255).astype(np.uint8)):
        assert refusal(pages(tmp_path, image), LABELS).kind == "mask_is_image"


def test_masks_with_many_small_labels_are_accepted(tmp_path: Path) -> None:
    labels = np.kron(np.arange(1, 145).reshape(12, 12), np.ones((8, 8))).astype(np.uint16)
    cells = np.where(np.kron(np.ones((12, 12)), np.pad(np.ones((6, 6)), 1)) > 0, labels, 0)
    read = pages(tmp_path, labels, cells.astype(np.uint16), suffix=".tif")
    full, gaps = meaning(read, LABELS)
    assert full.all()
    np.testing.assert_array_equal(gaps, cells > 0)
    assert "no clear background" in refusal(read[:1], LABELS).found
