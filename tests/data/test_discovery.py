"""Which mask belongs to which image, in every layout, and what has no partner."""

import os
import unicodedata
from pathlib import Path

import pytest

from project import not_as_root
from segsweep.core.errors import UserError
from segsweep.data.discovery import find_pairs


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def told(folder: Path, *arguments: Path | str) -> dict[str, list[str]]:
    layout = find_pairs(folder, *arguments)  # type: ignore[arg-type]
    assert layout.problems == []
    return {pair.name: [mask.name for mask in pair.masks] for pair in layout.pairs}


def test_two_folders_flat_and_nested(tmp_path: Path) -> None:
    touch(tmp_path / "i", "a.png", "p1/b.tif", "p1/c.ome.tif", ".hidden.png", "notes.txt")
    touch(tmp_path / "m", "a.bmp", "p1/b.png", "p1/c.tif")
    assert told(tmp_path / "i", tmp_path / "m") == {
        "a": ["a.bmp"],
        "p1/b": ["b.png"],
        "p1/c": ["c.tif"],
    }
    files = [p.file for p in find_pairs(tmp_path / "i", tmp_path / "m").pairs]
    assert files == ["a.png", "p1/b.tif", "p1/c.tif"]


def test_several_masks_of_one_image_lie_in_a_folder_of_its_name(tmp_path: Path) -> None:
    touch(tmp_path / "i", "a.png", "p/b.png")
    touch(tmp_path / "m", "a/1.png", "a/2.png", "p/b/1.png")
    assert told(tmp_path / "i", tmp_path / "m") == {"a": ["1.png", "2.png"], "p/b": ["1.png"]}


def test_one_folder_with_suffixes(tmp_path: Path) -> None:
    touch(tmp_path, "x.png", "x_mask.png", "d/y.jpg", "d/y_mask.png")
    assert told(tmp_path) == {"d/y": ["y_mask.png"], "x": ["x_mask.png"]}
    touch(tmp_path / "z", "x.png", "x-seg.png")
    assert told(tmp_path / "z", None, "-seg") == {"x": ["x-seg.png"]}  # type: ignore[arg-type]


def test_one_folder_per_image_as_in_the_data_science_bowl(tmp_path: Path) -> None:
    touch(tmp_path, "0a/images/0a.png", "0a/masks/1.png", "0a/masks/2.png")
    touch(tmp_path, "0b/images/0b.png", "0b/masks/1.png")
    assert told(tmp_path) == {"0a": ["1.png", "2.png"], "0b": ["1.png"]}


def test_letters_are_compared_as_people_read_them(tmp_path: Path) -> None:
    composed, split = (unicodedata.normalize(form, "zelle-é ü") for form in ("NFC", "NFD"))
    touch(tmp_path / "i", f"{composed}.png", "UPPER.PNG")
    touch(tmp_path / "m", f"{split}.png", "upper.png")
    assert set(told(tmp_path / "i", tmp_path / "m")) == {composed, "UPPER"}


@pytest.mark.parametrize("name", ["two\nlines", "a b", "a..b", "-n", "é\u202e", "a,b\"c'"])
def test_strange_names_are_names(tmp_path: Path, name: str) -> None:
    touch(tmp_path / "i", f"{name}.png")
    touch(tmp_path / "m", f"{name}.png")
    (pair,) = find_pairs(tmp_path / "i", tmp_path / "m").pairs
    assert pair.name == name


def test_partners_clashes_and_links_are_told_together(tmp_path: Path) -> None:
    touch(tmp_path, "elsewhere.png")
    touch(tmp_path / "i", "a.png", "b.png", "b.tif", "c.png")
    touch(tmp_path / "m", "a.png", "b.png", "d.png")
    (tmp_path / "i/e.png").symlink_to(tmp_path / "elsewhere.png")
    (tmp_path / "i/folder").symlink_to(tmp_path)
    layout = find_pairs(tmp_path / "i", tmp_path / "m")
    assert [pair.name for pair in layout.pairs] == ["a"]
    assert sorted((p.kind, Path(p.file).name) for p in layout.problems) == [
        ("clash", "b.tif"),
        ("outside", "e.png"),
        ("outside", "folder"),
        ("partner", "c.png"),
        ("partner", "d.png"),
    ]


def test_a_folder_without_permission_is_told(open_folder: Path) -> None:
    touch(open_folder / "i", "a.png", "locked/b.png")
    touch(open_folder / "m", "a.png")
    (open_folder / "i/locked").chmod(0)
    with not_as_root():
        (problem,) = find_pairs(open_folder / "i", open_folder / "m").problems
    assert problem.kind == "permission"


def test_nothing_at_all_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such folder"):
        find_pairs(tmp_path / "missing")
    touch(tmp_path / "i", "a.txt")
    with pytest.raises(UserError, match="found no images"):
        find_pairs(tmp_path / "i", tmp_path / "i")
    touch(tmp_path / "i", "a.png")
    with pytest.raises(UserError, match="found no masks, expected files named after"):
        find_pairs(tmp_path / "i")


def kinds(folder: Path, masks: Path | None = None) -> tuple[list[str], list[str]]:
    layout = find_pairs(folder, masks)
    return [p.name for p in layout.pairs], sorted(p.kind for p in layout.problems)


