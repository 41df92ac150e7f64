"""Pairing of images and masks in every layout, and issues of files that cannot be paired."""

import os
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from project import not_as_root
from segsweep.core.errors import UserError
from segsweep.data.user_folders import NameRules, find_user_pairs


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def masks_by_name(folder: Path, *arguments: Any) -> dict[str, list[str]]:
    """Return the names of the masks of each image; there must be no issues."""
    files = find_user_pairs(folder, *arguments)
    assert files.issues == []
    return {pair.name: [mask.name for mask in pair.masks] for pair in files.pairs}


def test_two_folders_flat_and_nested(tmp_path: Path) -> None:
    touch(tmp_path / "i", "a.png", "p1/b.tif", "p1/c.ome.tif", ".hidden.png", "notes.txt")
    touch(tmp_path / "m", "a.bmp", "p1/b.png", "p1/c.tif")
    assert masks_by_name(tmp_path / "i", tmp_path / "m") == {
        "a": ["a.bmp"],
        "p1/b": ["b.png"],
        "p1/c": ["c.tif"],
    }
    files = [p.file for p in find_user_pairs(tmp_path / "i", tmp_path / "m").pairs]
    assert files == ["a.png", "p1/b.tif", "p1/c.tif"]


def test_folder_with_the_name_of_an_image_has_its_masks(tmp_path: Path) -> None:
    touch(tmp_path / "i", "a.png", "p/b.png")
    touch(tmp_path / "m", "a/1.png", "a/2.png", "p/b/1.png")
    assert masks_by_name(tmp_path / "i", tmp_path / "m") == {
        "a": ["1.png", "2.png"],
        "p/b": ["1.png"],
    }


def test_one_folder_with_mask_suffix(tmp_path: Path) -> None:
    touch(tmp_path, "x.png", "x_mask.png", "d/y.jpg", "d/y_mask.png")
    assert masks_by_name(tmp_path) == {"d/y": ["y_mask.png"], "x": ["x_mask.png"]}
    touch(tmp_path / "z", "x.png", "x-seg.png")
    assert masks_by_name(tmp_path / "z", None, NameRules("-seg")) == {"x": ["x-seg.png"]}


def test_one_folder_per_image_as_in_the_data_science_bowl(tmp_path: Path) -> None:
    touch(tmp_path, "0a/images/0a.png", "0a/masks/1.png", "0a/masks/2.png")
    touch(tmp_path, "0b/images/0b.png", "0b/masks/1.png")
    assert masks_by_name(tmp_path) == {"0a": ["1.png", "2.png"], "0b": ["1.png"]}


def test_names_are_compared_without_case_and_unicode_form(tmp_path: Path) -> None:
    composed, decomposed = (unicodedata.normalize(form, "zelle-é ü") for form in ("NFC", "NFD"))
    touch(tmp_path / "i", f"{composed}.png", "UPPER.PNG")
    touch(tmp_path / "m", f"{decomposed}.png", "upper.png")
    assert set(masks_by_name(tmp_path / "i", tmp_path / "m")) == {composed, "UPPER"}


@pytest.mark.parametrize("name", ["two\nlines", "a b", "a..b", "-n", "é\u202e", "a,b\"c'"])
def test_unusual_names_are_kept(tmp_path: Path, name: str) -> None:
    touch(tmp_path / "i", f"{name}.png")
    touch(tmp_path / "m", f"{name}.png")
    (pair,) = find_user_pairs(tmp_path / "i", tmp_path / "m").pairs
    assert pair.name == name


def test_missing_partners_clashes_and_links_are_reported_together(tmp_path: Path) -> None:
    touch(tmp_path, "elsewhere.png")
    touch(tmp_path / "i", "a.png", "b.png", "b.tif", "c.png")
    touch(tmp_path / "m", "a.png", "b.png", "d.png")
    (tmp_path / "i/e.png").symlink_to(tmp_path / "elsewhere.png")
    (tmp_path / "i/folder").symlink_to(tmp_path)
    files = find_user_pairs(tmp_path / "i", tmp_path / "m")
    assert [pair.name for pair in files.pairs] == ["a"]
    assert sorted((p.kind, Path(p.file).name) for p in files.issues) == [
        ("clash", "b.tif"),
        ("outside", "e.png"),
        ("outside", "folder"),
        ("partner", "c.png"),
        ("partner", "d.png"),
    ]


def test_folder_without_permission_is_reported(open_folder: Path) -> None:
    touch(open_folder / "i", "a.png", "locked/b.png")
    touch(open_folder / "m", "a.png")
    (open_folder / "i/locked").chmod(0)
    with not_as_root():
        (issue,) = find_user_pairs(open_folder / "i", open_folder / "m").issues
    assert issue.kind == "permission"


def test_folders_without_images_or_masks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such folder"):
        find_user_pairs(tmp_path / "missing")
    touch(tmp_path / "i", "a.txt")
    with pytest.raises(UserError, match="found no images"):
        find_user_pairs(tmp_path / "i", tmp_path)
    touch(tmp_path / "i", "a.png")
    with pytest.raises(UserError, match="found no masks, expected files named after"):
        find_user_pairs(tmp_path / "i")


def names_and_kinds(folder: Path, masks: Path | None = None) -> tuple[list[str], list[str]]:
    """Return the names of the usable images, and the kinds of the issues."""
    files = find_user_pairs(folder, masks)
    return [p.name for p in files.pairs], sorted(p.kind for p in files.issues)


