"""Statistics, contact sheet and text of the data report."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segsweep.data.contact_sheet import COLOURS, STRIPES, draw_contact_sheet
from segsweep.data.data_report import (
    describe_ignored,
    measure_images,
    medians_by_split,
    write_data_report,
)
from segsweep.data.dataset import IGNORED, SPLITS, ProcessedSet
from segsweep.data.issues import DataIssue


def example_data() -> ProcessedSet:
    """Return three images of 8 x 8 pixels, one in each split; each has two objects."""
    masks = np.zeros((3, 8, 8), np.uint8)
    masks[:, :2, :2], masks[:, 5:7, 4:8] = 1, 1
    images = np.where(masks == 1, 204, 51).astype(np.uint8)
    return ProcessedSet(images, masks, ["a", "b", "c"], ["p", "q", "r"], list(SPLITS))


def source(pixel_mm: str) -> dict[str, str]:
    """Return a row of `sources.csv` of an image that was shrunk from 16 x 16 pixels."""
    size = {"height": "16", "width": "16", "target_height": "8", "target_width": "8"}
    return size | {"pixel_height_mm": pixel_mm, "pixel_width_mm": pixel_mm}


def test_statistics_are_measured_in_original_pixels() -> None:
    first, _, last = measure_images(example_data(), [source("0.5"), source("0.5"), source("")])
    assert first == {
        "name": "a",
        "split": "train",
        "group": "p",
        "foreground": 12 / 64,
        "grey_mean": 0.3125,
        "contrast": 0.6,
        "objects": 2,
        "object_area_px": 24.0,
        "object_area_mm2": 6.0,
    }
    assert last["object_area_mm2"] is None


def test_report_has_medians_and_issues(tmp_path: Path) -> None:
    rows = list(measure_images(example_data(), [source("")] * 3))
    summary = {"images": 3, "input_shape": [8, 8, 1], "mode": "resize"}
    issue = DataIssue("empty", "images/d.png", "has no content", "copy it again")
    write_data_report(summary, medians_by_split(rows), [issue], tmp_path / "report.md")
    report = (tmp_path / "report.md").read_text()
    assert (
        "3 images of 8 x 8 pixels (mode resize). Images left out because of an error: 1." in report
    )
    assert "| | train | validation | test |" in report
    assert "| objects per image | 2 | 2 | 2 |" in report
    assert "### Empty file (1, error)" in report
    assert "- `images/d.png`: has no content" in report


def test_contact_sheet_has_outlines_in_the_colour_of_each_split(
    nuclei: ProcessedSet, tmp_path: Path
) -> None:
    draw_contact_sheet(nuclei, tmp_path / "sheet.png")
    pixels = np.array(Image.open(tmp_path / "sheet.png")).reshape(-1, 3)
    for colour in COLOURS.values():
        assert (pixels == colour).all(axis=1).sum() > 1000
    assert not (pixels == STRIPES).all(axis=1).any()


def test_statistics_leave_out_ignored_pixels(tmp_path: Path) -> None:
    """Half of an object is ignored, and all of the last image."""
    data = example_data()
    assert describe_ignored(data, [source("")] * 3) == ""
    data.masks[1, :, 6:], data.masks[2] = IGNORED, IGNORED
    data.images[1, :, 6:] = 255
    rows = list(measure_images(data, [source("")] * 3))
    assert (rows[1]["foreground"], rows[1]["contrast"]) == (round(8 / 48, 6), 0.6)
    assert (rows[1]["objects"], rows[1]["object_area_px"]) == (2, 16.0)
    wholly = [rows[2][k] for k in ("foreground", "contrast", "objects", "object_area_px")]
    assert wholly == [None, None, 0, None]
    sentence = describe_ignored(data, [source("")] * 3)
    assert "42 % of all, in 2 of 3 images" in sentence
    summary = {"images": 3, "input_shape": [8, 8, 1], "mode": "resize"}
    write_data_report(summary, medians_by_split(rows), [], tmp_path / "report.md", sentence)
    assert sentence in (tmp_path / "report.md").read_text()


def test_the_contact_sheet_stripes_ignored_pixels_and_outlines_objects_only(tmp_path: Path) -> None:
    masks = np.zeros((3, 64, 64), np.uint8)
    masks[0, :, 32:] = IGNORED
    names = list("abc")
    data = ProcessedSet(np.zeros_like(masks), masks, names, names, list(SPLITS))
    draw_contact_sheet(data, tmp_path / "sheet.png")
    pixels = np.array(Image.open(tmp_path / "sheet.png"))
    stripes = (pixels == STRIPES).all(axis=2)
    assert stripes.sum() == pytest.approx(64 * 128 / 2, rel=0.1)
    rows, columns = stripes.nonzero()
    inside = pixels[rows.min() : rows.max() + 1, columns.min() - 64 : columns.max() + 1]
    assert not (inside == COLOURS["train"]).all(axis=2).any()
