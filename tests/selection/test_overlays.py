"""Pictures of the images with the best, median and worst Dice."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segsweep.data.dataset import IGNORED, ProcessedSet
from segsweep.selection.overlays import (
    DIFFERENCE,
    NOT_COUNTED,
    difference,
    save_gallery,
    select_images,
)


def test_two_images_of_each_kind_and_the_extreme_one_first() -> None:
    assert select_images([0.1, 0.5, 0.9, 0.3, 0.8, 0.6, 0.2]) == {
        "best": [2, 4],
        "median": [5, 1],
        "worst": [0, 6],
    }
    six = select_images([0.6, 0.5, 0.4, 0.3, 0.2, 0.1])
    assert six == {"best": [0, 1], "median": [2, 3], "worst": [5, 4]}
    assert select_images([0.1, 0.5, 0.9]) == {"best": [2], "median": [1], "worst": [0]}
    assert select_images([0.5]) == {"best": [0], "median": [0], "worst": [0]}


def test_hits_and_errors_have_their_colours() -> None:
    grey = np.full((2, 2), 100, np.uint8)
    truth, predicted = np.array([[1, 0], [1, 0]], bool), np.array([[1, 1], [0, 0]], bool)
    picture = difference(grey, truth, predicted)
    hit, wrong, missed = DIFFERENCE.values()
    assert picture.tolist() == [[list(hit), list(wrong)], [list(missed), [50, 50, 50]]]


def colours(path: Path) -> set[tuple[int, int, int]]:
    with Image.open(path) as picture:
        return {tuple(c) for c in np.asarray(picture.convert("RGB")).reshape(-1, 3).tolist()}


@pytest.mark.filterwarnings("error")
def test_pictures_show_errors_and_are_reproducible(nuclei: ProcessedSet, tmp_path: Path) -> None:
    """Two predictions are perfect, one is empty, one is full; names have special characters."""
    _, masks, names = nuclei.split("validation")
    predicted = np.roll(masks, 1, axis=1)
    predicted[:2] = masks[:2]
    predicted[-2], predicted[-1] = 0, 1
    dice = [2 * (p & t).sum() / (p.sum() + t.sum()) for p, t in zip(predicted, masks, strict=True)]
    special = ["a $name_of^", "new\nline", *["x" * 300] * (len(names) - 2)]
    rows = [{"name": n, "dice": d} for n, d in zip(special, dice, strict=True)]
    save_gallery(nuclei, "validation", rows, predicted, tmp_path / "gallery")
    files = sorted((tmp_path / "gallery").iterdir())
    assert [file.name for file in files] == ["best.png", "median.png", "worst.png"]
    hit, wrong, missed = DIFFERENCE.values()
    for file in files:
        assert {hit, wrong, missed} <= colours(file), "at least in the legend"
        assert NOT_COUNTED not in colours(file)
    first = [file.read_bytes() for file in files]
    save_gallery(nuclei, "validation", rows, predicted, tmp_path / "gallery")
    assert [file.read_bytes() for file in files] == first


def test_few_images_that_are_not_square(tmp_path: Path) -> None:
    images = np.zeros((2, 16, 64), np.uint8)
    masks = np.zeros_like(images)
    masks[:, 4:9, 30:40] = 1
    data = ProcessedSet(images, masks, ["a", "b"], ["a", "b"], ["validation"] * 2)
    save_gallery(data, "validation", [{"name": n, "dice": 1.0} for n in "ab"], masks, tmp_path)
    with Image.open(tmp_path / "best.png") as picture:
        assert picture.width > 4 * picture.height / 2


def test_ignored_pixels_have_their_colour_and_are_no_errors(tmp_path: Path) -> None:
    """Only the picture with such pixels has them in its legend."""
    masks = np.zeros((3, 32, 32), np.uint8)
    masks[:, 4:9, 4:9] = 1
    masks[2, :, 20:] = IGNORED
    predicted = np.where(masks == IGNORED, 1, masks).astype(np.uint8)
    picture = difference(np.full((32, 32), 255, np.uint8), masks[2], predicted[2].astype(bool))
    hit, *_ = DIFFERENCE.values()
    assert (picture[masks[2] == IGNORED] == NOT_COUNTED).all()
    assert (picture[masks[2] == 1] == hit).all()
    assert (picture[masks[2] == 0] == 127).all()
    names = list("abc")
    data = ProcessedSet(np.zeros_like(masks), masks, names, names, ["validation"] * 3)
    rows = [{"name": n, "dice": d} for n, d in zip(names, (1.0, 0.9, 0.8), strict=True)]
    save_gallery(data, "validation", rows, predicted, tmp_path)
    has_colour = {
        name: NOT_COUNTED in colours(tmp_path / f"{name}.png") for name in ("best", "worst")
    }
    assert has_colour == {"best": False, "worst": True}
