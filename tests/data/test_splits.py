"""Groups from folders, expressions and tables; stratified splits by group."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segsweep.core.errors import UserError
from segsweep.data.discovery import Pair, PairedFiles
from segsweep.data.groups import groups_from_folders, groups_from_regex
from segsweep.data.groups_table import read_groups
from segsweep.data.splits import find_too_few_groups, split_groups


def pair(name: str) -> Pair:
    return Pair(name, Path("images") / f"{name}.png", (Path("masks") / f"{name}.png",))


PAIRS = [pair(name) for name in ("m1/a", "m1/b", "m2/a", "loose")]


def test_folders_are_groups_and_images_in_no_folder_their_own() -> None:
    groups, _, _ = groups_from_folders(PAIRS)
    assert groups == {"m1/a": "m1", "m1/b": "m1", "m2/a": "m2", "loose": "loose"}
    groups, _, _ = groups_from_folders([pair("all/m1/a"), pair("all/m1/b"), pair("all/m2/a")])
    assert list(groups.values()) == ["all/m1", "all/m1", "all/m2"]
    groups, splits, issues = groups_from_folders([pair("all/a"), pair("all/b")])
    assert (groups, splits, issues) == ({"all/a": "all/a", "all/b": "all/b"}, {}, [])


def test_regex_finds_groups_and_reports_images_without() -> None:
    groups, issues = groups_from_regex(PAIRS, r"(m\d)/")
    assert groups == {"m1/a": "m1", "m1/b": "m1", "m2/a": "m2"}
    (issue,) = issues
    assert "finds no group in loose" in issue.found
    assert groups_from_regex(PAIRS, r"^\w")[0]["loose"] == "l"
    with pytest.raises(UserError, match="expected a regular expression"):
        groups_from_regex(PAIRS, "(")


def test_table_gives_groups_and_splits_with_or_without_suffix(tmp_path: Path) -> None:
    table = tmp_path / "g.csv"
    table.write_text(
        "image,group,split\nm1/a.png,x,train\nm1/b,x,train\nM2/A.png,y,test\nloose,z,validation\n"
    )
    groups, splits, issues = read_groups(table, PairedFiles(PAIRS))
    assert issues == []
    assert groups == {"m1/a": "x", "m1/b": "x", "m2/a": "y", "loose": "z"}
    assert splits == {"x": "train", "y": "test", "z": "validation"}


def test_table_may_have_original_paths_and_unusable_images(tmp_path: Path) -> None:
    table = tmp_path / "g.csv"
    table.write_text("image,group\na/images/a.png,x\nb.ome.tif,y\nc.gif,z\nd.png,z\n")
    files = PairedFiles([pair("a"), pair("b")], unusable={"c", "d", "d.png"})
    groups, _, issues = read_groups(table, files)
    assert (groups, issues) == ({"a": "x", "b": "y"}, [])


def test_every_wrong_row_of_a_table_is_reported(tmp_path: Path) -> None:
    table = tmp_path / "g.csv"
    rows = [
        "m1/a,x,train",
        "m1/a,y,train",
        "m1/b,x,test",
        "nowhere,x,train",
        "m2/a,,train",
        "loose,y,dev",
        "loose,y,test,1",
    ]
    table.write_text("\n".join(["image,group,split", *rows]) + "\n")
    _, _, issues = read_groups(table, PairedFiles(PAIRS))
    messages = "\n".join(issue.found for issue in issues)
    for message in (
        "has two groups for 'm1/a': 'x' and 'y'",
        "has images of the group 'x' in two splits",
        "has a row for 'nowhere', which does not exist",
        "has no group for 'm2/a'",
        "has the split 'dev' for 'loose'",
        "has more fields than columns in the row of 'loose'",
        "has no row for 'm2/a'",
        "has no image in the split validation",
    ):
        assert message in messages, message
    table.write_text("file,patient\na,b\n")
    with pytest.raises(UserError, match=r"found the columns \['file', 'patient'\], expected image"):
        read_groups(table, PairedFiles(PAIRS))


@given(
    st.dictionaries(st.text(min_size=1), st.floats(0, 1), min_size=3, max_size=60),
    st.floats(0.01, 0.6),
    st.floats(0.01, 0.39),
    st.integers(0, 2**32 - 1),
)
def test_every_split_has_a_group_and_order_does_not_matter(
    shares: dict[str, float], validation: float, test: float, seed: int
) -> None:
    split_of = split_groups(shares, validation, test, seed)
    assert set(split_of) == set(shares)
    assert set(split_of.values()) == {"train", "validation", "test"}
    assert split_groups(dict(reversed(shares.items())), validation, test, seed) == split_of


def test_splits_are_stratified_by_foreground() -> None:
    """The mean of the validation split is closer to the whole mean than with random draws."""
    shares = {f"g{i:02d}": (i / 30) ** 3 for i in range(30)}
    mean = float(np.mean(list(shares.values())))

    def distance(groups: list[str]) -> float:
        return abs(float(np.mean([shares[g] for g in groups])) - mean)

    stratified, random = [], []
    for seed in range(200):
        split_of = split_groups(shares, 0.2, 0.2, seed)
        stratified.append(distance([g for g, split in split_of.items() if split == "validation"]))
        drawn = np.random.default_rng(seed).choice(list(shares), 6, replace=False)
        random.append(distance(list(drawn)))
    assert np.mean(stratified) < 0.6 * np.mean(random)
    assert len({tuple(split_groups(shares, 0.2, 0.2, seed).items()) for seed in range(20)}) > 15


def test_too_few_groups_are_an_issue() -> None:
    (issue,) = find_too_few_groups(["a", "b", "b"])
    assert "found 2 groups" in issue.found
    assert "more patients" in issue.todo
    assert "found 1 group of" in find_too_few_groups(["a"])[0].found
    assert find_too_few_groups(["a", "b", "c"]) == []
