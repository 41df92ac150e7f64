"""Read the table of groups, `groups.csv`.

It has the columns `image` (path below `images/`), `group` (patient, animal or field of view) and,
optionally, `split` (train, validation or test, or a synonym such as val; an empty split is drawn).
Commas, semicolons or tabs separate them. `volume.tif#003` is page 3 of the file `volume.tif`.
"""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from segsweep.core.counted import counted
from segsweep.core.errors import UserError
from segsweep.core.files import read_bytes
from segsweep.data.dataset import SPLITS
from segsweep.data.discovery import Pair, PairedFiles
from segsweep.data.file_listing import image_name, name_key
from segsweep.data.folder_names import split_of_folder
from segsweep.data.groups import GROUPS_FILE, find_similar_groups
from segsweep.data.issues import DataIssue

COLUMNS = ("image", "group", "split")
SEPARATORS = ",;\t"
NO_VALUE = frozenset(["nan", "n/a", "#n/a"])
"""What programs write into an empty field."""


def read_groups(
    path: Path, files: PairedFiles
) -> tuple[dict[str, str], dict[str, str], list[DataIssue]]:
    """Read `groups.csv`.

    Images may be named with or without their suffix. Rows of images that have an issue already are
    ignored.

    Args:
        path: The table.
        files: The images and masks.

    Returns:
        The group of each image, by name (or by `page_key` for a page); the split of each group that
        has one; and issues of unknown, missing and contradictory rows.
    """
    columns, rows = _read_table(path)
    issues: list[DataIssue] = []

    def add_issue(found: str, todo: str) -> None:
        issues.append(DataIssue("groups", str(path), found, todo))

    names = _Names(files)
    groups: dict[str, str] = {}
    splits: dict[str, str] = {}
    with_rows = set()
    for row in rows:
        image, group = (row.get("image") or "").strip(), (row.get("group") or "").strip()
        group = "" if group.casefold() in NO_VALUE else group
        split = (row.get("split") or "").strip()
        split = split_of_folder(split) or split
        name, page = names.find(image)
        if len(row) > len(columns) or None in row:
            add_issue(f"has more fields than columns in the row of '{image}'", "remove the rest")
        elif name is None and names.is_unusable(image):
            continue
        elif name is None:
            add_issue(
                f"has a row for '{image}', which does not exist", "remove the row, or add the image"
            )
        elif not group:
            add_issue(f"has no group for '{image}'", "add the group")
        elif groups.setdefault(key := page_key(name, page), group) != group:
            add_issue(f"has two groups for '{image}': '{groups[key]}' and '{group}'", "remove one")
        if name is None or not group:
            continue
        with_rows.add(name)
        if split and split not in SPLITS:
            add_issue(f"has the split '{split}' for '{image}'", f"expected {', '.join(SPLITS)}")
        elif splits.setdefault(group, split) != split:
            todo = "put all images of the group in one split"
            add_issue(f"has images of the group '{group}' in two splits", todo)
    for pair in files.pairs:
        if pair.name not in with_rows:
            add_issue(f"has no row for '{pair.name}'", "add a row")
    issues += find_similar_groups(groups, str(path))
    if "split" in columns:
        issues += _find_split_issues(path, splits)
    return groups, {group: split for group, split in splits.items() if split}, issues


def page_key(name: str, page: int | None) -> str:
    """Return the key in a dictionary of groups: that of a page (from 1), or of a whole image."""
    return name if page is None else f"{name}#{page:03d}"


def find_page_issues(
    pairs: Sequence[Pair], pages: Mapping[Pair, int], groups: Mapping[str, str]
) -> list[DataIssue]:
    """Return issues of pages without a group, and of groups of pages that do not exist.

    Args:
        pairs: All images, also those that cannot be used.
        pages: Number of pages of each image that can be used.
        groups: Group by the name of an image or the `page_key` of a page.
    """
    names = {pair.name for pair in pairs}
    of_name = {pair.name: (pair.file, count) for pair, count in pages.items()}
    issues = []
    by_page = dict[str, None]()
    for key in groups:
        name, _, number = key.rpartition("#")
        if key in names or name not in of_name:
            continue
        by_page[name] = None
        file, count = of_name[name]
        if int(number) > count:
            has = f"has a row for page {int(number)} of '{file}', which has "
            has += counted(count, "page")
            issues.append(DataIssue("groups", GROUPS_FILE, has, "remove the row"))
    for name in by_page:
        file, count = of_name[name]
        missing = [n for n in range(1, count + 1) if page_key(name, n) not in groups]
        if missing and name not in groups:
            has = f"has no row for {len(missing)} of {count} pages of '{file}'"
            todo = f"add a row for each, such as {page_key(file, missing[0])}"
            issues.append(DataIssue("groups", GROUPS_FILE, has, todo))
    return issues


