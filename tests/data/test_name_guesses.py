"""Guesses about names that differ by a constant beginning or ending."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segsweep.core.errors import UserError
from segsweep.data.name_guesses import guess_mask_names, guess_patterns
from segsweep.data.user_folders import NameRules, find_user_pairs

NUMBERS = range(98, 103)


def write(folder: Path, names: Iterable[str]) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"x")
    return folder


@pytest.mark.parametrize(
    ("image", "mask", "words"),
    [
        ("cells_{}_0000.png", "cells_{}.png", "image names end in _0000"),
        (
            "{}_training.tif",
            "{}_manual1.png",
            "image names end in _training, mask names end in _man",
        ),
        ("t{}.tif", "man_seg{}.tif", "image names begin with t, mask names begin with man_seg"),
        ("ISIC_{}.jpg", "ISIC_{}_segmentation.png", "mask names end in _segmentation"),
        ("img_{}_rgb.png", "gt_{}.png", "image names begin with img_, image names end in _rgb"),
    ],
)
def test_two_folders(tmp_path: Path, image: str, mask: str, words: str) -> None:
    images = write(tmp_path / "i", (image.format(i) for i in NUMBERS))
    masks = write(tmp_path / "m", (mask.format(i) for i in NUMBERS))
    files = find_user_pairs(images, masks)
    assert {p.image.name: p.masks[0].name for p in files.pairs} == {
        image.format(i): mask.format(i) for i in NUMBERS
    }
    (issue,) = files.issues
    assert issue.kind == "pairing"
    assert f"(5 pairs: {words}" in issue.found
    assert "--image-pattern" in issue.todo
    (masks / mask.format(102)).unlink()
    files = find_user_pairs(images, masks)
    assert len(files.pairs) == 4
    assert sorted(issue.kind for issue in files.issues) == ["pairing", "partner"]


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("CMU-{} [x=0,y=1].jpg", "CMU-{} [x=0,y=1]-labelled.png"),
        ("Image {}.png", "Image {}_Simple Segmentation.png"),
        ("train_{}.bmp", "train_{}_anno.bmp"),
        ("{}.png", "mask_{}.png"),
        ("img_{}.png", "mask_{}.png"),
        ("vol{}-volume.tif", "vol{}-labels.tif"),
    ],
)
@pytest.mark.parametrize("numbers", [NUMBERS, range(1, 12), range(1)])
def test_one_folder(tmp_path: Path, image: str, mask: str, numbers: range) -> None:
    write(tmp_path, (name.format(i) for i in numbers for name in (image, mask)))
    files = find_user_pairs(tmp_path)
    assert {p.image.name: p.masks[0].name for p in files.pairs} == {
        image.format(i): mask.format(i) for i in numbers
    }
    assert [issue.kind for issue in files.issues] == ["pairing"]


def test_numbered_masks_with_a_guessed_ending(tmp_path: Path) -> None:
    write(tmp_path, ["a.png", "a-seg_1.png", "a-seg_2.png", "b.png", "b-seg_1.png"])
    assert [len(pair.masks) for pair in find_user_pairs(tmp_path).pairs] == [2, 1]


def test_nothing_is_guessed_if_the_user_says_what_masks_are_called(tmp_path: Path) -> None:
    write(tmp_path, ["a.png", "a_gt.png", "b.png", "b_gt.png"])
    with pytest.raises(UserError, match="found no masks, expected files named after their images"):
        find_user_pairs(tmp_path, None, NameRules("_seg"))


def test_several_channels_are_refused_with_a_pattern_that_works(tmp_path: Path) -> None:
    images = write(tmp_path / "i", (f"c{i}_000{k}.png" for i in NUMBERS for k in range(2)))
    masks = write(tmp_path / "m", (f"c{i}.png" for i in NUMBERS))
    with pytest.raises(UserError, match=r"found 2 channels .* --image-pattern '\{\}_0000'"):
        find_user_pairs(images, masks)


def test_names_with_nothing_in_common_give_one_message(tmp_path: Path) -> None:
    images, masks = write(tmp_path / "i", ["a.png", "b.png"]), write(tmp_path / "m", ["1.png"])
    with pytest.raises(UserError, match=r"\(such as a.png\) .* \(such as 1.png\), and no mask has"):
        find_user_pairs(images, masks)


def test_two_possible_guesses_are_refused() -> None:
    with pytest.raises(UserError, match=r"2 ways to pair 2 names.*{}_prob.*{}_seg"):
        guess_mask_names(["x", "x_seg", "x_prob", "y", "y_seg", "y_prob"])
    # 1_2 can be image 1 or image 2
    with pytest.raises(UserError, match="2 ways to pair"):
        guess_patterns({"1_2_1"}, {"1", "2"})


@pytest.mark.parametrize(
    ("images", "masks"),
    [
        ("p1_a p1_b", "p2_a p2_b"),  # of two patients
        ("t1 t2 t3", "s10 s20 s30"),  # numbers are never cut
        ("a b c", "d e f"),
        ("x1 y2 z3", "1 2 3"),  # no constant beginning
    ],
)
def test_no_guess_without_a_constant_difference(images: str, masks: str) -> None:
    assert guess_patterns(set(images.split()), set(masks.split())) is None


@pytest.mark.parametrize("names", ["x x_1 y y_1", "a b c d a_copy", "a1 a10 a2 a20", "a"])
def test_no_guess_which_files_are_masks(names: str) -> None:
    assert guess_mask_names(names.split()) is None


AFFIX = st.sampled_from(["", "a_", "img-", "scan ", "Tr."])


@given(
    st.sets(st.integers(0, 2000), min_size=2, max_size=30),
    st.tuples(AFFIX, AFFIX, AFFIX, AFFIX),
)
def test_a_guess_pairs_equal_numbers(numbers: set[int], affixes: tuple[str, ...]) -> None:
    before, after, mask_before, mask_after = affixes
    image_of = {
        f"{mask_before}{i}{mask_after[::-1]}".casefold(): f"{before}{i}{after[::-1]}".casefold()
        for i in numbers
    }
    guess = guess_patterns(set(image_of.values()), set(image_of))
    assert guess is not None
    assert {mask: guess.image_key(mask) for mask in image_of} == image_of
