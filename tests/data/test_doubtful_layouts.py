"""Folders whose names could lead to wrong pairs or splits: right, stated or refused."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from segsweep.core.errors import UserError
from segsweep.data.discovery import Pair
from segsweep.data.groups import groups_from_folders, groups_from_regex
from segsweep.data.name_checks import state_union
from segsweep.data.name_patterns import parse_pattern
from segsweep.data.user_folders import NameRules, find_user_pairs


def write(folder: Path, names: Iterable[str]) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    return folder


def each(*patterns: str, numbers: Iterable[int] = range(1, 5)) -> list[str]:
    return [pattern.format(number) for number in numbers for pattern in patterns]


def paired(*arguments: Any) -> dict[str, list[str]]:
    """Return the masks of each image; there must be no issue but assumptions."""
    files = find_user_pairs(*arguments)
    assert {issue.kind for issue in files.issues} <= {"pairing"}
    return {pair.name: [mask.name for mask in pair.masks] for pair in files.pairs}


def refused(folder: Path, *masks: Path) -> str:
    with pytest.raises(UserError) as error:
        find_user_pairs(folder, *masks)
    return str(error.value)


# --- the masks could be another folder


def test_the_field_of_view_of_drive_is_not_its_mask(tmp_path: Path) -> None:
    names = each("images/{}_training.tif", "1st_manual/{}_manual1.gif", "mask/{}_training_mask.gif")
    folder = write(tmp_path, names)
    assert "two folders of masks, 1st_manual and mask" in refused(folder)
    assert len(paired(folder / "images", folder / "1st_manual")) == 4


def test_a_folder_of_an_unknown_kind_next_to_images_and_masks_is_refused(tmp_path: Path) -> None:
    write(tmp_path, each("p{}/images/a.png", "p{}/masks/a.png", "p{}/drawn/a.png"))
    assert "p1: found drawn (with a.png) next to images and masks" in refused(tmp_path)


def test_folders_in_the_wrong_order_are_refused(tmp_path: Path) -> None:
    write(tmp_path, each("images/{}.png", "masks/{}.png", "a/{}.png", "b/{}_mask.png"))
    assert "the other way round" in refused(tmp_path / "masks", tmp_path / "images")
    assert "the names in it have 'mask'" in refused(tmp_path / "b", tmp_path / "a")


def test_masks_of_classes_or_annotators_in_subfolders_are_refused(tmp_path: Path) -> None:
    write(tmp_path, each("i/{}.png", "m/border/{}.png", "m/nucleus/{}.png"))
    message = refused(tmp_path / "i", tmp_path / "m")
    assert "in 2 subfolders of the masks (border, nucleus)" in message
    assert len(paired(tmp_path / "i", tmp_path / "m/nucleus")) == 4


# --- masks of several kinds


@pytest.mark.parametrize("kinds", [("A", "B"), ("nucleus", "border"), ("tumor_1", "stroma_1")])
def test_masks_of_several_kinds_are_not_united(tmp_path: Path, kinds: tuple[str, str]) -> None:
    masks = write(tmp_path / "m", (f"x{i}/{kind}.png" for i in range(3) for kind in kinds))
    images = write(tmp_path / "i", each("x{}.png", numbers=range(3)))
    files = find_user_pairs(images, masks)
    assert files.pairs == []
    assert {issue.kind for issue in files.issues} == {"clash"}
    rules = NameRules(mask_pattern=parse_pattern("--mask-pattern", "{}/" + kinds[0]))
    assert paired(images, masks, rules) == {f"x{i}": [f"{kinds[0]}.png"] for i in range(3)}


@pytest.mark.parametrize(
    "masks", [["x_mask_1", "x_mask_2"], ["x_mask", "x_mask_1"], ["x/12ab", "x/b07c"]]
)
def test_masks_of_objects_are_united_and_it_is_stated(tmp_path: Path, masks: list[str]) -> None:
    write(tmp_path / "i", ["x.png", "y.png"])
    write(tmp_path / "m", (f"{name}.png" for name in [*masks, "y_mask_1", "y_mask_2"]))
    files = find_user_pairs(tmp_path / "i", tmp_path / "m")
    assert [len(pair.masks) for pair in files.pairs] == [2, 2]
    (issue,) = state_union(files.pairs, tmp_path)
    assert issue.severity == "assumption"
    assert "2 of 2 images have several; x.png has" in issue.found


def test_several_kinds_of_names_are_listed_with_patterns_that_work(tmp_path: Path) -> None:
    write(tmp_path / "b", each(*(f"b{{0}}/b{{0}}_{c}.png" for c in ("t1", "t2", "seg"))))
    assert "--image-pattern '{}_t1' --mask-pattern '{}_seg'" in refused(tmp_path / "b")
    write(tmp_path / "c", each("i/{}_rgb.png", "m/{}_gt_color.png", "m/{}_gt_ids.png"))
    message = refused(tmp_path / "c/i", tmp_path / "c/m")
    assert "found 2 kinds of masks" in message
    options = message.rpartition("for example with ")[2].replace("'", "").split()
    rules = NameRules(None, *(parse_pattern(*options[i : i + 2]) for i in (0, 2)))
    assert len(paired(tmp_path / "c/i", tmp_path / "c/m", rules)) == 4


def test_other_opinions_are_left_out_and_counted_if_the_pattern_is_given(tmp_path: Path) -> None:
    write(tmp_path, each("{}L.png", "{}L_1st.png", "{}L_2nd.png"))
    assert "2 ways to pair 4 names" in refused(tmp_path)
    rules = NameRules(mask_pattern=parse_pattern("--mask-pattern", "{}_1st"))
    files = find_user_pairs(tmp_path, None, rules)
    assert [pair.masks[0].name for pair in files.pairs] == each("{}L_1st.png")
    (issue,) = files.issues
    assert issue.found.startswith("4 files that match {} are left out")
    assert "1L_2nd.png" in issue.found


def test_overlays_are_left_out_and_counted(tmp_path: Path) -> None:
    write(tmp_path, each("{}.png", "{}_seg.png", "{}_overlay.png", "{}_seg-overlay.png"))
    files = find_user_pairs(tmp_path)
    assert [pair.masks[0].name for pair in files.pairs] == each("{}_seg.png")
    assert any("8 files such as 1_overlay.png are left out" in i.found for i in files.issues)


def test_an_image_called_mask_is_not_a_mask_of_another(tmp_path: Path) -> None:
    write(tmp_path, ["face.png", "face_mask.png", "face_mask_1.png", "face_mask_1_mask.png"])
    assert paired(tmp_path) == {"face": ["face_mask.png"], "face_mask_1": ["face_mask_1_mask.png"]}


# --- numbers


@pytest.mark.parametrize(("image", "mask"), [("{}.png", "{}.png"), ("img_{}.png", "mask_{}.png")])
def test_masks_numbered_from_one_and_images_from_zero_are_refused(
    tmp_path: Path, image: str, mask: str
) -> None:
    images = write(tmp_path / "i", each(image, numbers=range(10)))
    masks = write(tmp_path / "m", each(mask, numbers=range(1, 11)))
    assert "10 images numbered from 0 to 9 and as many masks from 1 to 10" in refused(images, masks)
    (images / image.format(0)).unlink()
    (masks / mask.format(10)).unlink()
    assert len(paired(images, masks)) == 9


def test_one_missing_file_is_not_a_shift(tmp_path: Path) -> None:
    images = write(tmp_path / "i", each("{}.png", numbers=[1, 2, 3, 5]))
    masks = write(tmp_path / "m", each("{}.png", numbers=[1, 2, 4, 5]))
    files = find_user_pairs(images, masks)
    assert [pair.name for pair in files.pairs] == ["1", "2", "5"]
    assert [issue.kind for issue in files.issues] == ["partner", "partner"]


# --- layouts of which the right reading is certain


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("CVC/Original/{}.tif", "CVC/Ground Truth/{}.tif"),
        ("leftImg8bit/train/a/{}_leftImg8bit.png", "gtFine/train/a/{}_gtFine_labelIds.png"),
        ("images/cat_{}.jpg", "annotations/trimaps/cat_{}.png"),
        ("tiles/{}.jpg", "labels/{}.png"),
        ("p{}/image.png", "p{}/mask.png"),
        ("d{0}/img{0}.png", "d{0}_masks/img{0}.png"),
        ("train_images/{}.png", "train_masks/{}.png"),
        ("ISIC_Training_Data/{}.jpg", "ISIC_Training_GroundTruth/{}_segmentation.png"),
    ],
)
def test_layouts_of_public_data_sets(tmp_path: Path, image: str, mask: str) -> None:
    write(tmp_path, each(image, mask, "__MACOSX/._{}.png", "__MACOSX/{}.png", ".x/{}.png"))
    files = find_user_pairs(tmp_path)
    assert {issue.kind for issue in files.issues} <= {"pairing"}
    found = [(pair.image, pair.masks) for pair in files.pairs]
    expected = [(tmp_path / image.format(i), (tmp_path / mask.format(i),)) for i in range(1, 5)]
    assert sorted(found) == expected


def test_equal_file_names_in_other_subfolders(tmp_path: Path) -> None:
    images = write(tmp_path / "i", ["p1/a.png", "p1/b.png", "p2/c.png"])
    masks = write(tmp_path / "m", ["a.png", "b.png", "c.png"])
    assert paired(images, masks) == {"p1/a": ["a.png"], "p1/b": ["b.png"], "p2/c": ["c.png"]}
    write(images, ["p2/a.png"])
    assert "no mask has the name of an image" in refused(images, masks)


# --- splits and groups


def pairs(*names: str) -> list[Pair]:
    return [Pair(name, Path(f"{name}.png"), (Path("m.png"),)) for name in names]


@pytest.mark.parametrize(
    "folders",
    [("training_set", "test_set"), ("stage1_train", "stage1_test"), ("train1", "test1")],
)
def test_folders_with_the_word_of_a_split_are_splits(folders: tuple[str, str]) -> None:
    groups, splits, (issue,) = groups_from_folders(
        pairs(*(f"{f}/{i}" for f in folders for i in "12"))
    )
    assert splits == {f"{folders[1]}/{i}": "test" for i in "12"}
    assert len(set(groups.values())) == 4
    assert issue.kind == "split_folders"


def test_splits_below_other_folders_are_refused() -> None:
    names = [f"{h}/{s}/{i}" for h in "AB" for s in ("train", "test") for i in "12"]
    with pytest.raises(UserError, match=r"below other folders.* --groups"):
        groups_from_folders(pairs(*names))


def test_folders_with_one_name_in_two_splits_are_stated() -> None:
    names = ["train/p1/a", "train/p2/a", "test/p1/b", "test/p3/b"]
    _, _, (issue,) = groups_from_folders(pairs(*names))
    assert "1 folder names are in several splits and taken as different groups (p1)" in issue.found


def test_names_that_begin_with_splits_are_stated() -> None:
    _, splits, (issue,) = groups_from_folders(pairs("train_1", "train_2", "testA_1", "testB_1"))
    assert splits == {}
    assert "the splits are drawn, although the names of images begin with splits" in issue.found
    assert groups_from_folders(pairs("train_1", "tested_1", "test2"))[2] == []


def test_groups_that_differ_in_case_only_are_refused() -> None:
    _, issues = groups_from_regex(pairs("Mouse1_a", "mouse1_b", "mouse2_a"), r"(\w+?)_")
    assert [issue.kind for issue in issues] == ["groups"]
    assert "has the groups 'Mouse1' and 'mouse1'" in issues[0].found
