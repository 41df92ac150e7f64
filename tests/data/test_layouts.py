"""Layouts and names that people have: synonyms of folders, patterns of names, single files."""

from pathlib import Path
from typing import Any

import pytest

from segsweep.core.errors import UserError
from segsweep.data.discovery import find_pairs
from segsweep.data.name_patterns import parse_pattern
from segsweep.data.user_folders import NameRules, find_user_pairs


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    return folder


def paired(*arguments: Any) -> dict[str, list[str]]:
    """Return the names of the masks of each image; there must be no issue but assumptions."""
    files = find_user_pairs(*arguments)
    assert {issue.kind for issue in files.issues} <= {"pairing"}
    return {pair.name: [mask.name for mask in pair.masks] for pair in files.pairs}


def patterns(image: str | None, mask: str | None) -> NameRules:
    return NameRules(
        None,
        image and parse_pattern("--image-pattern", image),
        mask and parse_pattern("--mask-pattern", mask),
    )


@pytest.mark.parametrize(
    ("images", "masks"),
    [
        ("Images", "Masks"),
        ("img", "ann"),
        ("JPEGImages", "SegmentationClass"),
        ("imagesTr", "labelsTr"),
        ("IMG", "Ground_Truth"),
    ],
)
def test_folders_with_synonyms(tmp_path: Path, images: str, masks: str) -> None:
    touch(tmp_path / "flat", f"{images}/x.png", f"{masks}/x.png", "about.txt")
    assert paired(tmp_path / "flat") == {"x": ["x.png"]}
    touch(tmp_path / "study", *(f"p1/{folder}/{i}.png" for folder in (images, masks) for i in "12"))
    assert paired(tmp_path / "study") == {"p1/1": ["1.png"], "p1/2": ["2.png"]}


def test_masks_inside_the_folder_of_images(tmp_path: Path) -> None:
    touch(tmp_path / "t", "a.tif", "p/b.tif", "masks/a.tif", "masks/p/b.tif")
    expected = {"a": ["a.tif"], "p/b": ["b.tif"]}
    assert paired(tmp_path / "t", tmp_path / "t/masks") == expected
    assert paired(tmp_path / "t") == expected
    touch(
        tmp_path / "u", "images/a.tif", "images/masks/a.tif", "images/b.tif", "images/masks/b.tif"
    )
    assert set(paired(tmp_path / "u")) == {"images/a", "images/b"}


def test_two_folders_of_masks_are_not_mixed(tmp_path: Path) -> None:
    touch(tmp_path, "JPEGImages/x.png", "SegmentationClass/x.png", "labels/x.png")
    with pytest.raises(UserError, match="two folders of masks, SegmentationClass and labels"):
        find_user_pairs(tmp_path)


def test_numbered_masks_are_united(tmp_path: Path) -> None:
    names = ["x_mask.png", "x_mask_1.png", "x_mask2.png", "y_mask-01.png", "y_mask-02.png"]
    expected = {"x": ["x_mask.png", "x_mask2.png", "x_mask_1.png"], "y": names[3:]}
    touch(tmp_path / "one", "x.png", "y.png", *names)
    assert paired(tmp_path / "one") == expected
    images, masks = touch(tmp_path / "i", "x.png", "y.png"), touch(tmp_path / "m", *names)
    assert paired(images, masks) == expected
    assert [len(pair.masks) for pair in find_pairs(images, masks).pairs] == [3, 2]


@pytest.mark.parametrize(
    ("images", "masks"),
    [(["x", "y"], ["x", "x_mask", "y"]), (["x", "x_1", "y"], ["x_mask", "x_mask_1", "y"])],
)
def test_an_image_never_gets_masks_that_may_be_of_another(
    tmp_path: Path, images: list[str], masks: list[str]
) -> None:
    touch(tmp_path / "i", *(f"{name}.png" for name in images))
    touch(tmp_path / "m", *(f"{name}.png" for name in masks))
    files = find_user_pairs(tmp_path / "i", tmp_path / "m")
    assert [pair.name for pair in files.pairs] == ["y"]
    assert "clash" in {issue.kind for issue in files.issues}


