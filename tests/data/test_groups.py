"""Groups of images from folders, expressions and tables; folders that are the splits."""

from pathlib import Path

import pytest

from segsweep.core.errors import UserError
from segsweep.data.discovery import Pair, PairedFiles
from segsweep.data.groups import groups_from_folders, groups_from_regex
from segsweep.data.groups_table import find_page_issues, read_groups, table_rows


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
        "loose,y,other",
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
        "has the split 'other' for 'loose'",
        "has more fields than columns in the row of 'loose'",
        "has no row for 'm2/a'",
        "has no image in the split validation",
    ):
        assert message in messages, message
    table.write_text("file,patient\na,b\n")
    with pytest.raises(UserError, match=r"found the columns \['file', 'patient'\], expected image"):
        read_groups(table, PairedFiles(PAIRS))


@pytest.mark.parametrize(
    "folders",
    [("train", "val", "test"), ("Training", "VALIDATION", "ts"), ("tr", "dev", "Testing")],
)
@pytest.mark.parametrize("above", ["", "all/"])
def test_folders_named_after_splits_are_the_splits(above: str, folders: tuple[str, ...]) -> None:
    train, validation, test = (f"{above}{folder}" for folder in folders)
    names = [f"{train}/{i}" for i in range(14)] + [f"{validation}/{i}" for i in range(4)]
    names += [f"{test}/p1/1", f"{test}/p1/2", f"{test}/p2/1"]
    groups, splits, (issue,) = groups_from_folders([pair(name) for name in names])
    assert groups[f"{train}/0"] == f"{train}/0"
    assert groups[f"{test}/p1/2"] == f"{test}/p1"
    assert {name: splits[groups[name]] for name in names} == (
        dict.fromkeys(names[:14], "train")
        | dict.fromkeys(names[14:18], "validation")
        | dict.fromkeys(names[18:], "test")
    )
    assert issue.kind == "split_folders"
    assert "(train 14, validation 4, test 3 images)" in issue.found


@pytest.mark.parametrize(("held_out", "drawn"), [("test", "validation"), ("val", "test")])
def test_missing_split_is_drawn_from_the_train_folder(held_out: str, drawn: str) -> None:
    pairs = [pair(f"{folder}/{i}") for folder in ("train", held_out) for i in range(3)]
    _, splits, (issue,) = groups_from_folders(pairs)
    assert set(splits) == {f"{held_out}/{i}" for i in range(3)}
    assert f"the {drawn} split is drawn from the train folder" in issue.found