def test_a_folder_that_holds_images_and_masks_and_patients_that_do(tmp_path: Path) -> None:
    touch(tmp_path / "a", "images/x.png", "masks/x.png")
    assert told(tmp_path / "a") == {"x": ["x.png"]}
    for patient in ("p1", "p2"):
        touch(
            tmp_path / "b",
            *(f"{patient}/{kind}/{i}.png" for kind in ("images", "masks") for i in "12"),
        )
    assert told(tmp_path / "b") == {f"{p}/{i}": [f"{i}.png"] for p in ("p1", "p2") for i in "12"}
    touch(tmp_path / "masks", "x.png", "x_mask.png")
    assert told(tmp_path / "masks") == {"x": ["x_mask.png"]}


def test_a_suffix_in_a_folder_of_masks_is_understood(tmp_path: Path) -> None:
    touch(tmp_path / "i", "x.png", "y.png")
    touch(tmp_path / "m", "x_Mask.png", "y.png")
    assert told(tmp_path / "i", tmp_path / "m") == {"x": ["x_Mask.png"], "y": ["y.png"]}


def test_a_fault_of_one_mask_takes_its_image_out(tmp_path: Path) -> None:
    """Else it would be trained on the rest of its masks."""
    for name in ("gif", "link", "twin", "good"):
        touch(tmp_path / "i", f"{name}.png")
        touch(tmp_path / "m", f"{name}/1.png", f"{name}/2.png")
    touch(tmp_path, "elsewhere.png")
    touch(tmp_path / "m", "gif/3.gif", "twin/2.tif")
    (tmp_path / "m/link/3.png").symlink_to(tmp_path / "elsewhere.png")
    assert kinds(tmp_path / "i", tmp_path / "m") == (["good"], ["clash", "format", "outside"])
    (tmp_path / "bowl").mkdir()
    touch(tmp_path / "bowl", "a/images/a.png", "a/masks/1.png", "a/masks/2.webp")
    touch(tmp_path / "bowl", "b/images/b.png", "b/masks/1.png")
    assert kinds(tmp_path / "bowl") == (["b"], ["format"])


def test_two_images_never_come_to_one_place(tmp_path: Path) -> None:
    for kind in ("i", "m"):
        touch(tmp_path / kind, "p/x.png", "p/images/x.png", "Q/y.png", "q/y.png", "z.png")
    assert kinds(tmp_path / "i", tmp_path / "m")[0] == ["z"]


def test_what_is_no_image_file_is_told_or_passed_over(tmp_path: Path) -> None:
    for kind in ("i", "m"):
        touch(tmp_path / kind, "a.png", "Thumbs.db", "README", ".ipynb_checkpoints/a.png")
    assert kinds(tmp_path / "i", tmp_path / "m") == (["a"], [])
    touch(tmp_path / "i", "b.gif")
    (tmp_path / "i/scan").write_bytes(bytes(128) + b"DICM")
    os.mkfifo(tmp_path / "i/pipe.png")
    (tmp_path / "i/loop.png").symlink_to(tmp_path / "i/loop.png")
    (tmp_path / "i/gone.png").symlink_to(tmp_path / "i/nothing.png")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/i/\xfc.png")).touch()
    assert kinds(tmp_path / "i", tmp_path / "m") == (
        ["a"],
        ["format", "format", "format", "unreadable", "unreadable", "unreadable"],
    )


def test_images_of_a_patient_without_masks_are_told(tmp_path: Path) -> None:
    touch(tmp_path, "p1/images/a.png", "p1/images/b.png", "p1/masks/a.png", "p1/masks/b.png")
    touch(tmp_path, "p2/images/c.png", "p2/images/d.png", "e.png", "p1/images/sub/z.png")
    names, problems = kinds(tmp_path)
    assert names == ["p1/a", "p1/b"]
    assert problems == ["partner"] * 4


@pytest.mark.parametrize("other", ["lost", "gif"])
def test_a_lone_image_takes_no_other_images_mask(tmp_path: Path, other: str) -> None:
    touch(tmp_path, "p1/images/x1.png", "p1/masks/x1.png", "p1/masks/x2.png")
    touch(tmp_path, "p2/images/a.png", "p2/masks/1.png", "p2/masks/2.png")
    if other == "gif":
        touch(tmp_path, "p1/images/x2.gif")
    layout = find_pairs(tmp_path)
    assert {p.name: len(p.masks) for p in layout.pairs} == {"p1/x1": 1, "p2/a": 2}
    assert {p.kind for p in layout.problems} <= {"partner", "format"}
    assert layout.problems


def test_masks_that_a_copy_would_merge_are_told(tmp_path: Path) -> None:
    touch(tmp_path / "i", "s.png", "t.png", "u.png")
    touch(tmp_path / "m", "s.png", "s/s.png", "t/1.tif", "t/1.ome.tif", "u/1.png", "u/2.png")
    assert kinds(tmp_path / "i", tmp_path / "m") == (["u"], ["clash", "clash"])


def test_a_fault_spoils_only_its_own_image(tmp_path: Path) -> None:
    touch(tmp_path / "i", "p1.png", "p1/a.gif", "q.png", "img.png", "x.png")
    touch(tmp_path / "m", "p1.png", "q.png", "img.png", "x_mask.png", "x_mask.gif")
    (tmp_path / "m/img.001").symlink_to(tmp_path)
    names, problems = kinds(tmp_path / "i", tmp_path / "m")
    assert names == ["img", "p1", "q"]
    assert problems == ["format", "format", "outside"]
