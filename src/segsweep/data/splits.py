"""Which images belong together (patient, animal, field of view), and which split each group is in.

`groups.csv` has the columns `image` (the file's place below `images/`) and `group`, and may have a
third, `split` (train, validation or test), where the split is given.
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
from segsweep.data.discovery import Layout, Pair
from segsweep.data.file_listing import key_of_name, place_of
from segsweep.data.issues import Problem

TABLE = "groups.csv"


def by_folder(pairs: Sequence[Pair]) -> dict[str, str]:
    """Each folder of images is a group; images in no folder are one each.

    It is the first folder in which they differ that counts: a folder that holds all is no group.
    """
    places = [PurePosixPath(pair.name) for pair in pairs]
    shared = posixpath.commonpath([place.parent for place in places]) if places else ""
    depth = len(PurePosixPath(shared).parts) + 1
    return {str(place): "/".join(place.parts[:depth]) for place in places}


def by_pattern(pairs: Sequence[Pair], pattern: str) -> tuple[dict[str, str], list[Problem]]:
    """The group is the first parenthesis of `pattern` found in the image's place, or all of it."""
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise UserError(
            f"--group-regex: found '{pattern}', expected a regular expression ({error})"
        ) from error
    groups, problems = {}, []
    for pair in pairs:
        match = compiled.search(pair.name)
        if match is None or not (group := match.group(min(1, compiled.groups))):
            problems.append(
                Problem(
                    "groups",
                    str(pair.image),
                    f"'{pattern}' finds no group in {pair.name}",
                    "change the expression, or the name",
                )
            )
        else:
            groups[pair.name] = group
    return groups, problems


def by_table(path: Path, layout: Layout) -> tuple[dict[str, str], dict[str, str], list[Problem]]:
    """The group and, if the table has it, the split of each pair, by name.

    Images may be named with or without their suffix; rows of images that have a fault are passed
    over. Unknown, missing and contradictory rows are problems.
    """
    rows = read_csv(path)
    columns = [str(column) for column in rows[0]] if rows else []
    if set(columns) not in ({"image", "group"}, {"image", "group", "split"}):
        raise UserError(
            f"{path}: found the columns {columns}, expected image,group or image,group,split, "
            "separated by commas, and a row for each image"
        )
    problems: list[Problem] = []

    def wrong(found: str, todo: str) -> None:
        problems.append(Problem("groups", str(path), found, todo))

    names = {key_of_name(pair.name): pair.name for pair in layout.pairs}
    names |= {key_of_name(pair.file): pair.name for pair in layout.pairs}
    groups: dict[str, str] = {}
    splits: dict[str, str] = {}
    for row in rows:
        listed, group = row.get("image") or "", (row.get("group") or "").strip()
        split = (row.get("split") or "").strip().lower()
        key = key_of_name(listed)
        bare = key_of_name(place_of(Path(listed or "."), Path()))  # as the layout names it
        name = names.get(key) or names.get(bare)
        if len(row) > len(columns) or None in row:
            wrong(f"has more fields than columns in the row of '{listed}'", "write no more commas")
        elif name is None and {key, bare} & layout.unusable:
            continue
        elif name is None:
            wrong(f"lists the image '{listed}', which is not there", "remove the row, or add it")
        elif not group:
            wrong(f"has no group for '{listed}'", "write one")
        elif groups.setdefault(name, group) != group:
            wrong(f"puts '{listed}' in the groups '{groups[name]}' and '{group}'", "keep one")
        if "split" in columns and name is not None and group:
            if split not in SPLITS:
                wrong(f"has the split '{split}' for '{listed}'", f"write {', '.join(SPLITS)}")
            elif splits.setdefault(group, split) != split:
                wrong(f"puts the group '{group}' in two splits", "a group must not be split")
    for pair in layout.pairs:
        if pair.name not in groups:
            wrong(f"has no row for '{pair.name}'", "add one")
    lacking = [split for split in SPLITS if split not in splits.values()]
    if "split" in columns and lacking:
        wrong(f"puts no image in the split {', '.join(lacking)}", "give each split its images")
    return groups, splits, problems


def too_few(groups: Sequence[str]) -> list[Problem]:
    """A problem if there are fewer groups than splits."""
    count = len(set(groups))
    if count >= len(SPLITS):
        return []
    return [
        Problem(
            "few_groups",
            TABLE,
            f"found {count} {'group' if count == 1 else 'groups'} of images, expected at least "
            f"{len(SPLITS)} (training, validation, test)",
            "bring images of more patients, animals or fields of view; if the images really are "
            "independent, let each be its own group",
        )
    ]


def split_groups(
    shares: Mapping[str, float], validation_fraction: float, test_fraction: float, seed: int
) -> dict[str, str]:
    """The split of each group, stratified by its share of foreground (`shares`, 0 to 1).

    The groups in order of share are cut into as many runs as a held-out split takes groups, and
    from each run chance (`seed`) takes one; so each split sees small and large shares. At least
    one group is in each split. The same groups, shares and seed give the same splits.
    """
    chance = np.random.default_rng(seed)
    tie_break = dict(zip(sorted(shares), chance.permutation(len(shares)).tolist(), strict=True))
    ordered = sorted(shares, key=lambda group: (shares[group], tie_break[group]))
    split_of = dict.fromkeys(ordered, "train")
    validation = max(1, min(round(validation_fraction * len(ordered)), len(ordered) - 2))
    test = max(1, min(round(test_fraction * len(ordered)), len(ordered) - 1 - validation))
    for split, count in (("validation", validation), ("test", test)):
        left = [group for group in ordered if split_of[group] == "train"]
        for run in np.array_split(np.arange(len(left)), count):
            split_of[left[int(chance.choice(run))]] = split
    return split_of


def group_shares(groups: Sequence[str], foreground: Sequence[float]) -> dict[str, float]:
    """The mean share of foreground of each group."""
    counts = Counter(groups)
    shares = dict.fromkeys(counts, 0.0)
    for group, share in zip(groups, foreground, strict=True):
        shares[group] += share / counts[group]
    return {group: round(share, 9) for group, share in shares.items()}