@pytest.mark.parametrize(
    ("folders", "message"),
    [("val test", "and none for the train split"), ("train val extra", "next to extra")],
)
def test_folders_of_which_only_some_are_splits_are_refused(folders: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        groups_from_folders([pair(f"{folder}/{i}") for folder in folders.split() for i in "12"])


def test_other_folders_are_groups_and_it_is_said() -> None:
    names = ["dev/a", "dev/b", "p2/a", "p2/b", "p2/c"]  # one name of a split is not enough
    groups, splits, (issue,) = groups_from_folders([pair(name) for name in names])
    assert set(groups.values()) == {"dev", "p2"}
    assert splits == {}
    assert issue.kind == "group_folders"
    assert "2 folders with 2 (dev) to 3 (p2) images" in issue.found
    assert "--group-regex" in issue.todo


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_tables_as_excel_writes_them(tmp_path: Path, separator: str, line_end: str) -> None:
    table = tmp_path / "g.csv"
    rows = [("Image", "group "), ("m1/a.png", "Größe 1"), ("m1/b", "x"), ("m2/a", "y"), ("", "")]
    lines = [separator.join(row) for row in [*rows, ("loose", "z")]]
    table.write_bytes(b"\xef\xbb\xbf" + line_end.join(lines).encode())
    groups, splits, issues = read_groups(table, PairedFiles(PAIRS))
    assert issues == []
    assert list(groups.values()) == ["Größe 1", "x", "y", "z"]
    assert splits == {}


def test_tables_that_cannot_be_read_say_why(tmp_path: Path) -> None:
    table = tmp_path / "g.csv"
    table.write_bytes("image,group\nGröße,1\n".encode("latin-1"))
    with pytest.raises(UserError, match=r"not UTF-8 .* save it as CSV UTF-8"):
        read_groups(table, PairedFiles(PAIRS))
    table.write_text("image,group,age,sex\nm1/a,x,3,f\n")
    with pytest.raises(UserError, match="remove or rename 'age', 'sex'"):
        read_groups(table, PairedFiles(PAIRS))


def test_pages_of_a_stack_have_groups_of_their_own(tmp_path: Path) -> None:
    table = tmp_path / "g.csv"
    rows = [
        f"volume.png#{page:03d},g{page // 3},{'test' if page > 5 else ''}" for page in range(1, 9)
    ]
    table.write_text("\n".join(["image,group,split", *rows, "img#3.png,other,"]) + "\n")
    pairs = [pair("volume"), pair("img#3")]
    groups, splits, issues = read_groups(table, PairedFiles(pairs))
    assert issues == []
    assert groups == {f"volume#{page:03d}": f"g{page // 3}" for page in range(1, 9)} | {
        "img#3": "other"
    }
    assert splits == {"g2": "test"}
    written = table_rows(pairs, groups, splits)
    assert [row["image"] for row in written] == [*(row.split(",")[0] for row in rows), "img#3.png"]
    assert {row["group"]: row["split"] for row in written} == {
        "g0": "",
        "g1": "",
        "g2": "test",
        "other": "",
    }


def test_empty_splits_are_drawn_only_if_a_split_is_missing(tmp_path: Path) -> None:
    table = tmp_path / "g.csv"
    table.write_text("image,group,split\nm1/a,x,\nm1/b,y,\nm2/a,z,test\nloose,w,\n")
    assert read_groups(table, PairedFiles(PAIRS))[1:] == ({"z": "test"}, [])
    table.write_text("image,group,split\nm1/a,x,train\nm1/b,y,validation\nm2/a,z,test\nloose,w,\n")
    (issue,) = read_groups(table, PairedFiles(PAIRS))[2]
    assert "has images in every split, but one group without a split (w)" in issue.found


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffImage;Group;Split\r\nm1/a.png;x;Train\r\nm1/b;x;train\r\nm2/a;y;val\r\nloose;z;TEST\r\n;;\r\n",
        'sep=,\n"image","group","split"\n"m1/a ","x","training"\n"m1/b","x ","train"\n'
        '"m2/a","y","valid"\n"loose","z","testing"\n',
    ],
)
def test_tables_as_spreadsheets_write_them(tmp_path: Path, text: str) -> None:
    (tmp_path / "g.csv").write_bytes(text.encode())
    groups, splits, issues = read_groups(tmp_path / "g.csv", PairedFiles(PAIRS))
    assert issues == []
    assert groups == {"m1/a": "x", "m1/b": "x", "m2/a": "y", "loose": "z"}
    assert splits == {"x": "train", "y": "validation", "z": "test"}


def test_groups_of_a_table_that_may_be_the_same_are_reported(tmp_path: Path) -> None:
    (tmp_path / "g.csv").write_text("image,group\nm1/a,1\nm1/b,1.0\nm2/a,P 1\nloose,nan\n")
    _, _, issues = read_groups(tmp_path / "g.csv", PairedFiles(PAIRS))
    messages = [issue.found for issue in issues]
    assert "has the groups '1' and '1.0', which may be the same" in messages
    assert "has no group for 'loose'" in messages


def test_pages_without_a_row_and_rows_without_a_page_are_reported() -> None:
    """Before, a stack of which one page had no row was left out without a word."""
    stack, single = pair("stack"), pair("single")
    pages = {stack: 3, single: 1}
    usable = {"stack": "a", "stack#002": "b", "single": "c"}
    assert find_page_issues([stack, single], pages, usable) == []
    groups = {"stack#001": "a", "stack#002": "b", "stack#007": "b", "single": "c"}
    beyond, missing = find_page_issues([stack, single], pages, groups)
    assert beyond.found == f"has a row for page 7 of '{stack.file}', which has 3 pages"
    assert missing.found == f"has no row for 1 of 3 pages of '{stack.file}'"
    assert missing.todo == f"add a row for each, such as {stack.file}#003"


def test_unusable_image_with_a_number_sign_is_no_page() -> None:
    pairs = [pair("x"), pair("x#a"), pair("x#7")]
    groups = {image.name: image.name for image in pairs}
    assert find_page_issues(pairs, {pairs[0]: 1}, groups) == []
