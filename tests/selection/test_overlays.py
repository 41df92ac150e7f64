"""The pictures of the best, the median and the worst image."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segsweep.data.dataset import ProcessedSet
from segsweep.selection.overlays import DIFFERENCE, chosen, difference, draw


def test_two_of_each_where_there_are_enough_and_the_extremes_come_first() -> None:
    assert chosen([0.1, 0.5, 0.9, 0.3, 0.8, 0.6, 0.2]) == {
        "best": [2, 4],
        "median": [5, 1],
        "worst": [0, 6],
    }
    six = chosen([0.6, 0.5, 0.4, 0.3, 0.2, 0.1])
    assert six == {"best": [0, 1], "median": [2, 3], "worst": [5, 4]}
    assert chosen([0.1, 0.5, 0.9]) == {"best": [2], "median": [1], "worst": [0]}
    assert chosen([0.5]) == {"best": [0], "median": [0], "worst": [0]}


def test_each_kind_of_pixel_has_its_colour() -> None:
    grey = np.full((2, 2), 100, np.uint8)
    truth, found = np.array([[1, 0], [1, 0]], bool), np.array([[1, 1], [0, 0]], bool)
    picture = difference(grey, truth, found)
    hit, wrong, missed = DIFFERENCE.values()
    assert picture.tolist() == [[list(hit), list(wrong)], [list(missed), [50, 50, 50]]]


def colours(path: Path) -> set[tuple[int, int, int]]:
    with Image.open(path) as picture:
        return {tuple(c) for c in np.asarray(picture.convert("RGB")).reshape(-1, 3).tolist()}


@pytest.mark.filterwarnings("error")
def test_the_pictures_show_errors_where_there_are_some(
    nuclei: ProcessedSet, tmp_path: Path
) -> None:
    """The first two images are found well, the last but two are empty, full; names are odd."""
    _, masks, names = nuclei.split("validation")
    predicted = np.roll(masks, 1, axis=1)
    predicted[:2] = masks[:2]
    predicted[-2], predicted[-1] = 0, 1
    dice = [2 * (p & t).sum() / (p.sum() + t.sum()) for p, t in zip(predicted, masks, strict=True)]
    odd = ["a $name_of^", "new\nline", *["x" * 300] * (len(names) - 2)]
    rows = [{"name": n, "dice": d} for n, d in zip(odd, dice, strict=True)]
    draw(nuclei, "validation", rows, predicted, tmp_path / "gallery")
    files = sorted((tmp_path / "gallery").iterdir())
    assert [file.name for file in files] == ["best.png", "median.png", "worst.png"]
    hit, wrong, missed = DIFFERENCE.values()
    for file in files:
        assert {hit, wrong, missed} <= colours(file), "of the legend at least"
    first = [file.read_bytes() for file in files]
    draw(nuclei, "validation", rows, predicted, tmp_path / "gallery")
    assert [file.read_bytes() for file in files] == first


def test_images_that_are_not_square_and_few(tmp_path: Path) -> None:
    images = np.zeros((2, 16, 64), np.uint8)
    masks = np.zeros_like(images)
    masks[:, 4:9, 30:40] = 1
    data = ProcessedSet(images, masks, ["a", "b"], ["a", "b"], ["validation"] * 2)
    draw(data, "validation", [{"name": n, "dice": 1.0} for n in "ab"], masks, tmp_path)
    with Image.open(tmp_path / "best.png") as picture:
        assert picture.width > 4 * picture.height / 2
