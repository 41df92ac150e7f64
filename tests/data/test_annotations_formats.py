"""Masks from LabelMe, COCO and VGG VIA, against areas and masks from other libraries."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw
from pycocotools import mask as coco_masks
from skimage.draw import disk
from skimage.draw import ellipse as draw_ellipse

from annotation_example import (
    HEIGHT,
    STAR,
    WIDTH,
    coco,
    flat,
    iou,
    labelme,
    photo,
    read,
    shoelace,
    truth,
    via,
    write,
)
from segsweep.core.errors import UserError
from segsweep.data.annotations.draw_masks import draw_masks
from segsweep.data.issues import DataIssue

SQUARE = [[20, 10], [60, 10], [60, 50], [20, 50]]


def draw(tmp_path: Path, *labels: str) -> tuple[np.ndarray, list[DataIssue]]:
    """Return the mask of `photos/a.jpg`, with all issues."""
    issues = draw_masks(tmp_path / "photos", tmp_path / "photos", labels, tmp_path / "out")
    return read(tmp_path / "out/a.png"), issues


def refused(tmp_path: Path, *labels: str) -> DataIssue:
    """Return the one issue of `photos/a.jpg`, which gets no mask."""
    issues = draw_masks(tmp_path / "photos", tmp_path / "photos", labels, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    (issue,) = issues
    assert issue.file == str(tmp_path / "photos/a.jpg")
    assert issue.severity == "image"
    return issue


@pytest.fixture(autouse=True)
def one_photo(tmp_path: Path) -> None:
    photo(tmp_path / "photos/a.jpg")


def test_labelme_polygons_are_as_in_its_own_export(tmp_path: Path) -> None:
    write(tmp_path / "photos/a.json", labelme(("cell", "polygon", STAR), imagePath="a.jpg"))
    mask, (assumption,) = draw(tmp_path)
    exported = Image.new("L", (WIDTH, HEIGHT))
    ImageDraw.Draw(exported).polygon([tuple(point) for point in STAR], outline=1, fill=1)
    assert iou(mask, np.asarray(exported)) == 1
    assert assumption.kind == "annotations"
    assert "masks of 1 image drawn from LabelMe regions of the class cell (1 region)" in str(
        assumption
    )


def test_labelme_rectangles_and_circles(tmp_path: Path) -> None:
    shapes = [
        ("cell", "rectangle", [[150, 110], [120, 5]]),
        ("cell", "circle", [[60, 60], [114, 60]]),
    ]
    write(tmp_path / "photos/a.json", labelme(*shapes))
    mask, _ = draw(tmp_path)
    exported = Image.new("L", (WIDTH, HEIGHT))
    ImageDraw.Draw(exported).ellipse([6, 6, 114, 114], outline=1, fill=1)
    ImageDraw.Draw(exported).rectangle([120, 5, 150, 110], outline=1, fill=1)
    assert iou(mask, np.asarray(exported)) >= 0.98


def test_labelme_refuses_shapes_without_area_only_if_their_class_is_drawn(tmp_path: Path) -> None:
    shapes = [("cell", "polygon", SQUARE), ("scale bar", "line", [[1, 1], [20, 1]])]
    write(tmp_path / "photos/a.json", labelme(*shapes))
    mask, (assumption,) = draw(tmp_path, "cell")
    assert mask[30, 40] == 255
    assert "--label to choose other classes (also found: scale bar)" in assumption.todo
    (tmp_path / "out/a.png").unlink()
    (tmp_path / "out").rmdir()
    issue = refused(tmp_path, "scale bar")
    assert issue.kind == "annotation"
    assert "shape 2 (line of the class scale bar)" in issue.found
    assert "a.json has no area, expected a polygon, rectangle or circle" in issue.found


def test_coco_polygons_have_the_area_of_the_polygon(tmp_path: Path) -> None:
    content = coco(("a.jpg", [[flat(STAR)]]))
    write(tmp_path / "photos/instances.json", content)
    mask, _ = draw(tmp_path)
    assert (mask > 0).sum() == pytest.approx(shoelace(STAR), rel=0.01)
    assert iou(mask, truth(STAR)) >= 0.98


def test_coco_unites_the_parts_of_many_regions(tmp_path: Path) -> None:
    boxes = [(x, y) for x in range(0, 160, 8) for y in range(0, 120, 8)]
    squares = [flat([(x, y), (x + 4, y), (x + 4, y + 4), (x, y + 4)]) for x, y in boxes]
    regions = [[squares[k], squares[k + 1]] for k in range(0, len(squares), 2)]
    write(tmp_path / "photos/instances.json", coco(("a.jpg", regions)))
    mask, (assumption,) = draw(tmp_path)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    np.testing.assert_array_equal(mask > 0, (x % 8 < 4) & (y % 8 < 4))
    assert "(150 regions)" in assumption.found


@pytest.mark.parametrize("compressed", [False, True])
def test_coco_run_lengths(tmp_path: Path, compressed: bool) -> None:
    expected = np.random.default_rng(0).random((HEIGHT, WIDTH)) < 0.3
    if compressed:
        encoded = coco_masks.encode(np.asfortranarray(expected.astype(np.uint8)))
        runs: Any = encoded["counts"].decode()
    else:
        edges = np.flatnonzero(np.diff(expected.ravel("F"), prepend=0, append=2))
        runs = np.diff(edges, prepend=0).tolist()
    drawn = {"segmentation": {"size": [HEIGHT, WIDTH], "counts": runs}, "iscrowd": 1}
    write(tmp_path / "photos/instances.json", coco(("a.jpg", [drawn, [flat(SQUARE)]])))
    mask, (assumption,) = draw(tmp_path)
    np.testing.assert_array_equal(mask > 0, expected | truth(SQUARE))
    assert "groups of objects (iscrowd): 1" in assumption.found


@pytest.mark.parametrize(
    ("segmentation", "message"),
    [
        ({"size": [HEIGHT, WIDTH], "counts": [5, 5]}, "run lengths of 10 pixels in all"),
        ({"size": [HEIGHT, WIDTH], "counts": "2111006"}, "run lengths of"),
        ({"size": [HEIGHT, WIDTH], "counts": "é~"}, "cannot be decoded"),
        ({"size": [HEIGHT, WIDTH], "counts": [-5, HEIGHT * WIDTH + 5]}, "whole numbers from 0"),
        ({"size": [2, 5], "counts": [5, 5]}, "has 5 x 2 pixels, expected 160 x 120"),
        ({"size": 7}, "of the size 7"),
        ([], "has no outline"),
        (3, "has no list of polygons"),
        ([1, 2, 3, 4], "not a list of x and y"),
        ([[1, 2, 3, 4, 5]], "not a list of x and y"),
        ([[1, 2, 3, "x", 5, 6]], "not pairs of numbers"),
        ([[1, 2, 3, float("nan"), 5, 6]], "NaN or infinite"),
        ([[1, 2, 3, 1e400, 5, 6]], "NaN or infinite"),
        ([[1, 2, 1e12, 4, 5, 6]], "reaches far beyond the image (x = 1 to 1e+12"),
        ([[200, 5, 220, 5, 220, 20]], "is outside the image (x = 200 to 220, y = 5 to 20"),
    ],
)
def test_coco_regions_that_cannot_be_drawn(tmp_path: Path, segmentation: Any, message: str) -> None:
    regions = [{"segmentation": segmentation, "id": 71}]
    write(tmp_path / "photos/instances.json", coco(("a.jpg", regions)))
    issue = refused(tmp_path)
    assert issue.kind == "annotation"
    assert "annotation 71 (class cell) in " in issue.found
    assert message in issue.found


@pytest.mark.parametrize("project", [False, True])
def test_via_shapes(tmp_path: Path, project: bool) -> None:
    shapes: list[dict[str, Any]] = [
        {"name": "rect", "x": 100, "y": 5, "width": 40, "height": 30},
        {"name": "circle", "cx": 30.5, "cy": 30.5, "r": 24},
        {"name": "ellipse", "cx": 60.5, "cy": 85.5, "rx": 40, "ry": 15, "theta": 0.5},
        {"name": "polygon", "all_points_x": [110, 150, 150], "all_points_y": [60, 60, 110]},
    ]
    content: Any = via(a=[(shape, {"type": "cell"}) for shape in shapes])
    write(tmp_path / "photos/via.json", {"_via_img_metadata": content} if project else content)
    mask, (assumption,) = draw(tmp_path)
    expected = truth([(110, 60), (150, 60), (150, 110)])
    expected[5:35, 100:140] = True
    expected[disk((30, 30), 24)] = True
    expected[draw_ellipse(85, 60, 15, 40, rotation=-0.5)] = True
    assert iou(mask, expected) >= 0.98
    assert "VGG VIA regions of the class cell (4 regions)" in assumption.found


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ({"name": "point", "cx": 3, "cy": 4}, "has no area"),
        ({"name": "polygon", "all_points_x": [1, 2, 3], "all_points_y": [1, 2]}, "equal length"),
        ({"name": "rect", "x": 1, "y": 2, "width": 3}, "has None as height"),
        ({"name": "circle", "cx": 1, "cy": 2, "r": "3"}, "has '3' as r"),
        ({"name": "circle", "cx": 1, "cy": 2, "r": 1e9}, "reaches far beyond the image"),
    ],
)
def test_via_regions_that_cannot_be_drawn(
    tmp_path: Path, shape: dict[str, Any], message: str
) -> None:
    write(tmp_path / "photos/via.json", via(a=[(shape, {})]))
    assert message in refused(tmp_path).found


def test_via_with_several_attributes_has_a_class_for_each_value(tmp_path: Path) -> None:
    left = {"name": "rect", "x": 0, "y": 0, "width": 50, "height": 50}
    right = {"name": "rect", "x": 60, "y": 0, "width": 50, "height": 50}
    first = {"type": "cell", "quality": {"good": True, "dark": False}}
    second = {"type": "nucleus", "quality": {"good": True}}
    write(tmp_path / "photos/via.json", via(a=[(left, first), (right, second)]))
    with pytest.raises(UserError, match=r"quality=good \(2\), type=cell \(1\), type=nucleus \(1\)"):
        draw(tmp_path)
    mask, _ = draw(tmp_path, "type=cell")
    assert (mask[10, 10], mask[10, 70]) == (255, 0)
    mask, _ = draw(tmp_path, "quality=good")
    assert (mask[10, 10], mask[10, 70]) == (255, 255)


def test_what_was_cut_left_out_or_empty_is_said(tmp_path: Path) -> None:
    photo(tmp_path / "photos/b.jpg")
    regions = [
        [flat([(-20, -20), (30, -20), (30, 30), (-20, 30)])],
        [[5, 5, 6, 6], flat(SQUARE)],
        [[100.1, 100.1, 100.2, 100.1, 100.2, 100.2]],
    ]
    write(tmp_path / "photos/instances.json", coco(("a.jpg", regions), ("b.jpg", [])))
    mask, (assumption,) = draw(tmp_path)
    expected = truth(SQUARE)
    expected[:30, :30] = True
    np.testing.assert_array_equal(mask > 0, expected)
    assert not read(tmp_path / "out/b.png").any()
    assert "(3 regions)" in assumption.found
    assert "regions cut at the border of the image: 1" in assumption.found
    assert "outlines too small to contain a pixel: 2" in assumption.found
    assert "without regions, so with an empty mask: 1" in assumption.found


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "a.json: cannot be read as JSON"),
        ("[" * 100_000, "a.json: cannot be read as JSON (found more than 50 levels"),
        ('{"shapes": ' * 60 + "1" + "}" * 60, "found more than 50 levels"),
        ("\xff", "a.json: cannot be read as JSON"),
        ({"frames": []}, "JSON of another kind, expected LabelMe, COCO or VGG VIA 2"),
        ([1, 2], "JSON of another kind"),
        ({"shapes": [5]}, "shapes.0: found 5"),
        ({"shapes": [{"label": "cell"}]}, "shapes.0.points"),
        ({"images": [], "annotations": []}, "lists no images"),
        ({"images": 3, "annotations": []}, "images: found 3"),
        (coco(("x.jpg", [[flat(SQUARE)]])), "(such as x.jpg), none of which is in"),
        (coco(("a.jpg", [])), "found images without any region"),
        (coco(("a.jpg", [{"image_id": 9}])), "found the image_id 9"),
        (via(x=[]), "(such as x.jpg), none of which is in"),
    ],
)
def test_files_that_are_no_annotations(tmp_path: Path, content: Any, message: str) -> None:
    path = write(tmp_path / "photos/a.json", content)
    if content == "\xff":
        path.write_bytes(b"\xff")
    with pytest.raises(UserError) as error:
        draw(tmp_path)
    assert message in str(error.value)
    assert "; " in str(error.value) or "expected" in str(error.value)
