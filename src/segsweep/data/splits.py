"""Groups of images that must stay in one split, and the split of each group.

`groups.csv` has the columns `image` (path below `images/`), `group` (patient, animal or field of
view) and, optionally, `split` (train, validation or test).
"""

import posixpath
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from segsweep.core.errors import UserError
from segsweep.core.files import read_csv
from segsweep.data.dataset import SPLITS
from segsweep.data.discovery import Pair, PairedFiles
from segsweep.data.file_listing import image_name, name_key
from segsweep.data.issues import DataIssue

GROUPS_FILE = "groups.csv"


def page_name(name: str, number: int) -> str:
    """Return the name of a page (from 1) of an image with several pages."""
    return f"{name}#{number:03d}"


def groups_from_folders(pairs: Sequence[Pair]) -> dict[str, str]:
    """Return the group of each image, by name: its folder, or itself if it is in no folder.

    Folders that contain all images are skipped; the first level at which folders differ counts.
    """
    paths = [PurePosixPath(pair.name) for pair in pairs]
    shared = posixpath.commonpath([path.parent for path in paths]) if paths else ""
    depth = len(PurePosixPath(shared).parts) + 1
    return {str(path): "/".join(path.parts[:depth]) for path in paths}


def groups_from_regex(
    pairs: Sequence[Pair], pattern: str
) -> tuple[dict[str, str], list[DataIssue]]:
    """Return the group of each image, by name, and issues of images that do not match.

    The group is what the first parentheses of `pattern` match in the image's path, or the whole
    match if it has no parentheses.
    """
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise UserError(
            f"--group-regex: found '{pattern}', expected a regular expression ({error})"
        ) from error
    groups, issues = {}, []
    for pair in pairs:
        match = compiled.search(pair.name)
        if match is None or not (group := match.group(min(1, compiled.groups))):
            issues.append(
                DataIssue(
                    "groups",
                    str(pair.image),
                    f"--group-regex '{pattern}' finds no group in {pair.name}",
                    "change the expression, or rename the file",
                )
            )
        else:
            groups[pair.name] = group
    return groups, issues


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
        The group of each image, by name; the split of each group, empty if the table has none; and
        issues of unknown, missing and contradictory rows.
    """
    rows = read_csv(path)
    columns = [str(column) for column in rows[0]] if rows else []
    if set(columns) not in ({"image", "group"}, {"image", "group", "split"}):
        raise UserError(
            f"{path}: found the columns {columns}, expected image,group or image,group,split, "
            "separated by commas, and a row for each image"
        )
    issues: list[DataIssue] = []

    def add_issue(found: str, todo: str) -> None:
        issues.append(DataIssue("groups", str(path), found, todo))

    names = {name_key(pair.name): pair.name for pair in files.pairs}
    names |= {name_key(pair.file): pair.name for pair in files.pairs}
    groups: dict[str, str] = {}
    splits: dict[str, str] = {}
    for row in rows:
        image, group = row.get("image") or "", (row.get("group") or "").strip()
        split = (row.get("split") or "").strip().lower()
        key = name_key(image)
        stem_key = name_key(image_name(Path(image or "."), Path()))
        name = names.get(key) or names.get(stem_key)
        if len(row) > len(columns) or None in row:
            add_issue(f"has more fields than columns in the row of '{image}'", "remove the commas")
        elif name is None and {key, stem_key} & files.unusable:
            continue
        elif name is None:
            add_issue(
                f"has a row for '{image}', which does not exist", "remove the row, or add the image"
            )
        elif not group:
            add_issue(f"has no group for '{image}'", "add the group")
        elif groups.setdefault(name, group) != group:
            add_issue(f"has two groups for '{image}': '{groups[name]}' and '{group}'", "remove one")
        if "split" in columns and name is not None and group:
            if split not in SPLITS:
                todo = f"expected {', '.join(SPLITS)}"
                add_issue(f"has the split '{split}' for '{image}'", todo)
            elif splits.setdefault(group, split) != split:
                todo = "put all images of the group in one split"
                add_issue(f"has images of the group '{group}' in two splits", todo)
    for pair in files.pairs:
        if pair.name not in groups:
            add_issue(f"has no row for '{pair.name}'", "add a row")
    empty = [split for split in SPLITS if split not in splits.values()]
    if "split" in columns and empty:
        add_issue(f"has no image in the split {', '.join(empty)}", "put images in every split")
    return groups, splits, issues


def find_too_few_groups(groups: Sequence[str]) -> list[DataIssue]:
    """Return an issue if there are fewer groups than splits, else an empty list."""
    count = len(set(groups))
    if count >= len(SPLITS):
        return []
    return [
        DataIssue(
            "few_groups",
            GROUPS_FILE,
            f"found {count} {'group' if count == 1 else 'groups'} of images, expected at least "
            f"{len(SPLITS)} (train, validation, test)",
            "add images of more patients, animals or fields of view; if the images are "
            "independent, make each image its own group",
        )
    ]


def split_groups(
    shares: Mapping[str, float], validation_fraction: float, test_fraction: float, seed: int
) -> dict[str, str]:
    """Return the split of each group, stratified by share of foreground.

    The groups are sorted by share and cut into as many parts as a held-out split has groups; from
    each part one group is drawn at random. Each split has at least one group. The result does not
    depend on the order of `shares`.

    Args:
        shares: Share of foreground (0 to 1) of each group; at least three groups.
        validation_fraction: Share of the groups in the validation split.
        test_fraction: Share of the groups in the test split.
        seed: Seed of the random numbers.
    """
    rng = np.random.default_rng(seed)
    tie_break = dict(zip(sorted(shares), rng.permutation(len(shares)).tolist(), strict=True))
    ordered = sorted(shares, key=lambda group: (shares[group], tie_break[group]))
    split_of = dict.fromkeys(ordered, "train")
    validation = max(1, min(round(validation_fraction * len(ordered)), len(ordered) - 2))
    test = max(1, min(round(test_fraction * len(ordered)), len(ordered) - 1 - validation))
    for split, count in (("validation", validation), ("test", test)):
        remaining = [group for group in ordered if split_of[group] == "train"]
        for part in np.array_split(np.arange(len(remaining)), count):
            split_of[remaining[int(rng.choice(part))]] = split
    return split_of


def foreground_by_group(groups: Sequence[str], foreground: Sequence[float]) -> dict[str, float]:
    """Return the mean share of foreground of each group.

    Args:
        groups: Group of each image.
        foreground: Share of foreground of each image.
    """
    counts = Counter(groups)
    shares = dict.fromkeys(counts, 0.0)
    for group, share in zip(groups, foreground, strict=True):
        shares[group] += share / counts[group]
    return {group: round(share, 9) for group, share in shares.items()}
