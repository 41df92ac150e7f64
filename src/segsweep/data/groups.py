"""The group of each image, from its folder or by a regular expression.

Images of a group stay in one split. Folders named train, validation and test (or a synonym) are the
splits.
"""

import posixpath
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

from segsweep.core.errors import UserError
from segsweep.data.dataset import SPLITS
from segsweep.data.discovery import Pair
from segsweep.data.folder_names import split_of_folder
from segsweep.data.issues import DataIssue

OTHER_GROUPS = "import again with --group-regex or --groups"
GROUPS_FILE = "groups.csv"


def groups_from_folders(
    pairs: Sequence[Pair],
) -> tuple[dict[str, str], dict[str, str], list[DataIssue]]:
    """Take the folders of images as their groups, or as their splits.

    Folders that contain all images are skipped; the first level at which folders differ counts. If
    all folders of this level have the names of splits, they are the splits, and the next level has
    the groups. An image in no folder is its own group.

    Returns:
        The group of each image, by name; the split of each group that has one; and what was
        assumed.

    Raises:
        UserError: Only some of the folders have names of splits, or there is no training split.
    """
    names = [pair.name for pair in pairs]
    groups = _folders(names)
    splits = _splits_of_folders(names, groups)
    if splits is not None:
        return splits
    in_folder = Counter(group for name, group in groups.items() if group != name)
    if not in_folder:
        return groups, {}, []
    sizes = sorted((count, group) for group, count in in_folder.items())
    (fewest, smallest), (most, largest) = sizes[0], sizes[-1]
    found = (
        f"images in one folder are one group: {len(sizes)} folders with {fewest} ({smallest}) to "
        f"{most} ({largest}) images"
    )
    todo = f"if the folders are not patients, animals or fields of view, {OTHER_GROUPS}"
    return groups, {}, [DataIssue("group_folders", GROUPS_FILE, found, todo)]


def _folders(names: Sequence[str]) -> dict[str, str]:
    """Return the first folder level at which images differ; the image itself without folders."""
    paths = [PurePosixPath(name) for name in names]
    shared = posixpath.commonpath([path.parent for path in paths]) if paths else ""
    depth = len(PurePosixPath(shared).parts) + 1
    return {str(path): "/".join(path.parts[:depth]) for path in paths}


def _splits_of_folders(
    names: Sequence[str], folder_of: dict[str, str]
) -> tuple[dict[str, str], dict[str, str], list[DataIssue]] | None:
    """Return groups, splits and the assumption if the folders are the splits, else None."""
    split_of = {
        folder: split_of_folder(PurePosixPath(folder).name) if folder != name else None
        for name, folder in folder_of.items()
    }
    found = {split for split in split_of.values() if split}
    if len(found) < 2:
        return None
    others = sorted(folder for folder, split in split_of.items() if split is None)
    ordered = sorted((SPLITS.index(split), folder) for folder, split in split_of.items() if split)
    as_splits = [folder for _, folder in ordered]
    if others or "train" not in found:
        problem = f"next to {others[0]}" if others else "and none for the train split"
        raise UserError(
            f"images: found folders with names of splits ({', '.join(as_splits)}) {problem}, "
            "expected train, validation and test (or train and one of them), or no such names; "
            "rename the folders, or give --groups or --group-regex"
        )
    groups: dict[str, str] = {}
    for split_folder in as_splits:
        groups |= _folders([name for name in names if folder_of[name] == split_folder])
    drawn = [split for split in SPLITS if split not in found]
    splits = {
        groups[name]: split
        for name, folder in folder_of.items()
        if (split := split_of[folder]) and not (drawn and split == "train")
    }
    counts = Counter(split_of[folder] for folder in folder_of.values())
    text = ", ".join(f"{split} {counts[split]}" for split in SPLITS if counts[split])
    text = f"the folders {', '.join(as_splits)} are the splits ({text} images)"
    if drawn:
        text += f"; the {drawn[0]} split is drawn from the train folder"
    todo = "to draw the splits instead, import again with --groups or --group-regex"
    return groups, splits, [DataIssue("split_folders", GROUPS_FILE, text, todo)]


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