def test_folders_with_images_and_masks_inside(tmp_path: Path) -> None:
    touch(tmp_path / "a", "images/x.png", "masks/x.png")
    assert masks_by_name(tmp_path / "a") == {"x": ["x.png"]}
    for patient in ("p1", "p2"):
        touch(
            tmp_path / "b",
            *(f"{patient}/{kind}/{i}.png" for kind in ("images", "masks") for i in "12"),
        )
    assert masks_by_name(tmp_path / "b") == {
        f"{p}/{i}": [f"{i}.png"] for p in ("p1", "p2") for i in "12"
    }
    touch(tmp_path / "masks", "x.png", "x_mask.png")
    assert masks_by_name(tmp_path / "masks") == {"x": ["x_mask.png"]}


def test_mask_suffix_is_removed_in_a_masks_folder(tmp_path: Path) -> None:
    touch(tmp_path / "i", "x.png", "y.png")
    touch(tmp_path / "m", "x_Mask.png", "y.png")
    assert masks_by_name(tmp_path / "i", tmp_path / "m") == {"x": ["x_Mask.png"], "y": ["y.png"]}


def test_image_with_an_unusable_mask_is_left_out(tmp_path: Path) -> None:
    """Otherwise the network would be trained on an incomplete mask."""
    for name in ("czi", "link", "twin", "good"):
        touch(tmp_path / "i", f"{name}.png")
        touch(tmp_path / "m", f"{name}/1.png", f"{name}/2.png")
    touch(tmp_path, "elsewhere.png")
    touch(tmp_path / "m", "czi/3.czi", "twin/2.tif")
    (tmp_path / "m/link/3.png").symlink_to(tmp_path / "elsewhere.png")
    assert names_and_kinds(tmp_path / "i", tmp_path / "m") == (
        ["good"],
        ["clash", "format", "outside"],
    )
    (tmp_path / "bowl").mkdir()
    touch(tmp_path / "bowl", "a/images/a.png", "a/masks/1.png", "a/masks/2.czi")
    touch(tmp_path / "bowl", "b/images/b.png", "b/masks/1.png")
    assert names_and_kinds(tmp_path / "bowl") == (["b"], ["format"])


def test_images_that_would_get_the_same_name_are_left_out(tmp_path: Path) -> None:
    for kind in ("i", "m"):
        touch(tmp_path / kind, "p/x.png", "p/images/x.png", "Q/y.png", "q/y.png", "z.png")
    assert names_and_kinds(tmp_path / "i", tmp_path / "m")[0] == ["z"]


def test_other_files_are_reported_or_ignored(tmp_path: Path) -> None:
    for kind in ("i", "m"):
        touch(tmp_path / kind, "a.png", "Thumbs.db", "README", ".ipynb_checkpoints/a.png")
    assert names_and_kinds(tmp_path / "i", tmp_path / "m") == (["a"], [])
    touch(tmp_path / "i", "b.czi")
    os.mkfifo(tmp_path / "i/pipe.png")
    (tmp_path / "i/loop.png").symlink_to(tmp_path / "i/loop.png")
    (tmp_path / "i/gone.png").symlink_to(tmp_path / "i/nothing.png")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/i/\xfc.png")).touch()
    assert names_and_kinds(tmp_path / "i", tmp_path / "m") == (
        ["a"],
        ["format", "format", "unreadable", "unreadable", "unreadable"],
    )


def test_images_of_a_patient_without_masks_are_reported(tmp_path: Path) -> None:
    touch(tmp_path, "p1/images/a.png", "p1/images/b.png", "p1/masks/a.png", "p1/masks/b.png")
    touch(tmp_path, "p2/images/c.png", "p2/images/d.png", "e.png", "p1/images/sub/z.png")
    names, kinds = names_and_kinds(tmp_path)
    assert names == ["p1/a", "p1/b"]
    assert kinds == ["partner"] * 4


@pytest.mark.parametrize("other", ["lost", "czi"])
def test_single_image_does_not_get_masks_of_another_image(tmp_path: Path, other: str) -> None:
    touch(tmp_path, "p1/images/x1.png", "p1/masks/x1.png", "p1/masks/x2.png")
    touch(tmp_path, "p2/images/a.png", "p2/masks/1.png", "p2/masks/2.png")
    if other == "czi":
        touch(tmp_path, "p1/images/x2.czi")
    files = find_user_pairs(tmp_path)
    assert {p.name: len(p.masks) for p in files.pairs} == {"p1/x1": 1, "p2/a": 2}
    assert {p.kind for p in files.issues} <= {"partner", "format"}
    assert files.issues


def test_masks_with_the_same_name_are_reported(tmp_path: Path) -> None:
    touch(tmp_path / "i", "s.png", "t.png", "u.png")
    touch(tmp_path / "m", "s.png", "s/s.png", "t/1.tif", "t/1.ome.tif", "u/1.png", "u/2.png")
    assert names_and_kinds(tmp_path / "i", tmp_path / "m") == (["u"], ["clash", "clash"])


def test_unusable_file_affects_only_its_own_image(tmp_path: Path) -> None:
    touch(tmp_path / "i", "p1.png", "p1/a.czi", "q.png", "img.png", "x.png")
    touch(tmp_path / "m", "p1.png", "q.png", "img.png", "x_mask.png", "x_mask.czi")
    (tmp_path / "m/img.001").symlink_to(tmp_path)
    names, kinds = names_and_kinds(tmp_path / "i", tmp_path / "m")
    assert names == ["img", "p1", "q"]
    assert kinds == ["format", "format", "outside"]
