"""The group of each image, from its folder or by a regular expression.

Images of a group stay in one split. Folders named train, validation and test (or a synonym) are the
splits.
"""

import posixpath
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from segsweep.core.errors import UserError
from segsweep.data.dataset import SPLITS
from segsweep.data.discovery import Pair
from segsweep.data.file_listing import name_key
from segsweep.data.folder_names import split_in_name, split_of_folder
from segsweep.data.issues import DataIssue

OTHER_GROUPS = "import again with --group-regex or --groups"
GROUPS_FILE = "groups.csv"


def groups_from_folders(
    pairs: Sequence[Pair],
) -> tuple[dict[str, str], dict[str, str], list[DataIssue]]:
    """Take the folders of images as their groups, or as their splits.

    Folders that contain all images are skipped; the first level at which folders differ counts. If
    all folders of this level have the names of splits, or such a word in their names, they are the
    splits, and the next level has the groups. An image in no folder is its own group.

    Returns:
        The group of each image, by name; the split of each group that has one; and what was
        assumed, and issues of groups that may be the same.

    Raises:
        UserError: Only some of the folders have names of splits, or there is no training split, or
            such folders are in folders that would be groups.
    """
    names = [pair.name for pair in pairs]
    groups = _folders(names)
    result = _splits_of_folders(names, groups)
    if result is not None:
        groups, splits, assumptions = result
        return groups, splits, assumptions + find_similar_groups(groups, "images")
    _refuse_splits_in_groups(names)
    in_folder = Counter(group for name, group in groups.items() if group != name)
    if not in_folder:
        return groups, {}, _find_split_words(names)
    sizes = sorted((count, group) for group, count in in_folder.items())
    (fewest, smallest), (most, largest) = sizes[0], sizes[-1]
    found = (
        f"images in one folder are one group: {len(sizes)} folders with {fewest} ({smallest}) to "
        f"{most} ({largest}) images"
    )
    todo = f"if the folders are not patients, animals or fields of view, {OTHER_GROUPS}"
    similar = find_similar_groups(groups, "images")
    return groups, {}, [DataIssue("group_folders", GROUPS_FILE, found, todo), *similar]


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
        folder: split_in_name(PurePosixPath(folder).name) if folder != name else None
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
    in_several = _names_in_several_splits(groups, split_of, folder_of)
    if in_several:
        text += (
            f"; {len(in_several)} folder names are in several splits and taken as different groups "
            f"({', '.join(in_several[:3])})"
        )
    todo = "to draw the splits instead, import again with --groups or --group-regex"
    return groups, splits, [DataIssue("split_folders", GROUPS_FILE, text, todo)]


def _names_in_several_splits(
    groups: dict[str, str], split_of: dict[str, str | None], folder_of: dict[str, str]
) -> list[str]:
    """Return the names that folders of groups have in more than one split."""
    splits_with: dict[str, set[str | None]] = {}
    for name, group in groups.items():
        if group != name:
            key = PurePosixPath(group).name
            splits_with.setdefault(key, set()).add(split_of[folder_of[name]])
    return sorted(key for key, found in splits_with.items() if len(found) > 1)


def _refuse_splits_in_groups(names: Sequence[str]) -> None:
    """Raise `UserError` if folders below those of the groups have the names of splits."""
    found = {}
    for folder in dict.fromkeys(PurePosixPath(name).parent for name in names):
        for path in (folder, *folder.parents):
            if split := split_of_folder(path.name):
                found[split] = str(path)
    if len(found) > 1:
        raise UserError(
            f"images: found folders with names of splits ({', '.join(sorted(found.values()))}) "
            "below other folders, expected them above all others; move them there, or give the "
            "splits with --groups (a table with a column split), or give --group-regex to draw "
            "the splits"
        )


def _find_split_words(names: Sequence[str]) -> list[DataIssue]:
    """Return an assumption if the names of all images begin with splits (`train_1`, `testA_1`)."""
    words = [re.match(r"([a-z]+|[A-Z][a-z]+)(?=[A-Z]?(?![A-Za-z]))", Path(n).name) for n in names]
    counts = Counter(split_of_folder(word[1]) if word else None for word in words)
    if None in counts or len(counts) < 2:
        return []
    text = ", ".join(f"{split} {counts[split]}" for split in SPLITS if counts[split])
    found = f"the splits are drawn, although the names of images begin with splits ({text} images)"
    todo = "to keep these splits, import again with --groups, a table with a column split"
    return [DataIssue("group_folders", GROUPS_FILE, found, todo)]


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
    return groups, issues + find_similar_groups(groups, "--group-regex")


def find_similar_groups(groups: Mapping[str, str], source: str) -> list[DataIssue]:
    """Return an issue for groups whose names only differ in case or spaces, or as 1 and 1.0 do.

    Args:
        groups: Group of each image, by name. Images that are their own group do not count.
        source: The file or option that gave them.
    """
    first: dict[str, str] = {}
    issues = []
    for group in dict.fromkeys(group for name, group in groups.items() if group != name):
        key = re.sub(r"\s+", "", re.sub(r"(\d)\.0+$", r"\1", name_key(group)))
        other = first.setdefault(key, group)
        if other != group:
            found = f"has the groups '{other}' and '{group}', which may be the same"
            todo = "write them in the same way, or give them names that differ more"
            issues.append(DataIssue("groups", source, found, todo))
    return issues
