"""Which images annotations belong to, in which orientation, and what is then imported."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

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
    truth,
    via,
    write,
)
from segsweep.config.sections import Preprocess
from segsweep.core.errors import UserError
from segsweep.data.annotations.draw_masks import draw_masks, pair_with_annotations
from segsweep.data.annotations.formats import find_annotations
from segsweep.data.issues import DataIssue, DataIssuesError

OUTLINE = [[flat(STAR)]]


def draw(
    images: Path, annotations: Path, *labels: str, orientation: str = "auto"
) -> list[DataIssue]:
    return draw_masks(images, annotations, labels, images.parent / "out", orientation)


def masks_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*.png")}


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("a.jpg", "a.jpg"),
        ("a.jpg", "day 1/a.jpg"),
        ("day 1/a.jpg", "day 1/a.jpg"),
        ("images/a.jpg", "a.jpg"),
        ("..\\images\\A.JPG", "a.jpg"),
        ("images/1a2b3c4d-a.jpg", "a.jpg"),
        ("images/1a2b3c4d-a.jpg", "1a2b3c4d-a.jpg"),
        ("./a.jpg", "a.png"),
        ("C:\\Users\\x\\a.jpg", "a.jpg"),
    ],
)
def test_paths_that_tools_write(tmp_path: Path, name: str, path: str) -> None:
    photo(tmp_path / "photos" / path)
    file = write(tmp_path / "instances.json", coco((name, OUTLINE)))
    assert find_annotations(tmp_path / "photos", file, "_mask") == file
    (assumption,) = draw(tmp_path / "photos", file)
    assert assumption.kind == "annotations"
    mask = read(tmp_path / "out" / Path(path).with_suffix(".png"))
    assert iou(mask, truth(STAR)) >= 0.98


def test_an_image_found_only_by_its_name_is_said(tmp_path: Path) -> None:
    photo(tmp_path / "photos/train/a.jpg")
    file = write(tmp_path / "instances.json", coco(("val/a.jpg", OUTLINE)))
    (assumption,) = draw(tmp_path / "photos", file)
    assert "found by name although their path differs: 1 (such as val/a.jpg)" in (assumption.found)


def test_a_name_of_several_images_is_refused_unless_folders_decide(tmp_path: Path) -> None:
    for folder in ("train", "valid"):
        photo(tmp_path / "photos" / folder / "a.jpg")
        write(tmp_path / "photos" / folder / "coco.json", coco(("a.jpg", OUTLINE)))
    (assumption,) = draw(tmp_path / "photos", tmp_path / "photos")
    assert masks_in(tmp_path / "out") == {"train/a.png", "valid/a.png"}
    file = write(tmp_path / "instances.json", coco(("a.jpg", OUTLINE)))
    (issue,) = draw(tmp_path / "photos", file)
    assert issue.kind == "annotation"
    assert "means one of 2 images by a.jpg" in issue.found
    assert "masks of 2 images" in assumption.found


def test_images_without_annotations_and_annotations_without_images(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        photo(tmp_path / "photos" / f"{name}.jpg")
    content = coco(("a.jpg", OUTLINE), ("b.jpg", []), ("gone.jpg", OUTLINE))
    file = write(tmp_path / "instances.json", content)
    partner, assumption = draw(tmp_path / "photos", file)
    assert masks_in(tmp_path / "out") == {"a.png", "b.png"}
    assert (partner.kind, partner.file) == ("partner", str(tmp_path / "photos/c.jpg"))
    assert (
        f"annotated images that are not in {tmp_path / 'photos'}: 1 (such as gone.jpg)"
        in assumption.found
    )


def test_labelme_files_in_a_second_folder(tmp_path: Path) -> None:
    for name in ("p/a", "p/b", "q/a"):
        photo(tmp_path / "photos" / f"{name}.jpg")
    star = labelme(("cell", "polygon", STAR), imagePath="..\\..\\photos\\p\\a.jpg")
    write(tmp_path / "json/p/a.json", star)
    write(tmp_path / "json/q/a.json", labelme(("cell", "polygon", STAR), imagePath="a.jpg"))
    write(tmp_path / "json/p/lost.json", labelme(("cell", "polygon", STAR)))
    write(tmp_path / "json/settings.json", {"theme": "dark"})
    assert find_annotations(tmp_path / "photos", tmp_path / "json", "_mask") == tmp_path / "json"
    lost, unlisted, assumption = draw(tmp_path / "photos", tmp_path / "json")
    assert masks_in(tmp_path / "out") == {"p/a.png", "q/a.png"}
    assert (lost.kind, lost.file) == ("partner", str(tmp_path / "json/p/lost.json"))
    assert (unlisted.kind, unlisted.file) == ("partner", str(tmp_path / "photos/p/b.jpg"))
    assert "other JSON files, not read: 1" in assumption.found
    # the way out of the message
    write(tmp_path / "json/p/b.json", '{"shapes": []}')
    (tmp_path / "json/p/lost.json").unlink()
    (assumption,) = draw(tmp_path / "photos", tmp_path / "json")
    assert not read(tmp_path / "out/p/b.png").any()


def test_contradictions_are_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        photo(tmp_path / "photos" / f"{name}.jpg")
    star = ("cell", "polygon", STAR)
    write(tmp_path / "photos/a.json", labelme(star, imagePath="b.jpg"))
    swapped, *_ = draw(tmp_path / "photos", tmp_path / "photos")
    assert "has the name of a.jpg, but its imagePath is b.jpg" in swapped.found
    write(tmp_path / "photos/a.json", coco(("a.jpg", OUTLINE), ("b.jpg", OUTLINE)))
    write(tmp_path / "photos/b.json", labelme(star, imageHeight=90, imageWidth=200))
    (twice,) = draw(tmp_path / "photos", tmp_path / "photos")[:-1]
    assert twice.found.startswith("is annotated twice: as b.jpg in ")
    (tmp_path / "photos/a.json").unlink()
    _unlisted, size = draw(tmp_path / "photos", tmp_path / "photos")
    assert size.kind == "size"
    assert "has 160 x 120 pixels, but was annotated with 200 x 90" in size.found


def test_classes(tmp_path: Path) -> None:
    photo(tmp_path / "photos/a.jpg")
    small = {"category_id": 2, "segmentation": [[5, 5, 30, 5, 30, 30, 5, 30]]}
    file = write(tmp_path / "instances.json", coco(("a.jpg", [OUTLINE[0], OUTLINE[0], small])))
    with pytest.raises(UserError, match=r"found 2 classes: cell \(2\), nucleus \(1\); .*--label"):
        draw(tmp_path / "photos", file)
    with pytest.raises(UserError, match=r"--label Cell: no region .* found cell \(2\), nucleus"):
        draw(tmp_path / "photos", file, "cell", "Cell")
    (assumption,) = draw(tmp_path / "photos", file, "nucleus")
    expected = np.zeros((HEIGHT, WIDTH), bool)
    expected[5:30, 5:30] = True
    np.testing.assert_array_equal(read(tmp_path / "out/a.png") > 0, expected)
    assert "(also found: cell)" in assumption.todo
    (assumption,) = draw(tmp_path / "photos", file, "nucleus", "cell")
    np.testing.assert_array_equal(read(tmp_path / "out/a.png") > 0, expected | truth_of_coco())
    assert "of the classes nucleus, cell (3 regions)" in assumption.found


def truth_of_coco() -> np.ndarray:
    """Return the star as pycocotools draws it."""
    from pycocotools import mask

    return mask.decode(mask.frPyObjects(OUTLINE[0], HEIGHT, WIDTH))[..., 0] > 0


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_masks_are_turned_like_their_images(tmp_path: Path, orientation: int, suffix: str) -> None:
    stored = (WIDTH, HEIGHT) if orientation > 4 else (HEIGHT, WIDTH)
    image = photo(tmp_path / f"photos/a.{suffix}", *stored, orientation)
    file = write(tmp_path / "instances.json", coco((image.name, OUTLINE)))
    setting = "upright" if orientation < 5 else "auto"  # sizes decide if they differ
    (assumption,) = draw(tmp_path / "photos", file, orientation=setting)
    with Image.open(image) as picture, Image.open(tmp_path / "out/a.png") as mask:
        assert mask.getexif().get(0x0112, 1) == orientation
        assert mask.size == picture.size
        upright = np.asarray(ImageOps.exif_transpose(mask))
    assert iou(upright, truth(STAR)) >= 0.98
    assert ("annotated upright: 1" in assumption.found) == (orientation > 1)


def test_annotations_of_the_stored_image_stay_as_they_are(tmp_path: Path) -> None:
    photo(tmp_path / "photos/a.jpg", HEIGHT, WIDTH, orientation=6)
    file = write(tmp_path / "instances.json", coco(("a.jpg", OUTLINE)))
    (assumption,) = draw(tmp_path / "photos", file)
    assert iou(read(tmp_path / "out/a.png"), truth(STAR)) >= 0.98
    with Image.open(tmp_path / "out/a.png") as mask:
        assert mask.getexif()[0x0112] == 6
    assert "EXIF" not in assumption.found


def test_an_unknown_orientation_is_refused_with_a_way_out(tmp_path: Path) -> None:
    photo(tmp_path / "photos/a.jpg", 140, 140, orientation=6)
    x, y = np.array(STAR).T.tolist()
    shape = {"name": "polygon", "all_points_x": x, "all_points_y": y}
    file = write(tmp_path / "via.json", via(a=[(shape, {})]))
    (issue,) = draw(tmp_path / "photos", file)
    assert issue.kind == "orientation"
    assert "EXIF orientation 6" in issue.found
    assert "preprocess.orientation: upright" in issue.todo
    expected = truth(STAR, 140, 140)
    for orientation in ("upright", "stored"):
        draw(tmp_path / "photos", file, orientation=orientation)
        with Image.open(tmp_path / "out/a.png") as mask:
            turned = np.asarray(ImageOps.exif_transpose(mask))
            assert iou(turned if orientation == "upright" else np.asarray(mask), expected) >= 0.98


def test_where_annotations_are_searched(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photo(photos / "images/a.jpg")
    assert find_annotations(photos, None, "_mask") is None
    file = write(photos / "annotations/instances.json", {"name": "my study"})
    assert find_annotations(photos, None, "_mask") is None  # JSON of another kind
    write(file, coco(("a.jpg", OUTLINE)))
    assert find_annotations(photos, None, "_mask") == photos
    assert find_annotations(photos / "images", photos / "annotations", "_mask") is not None
    write(file, "{")
    assert find_annotations(photos, None, "_mask") == photos  # to report that it is broken
    Image.fromarray(np.zeros((HEIGHT, WIDTH), np.uint8)).save(photos / "images/a_mask.png")
    assert find_annotations(photos, None, "_mask") is None  # the user's masks are used
    assert find_annotations(photos, photos / "images", "_mask") is None
    assert find_annotations(tmp_path / "nowhere", file, "_mask") is None


def test_pairs_have_the_drawn_masks_and_one_issue_per_image(tmp_path: Path) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    for name in ("a.jpg", "p/b.jpg", "c.jpg"):
        photo(photos / name)
    (photos / "c.jpg").write_bytes(b"broken")
    star = ("cell", "polygon", STAR)
    for name in ("a.json", "c.json"):
        write(photos / name, labelme(star))
    files = pair_with_annotations(photos, photos, [], Preprocess(), out)
    assert [(pair.file, pair.masks) for pair in files.pairs] == [("a.jpg", (out / "a.png",))]
    assert sorted(issue.kind for issue in files.issues) == ["annotations", "partner", "unreadable"]


def test_settings_and_sets_that_do_not_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    photos, out = tmp_path / "photos", tmp_path / "out"
    photo(photos / "a.jpg")
    file = write(tmp_path / "instances.json", coco(("a.jpg", OUTLINE)))
    for key, value in (("masks", [1]), ("background", [255]), ("ignore", 255)):
        with pytest.raises(UserError, match=f"preprocess.{key}: found .*; set preprocess.{key}: "):
            pair_with_annotations(photos, file, [], Preprocess(**{key: value}), out)
    pair_with_annotations(photos, file, [], Preprocess(masks=[255]), out)
    (out / "a.png").unlink()
    write(file, coco(("a.jpg", [[[900, 900, 950, 900, 950, 950]]])))
    with pytest.raises(DataIssuesError, match="annotation that cannot be drawn: 1"):
        pair_with_annotations(photos, file, [], Preprocess(), out)
    assert "is outside the image" in (tmp_path / "results/data_report.md").read_text()