def test_masks_with_the_whole_file_name_of_the_image(tmp_path: Path) -> None:
    touch(tmp_path, "img/1.jpg", "ann/1.jpg.png", "img/d.e.png", "ann/d.e.png.png")
    expected = {"1": ["1.jpg.png"], "d.e": ["d.e.png.png"]}
    assert paired(tmp_path / "img", tmp_path / "ann") == paired(tmp_path) == expected
    touch(tmp_path / "one", "1.jpg", "1.jpg.png", "2.jpg", "2.jpg.png")
    assert paired(tmp_path / "one") == {"1": ["1.jpg.png"], "2": ["2.jpg.png"]}


def test_patterns_pair_names_and_count_the_others(tmp_path: Path) -> None:
    images = touch(tmp_path / "i", "21_training.tif", "p/22_training.tif", "overview.png", "s.gif")
    masks = touch(tmp_path / "m", "21_manual1.png", "p/22_manual1.png", "21_manual2.png")
    rules = patterns("{}_Training", "{}_manual1")
    assert paired(images, masks, rules) == {
        "21_training": ["21_manual1.png"],
        "p/22_training": ["22_manual1.png"],
    }
    (issue,) = find_user_pairs(images, masks, rules).issues
    assert issue.found.startswith("3 files match neither {}_training nor {}_manual1")
    files = find_user_pairs(tmp_path, None, patterns("i/{}_training", "m/{}_manual2"))
    assert [pair.name for pair in files.pairs] == ["i/21_training"]
    with pytest.raises(UserError, match=r"found no name that matches \{\}_train"):
        find_user_pairs(images, masks, patterns("{}_train", "{}_manual1"))


def test_patterns_in_one_folder(tmp_path: Path) -> None:
    touch(tmp_path, "x.png", "x_gt.png", "y.png", "y_mask.png", "t000.png", "man_seg000.png")
    assert set(paired(tmp_path, None, patterns("t{}", "man_seg{}"))) == {"t000"}
    files = find_user_pairs(tmp_path, None, patterns(None, "{}_gt"))
    assert [pair.name for pair in files.pairs] == ["x"]
    with pytest.raises(UserError, match="found no name that matches z"):
        find_user_pairs(tmp_path, None, patterns("{}", "z{}"))


@pytest.mark.parametrize("text", ["x", "{}{}", "{}.png", ""])
def test_pattern_without_one_placeholder_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="--image-pattern: found"):
        parse_pattern("--image-pattern", text)


def test_one_stack_of_images_and_one_of_masks(tmp_path: Path) -> None:
    touch(tmp_path, "train-volume.tif", "train-labels.tif", "raw.npy", "a.nd2", "b.tif")
    files = [tmp_path / name for name in ("train-volume.tif", "train-labels.tif")]
    assert paired(*files) == {"train-volume": ["train-labels.tif"]}
    assert paired(tmp_path / "raw.npy", files[1]) == {"raw": ["train-labels.tif"]}
    with pytest.raises(UserError, match=r"a\.nd2: is a \.nd2 file"):
        find_user_pairs(tmp_path / "a.nd2", files[1])
    with pytest.raises(UserError, match="is a file; expected a folder"):
        find_user_pairs(files[0])
    for folder in (tmp_path, tmp_path / "m"):
        folder.mkdir(exist_ok=True)
    with pytest.raises(UserError, match="is a file; expected a folder"):
        find_user_pairs(files[0], tmp_path / "m")


def test_folders_of_unsupported_files_say_so(tmp_path: Path) -> None:
    images = touch(tmp_path / "i", "a.nrrd", "b.nrrd")
    masks = touch(tmp_path / "m", "a.png", "b.png")
    with pytest.raises(UserError, match=r"found no images .*a\.nrrd: is a \.nrrd file.* 1 more"):
        find_user_pairs(images, masks)
    with pytest.raises(UserError, match=r"found no masks .*a\.nrrd: is a \.nrrd file"):
        find_user_pairs(masks, images)


def test_one_folder_twice_is_refused(tmp_path: Path) -> None:
    """Each image would be its own mask."""
    folder = touch(tmp_path / "i", "a.png", "b.png")
    with pytest.raises(UserError, match="is given as the folder of images and as that of masks"):
        find_user_pairs(folder, tmp_path / "i/../i")


def test_folders_that_do_not_say_what_they_are_are_named(tmp_path: Path) -> None:
    touch(tmp_path, "images/1_a.png", "drawn/1_b.png")
    with pytest.raises(UserError, match="of the subfolders drawn, images: give two of them"):
        find_user_pairs(tmp_path)
