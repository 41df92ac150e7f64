"""Groups from folders, expressions and tables; splits by group, stratified and seeded."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segsweep.core.errors import UserError
from segsweep.data.discovery import Layout, Pair
from segsweep.data.splits import by_folder, by_pattern, by_table, split_groups, too_few


def pair(name: str) -> Pair:
    return Pair(name, Path("images") / f"{name}.png", (Path("masks") / f"{name}.png",))


PAIRS = [pair(name) for name in ("m1/a", "m1/b", "m2/a", "loose")]


def test_folders_are_groups_and_loose_images_their_own() -> None:
    assert by_folder(PAIRS) == {"m1/a": "m1", "m1/b": "m1", "m2/a": "m2", "loose": "loose"}
    below = by_folder([pair("all/m1/a"), pair("all/m1/b"), pair("all/m2/a")])
    assert list(below.values()) == ["all/m1", "all/m1", "all/m2"]
    assert by_folder([pair("all/a"), pair("all/b")]) == {"all/a": "all/a", "all/b": "all/b"}


def test_an_expression_finds_groups_and_tells_where_it_does_not() -> None:
    groups, problems = by_pattern(PAIRS, r"(m\d)/")
    assert groups == {"m1/a": "m1", "m1/b": "m1", "m2/a": "m2"}
    (problem,) = problems
    assert "finds no group in loose" in problem.found
    assert by_pattern(PAIRS, r"^\w")[0]["loose"] == "l"
    with pytest.raises(UserError, match="expected a regular expression"):
        by_pattern(PAIRS, "(")


def test_a_table_gives_groups_and_splits_with_or_without_suffix(tmp_path: Path) -> None:
    table = tmp_path / "g.csv"
    table.write_text(
        "image,group,split\nm1/a.png,x,train\nm1/b,x,train\nM2/A.png,y,test\nloose,z,validation\n"
    )
    groups, splits, problems = by_table(table, Layout(PAIRS))
    assert problems == []
    assert groups == {"m1/a": "x", "m1/b": "x", "m2/a": "y", "loose": "z"}
    assert splits == {"x": "train", "y": "test", "z": "validation"}


def test_a_table_may_name_files_as_they_are_and_images_with_a_fault(tmp_path: Path) -> None:
    table = tmp_path / "g.csv"
    table.write_text("image,group\na/images/a.png,x\nb.ome.tif,y\nc.gif,z\nd.png,z\n")
    layout = Layout([pair("a"), pair("b")], unusable={"c", "d", "d.png"})
    groups, _, problems = by_table(table, layout)
    assert (groups, problems) == ({"a": "x", "b": "y"}, [])


def test_every_wrong_row_of_a_table_is_told(tmp_path: Path) -> None:
    table = tmp_path / "g.csv"
    table.write_text(
        "image,group,split\nm1/a,x,train\nm1/a,y,train\nm1/b,x,test\nnowhere,x,train\nm2/a,,train\nloose,y,dev\nloose,y,test,1\n"
    )
    _, _, problems = by_table(table, Layout(PAIRS))
    told = "\n".join(p.found for p in problems)
    for part in (
        "puts 'm1/a' in the groups 'x' and 'y'",
        "puts the group 'x' in two splits",
        "lists the image 'nowhere', which is not there",
        "has no group for 'm2/a'",
        "has the split 'dev' for 'loose'",
        "has more fields than columns in the row of 'loose'",
        "has no row for 'm2/a'",
        "puts no image in the split validation",
    ):
        assert part in told, part
    table.write_text("file,patient\na,b\n")
    with pytest.raises(UserError, match=r"found the columns \['file', 'patient'\], expected image"):
        by_table(table, Layout(PAIRS))


@given(
    st.dictionaries(st.text(min_size=1), st.floats(0, 1), min_size=3, max_size=60),
    st.floats(0.01, 0.6),
    st.floats(0.01, 0.39),
    st.integers(0, 2**32 - 1),
)
def test_all_splits_are_there_whatever_the_order(
    shares: dict[str, float], validation: float, test: float, seed: int
) -> None:
    split_of = split_groups(shares, validation, test, seed)
    assert set(split_of) == set(shares)
    assert set(split_of.values()) == {"train", "validation", "test"}
    again = split_groups(dict(reversed(shares.items())), validation, test, seed)
    assert again == split_of


def test_the_split_is_stratified_by_foreground() -> None:
    """The held-out mean is nearer to the whole's than that of a plain draw, over many seeds."""
    shares = {f"g{i:02d}": (i / 30) ** 3 for i in range(30)}
    mean = float(np.mean(list(shares.values())))

    def miss(groups: list[str]) -> float:
        return abs(float(np.mean([shares[g] for g in groups])) - mean)

    ours, plain = [], []
    for seed in range(200):
        split_of = split_groups(shares, 0.2, 0.2, seed)
        ours.append(miss([g for g, split in split_of.items() if split == "validation"]))
        plain.append(miss(list(np.random.default_rng(seed).choice(list(shares), 6, replace=False))))
    assert np.mean(ours) < 0.6 * np.mean(plain)
    assert len({tuple(split_groups(shares, 0.2, 0.2, seed).items()) for seed in range(20)}) > 15


def test_too_few_groups_say_what_can_be_done() -> None:
    (problem,) = too_few(["a", "b", "b"])
    assert "found 2 groups" in problem.found
    assert "more patients" in problem.todo
    assert "found 1 group of" in too_few(["a"])[0].found
    assert too_few(["a", "b", "c"]) == []