def table_rows(
    pairs: Sequence[Pair], groups: dict[str, str], splits: dict[str, str]
) -> list[dict[str, str]]:
    """Return the rows of `groups.csv`: one for each image, or for each page with a group.

    Args:
        pairs: The images.
        groups: Group by the name of an image or the `page_key` of a page.
        splits: Split by group, where it has one.
    """
    names = {pair.name for pair in pairs}
    keys_of: dict[str, list[str]] = {name: [] for name in names}
    for key in groups:
        name = key if key in names else key.rpartition("#")[0]
        if name in names:
            keys_of[name].append(key)
    return [
        {
            "image": pair.file + key.removeprefix(pair.name),
            "group": groups[key],
            **({"split": splits.get(groups[key], "")} if splits else {}),
        }
        for pair in pairs
        for key in keys_of[pair.name]
    ]


def _read_table(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Return the names of the columns, and the rows that are not empty.

    Raises:
        UserError: The file cannot be read, or it has other columns.
    """
    try:
        text = re.sub(r"\Asep=.\r?\n", "", read_bytes(path).decode("utf-8-sig"))  # of Excel
        header = text.lstrip().partition("\n")[0]
        separator = max(SEPARATORS, key=header.count)
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator)
        reader.fieldnames = columns = [name.strip().lower() for name in reader.fieldnames or []]
        rows = [row for row in reader if any(row.values())]
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}: found text that is not UTF-8 ({error}), expected a table in UTF-8; in Excel, "
            "save it as CSV UTF-8"
        ) from error
    except (OSError, csv.Error) as error:
        raise UserError(f"{path}: cannot be read as CSV ({error})") from error
    others = [column for column in columns if column not in COLUMNS]
    missing = [column for column in COLUMNS[:2] if column not in columns]
    if others or missing or not rows or len(set(columns)) < len(columns):
        advice = f"; remove or rename {', '.join(map(repr, others))}" if others else ""
        raise UserError(
            f"{path}: found the columns {columns}, expected image,group or image,group,split, "
            f"and a row for each image{advice}"
        )
    return columns, rows


class _Names:
    """Finds the image that a row means."""

    def __init__(self, files: PairedFiles) -> None:
        self.names = {name_key(pair.name): pair.name for pair in files.pairs}
        self.names |= {name_key(pair.file): pair.name for pair in files.pairs}
        self.unusable = files.unusable

    def find(self, image: str) -> tuple[str | None, int | None]:
        """Return the name of the image and the number of the page; None where there is none."""
        key, stem_key = _keys(image)
        match = re.fullmatch(r"(.+)#0*([1-9]\d{0,8})", image)
        if key not in self.names and match:
            return self.find(match[1])[0], int(match[2])
        return self.names.get(key) or self.names.get(stem_key), None

    def is_unusable(self, image: str) -> bool:
        """Return whether the image has an issue already."""
        whole = re.sub(r"#\d+$", "", image)
        return any(key in self.unusable for key in (*_keys(image), *_keys(whole)))


def _keys(image: str) -> tuple[str, str]:
    return name_key(image), name_key(image_name(Path(image or "."), Path()))


def _find_split_issues(path: Path, splits: dict[str, str]) -> Sequence[DataIssue]:
    """Return issues of splits without images, and of groups without a split.

    Args:
        path: The table.
        splits: Split of each group; empty if it is to be drawn.
    """
    empty = [split for split in SPLITS if split not in splits.values()]
    to_draw = [group for group, split in splits.items() if not split]
    if empty and not to_draw:
        found = f"has no image in the split {', '.join(empty)}"
        return [DataIssue("groups", str(path), found, "put images in every split")]
    if to_draw and not empty:
        count = "one group" if len(to_draw) == 1 else f"{len(to_draw)} groups"
        found = f"has images in every split, but {count} without a split ({to_draw[0]})"
        return [DataIssue("groups", str(path), found, "give all groups a split")]
    return []
