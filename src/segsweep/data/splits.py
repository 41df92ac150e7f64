"""Draw the split of each group.

If the splits have far more or fewer images than asked for (see `split_shares`), further draws
follow: first by the number of groups, then by the number of images.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from segsweep.core.counted import counted
from segsweep.data.dataset import SPLITS
from segsweep.data.groups import GROUPS_FILE
from segsweep.data.issues import DataIssue
from segsweep.data.split_shares import (
    count_images,
    difference_from_fractions,
    fractions_to_draw,
)

MAX_DRAWS = 100
"""Draws of the splits, half of them by the number of groups."""


def find_too_few_groups(
    groups: Sequence[str], given: Mapping[str, str] | None = None, stack: str | None = None
) -> list[DataIssue]:
    """Return an issue if there are fewer groups than splits, else an empty list.

    Args:
        groups: Group of each image.
        given: Split of the groups that have one.
        stack: Path of an image file with several pages, if there is one.
    """
    given = given or {}
    names = set(groups)
    empty = [split for split in SPLITS if split not in given.values()]
    count = len(names - given.keys())
    if count >= len(empty):
        return []
    without = " without a split" if given else ""
    if stack:
        todo = (
            "or give the pages groups in a table (segsweep import-data --groups) with the columns "
            f"image and group and a row for each page, such as {stack}#001,1; neighbouring slices "
            "belong in one group"
        )
    else:
        todo = (
            "if the images are independent, make each its own group (segsweep import-data "
            "--group-regex '.+')"
        )
    return [
        DataIssue(
            "few_groups",
            GROUPS_FILE,
            f"found {counted(count, 'group')} of images{without}, expected at "
            f"least {len(empty)} ({', '.join(empty)})",
            f"add images of more patients, animals or fields of view; {todo}",
        )
    ]


def split_groups(
    shares: Mapping[str, float],
    validation_fraction: float,
    test_fraction: float,
    seed: int,
    sizes: Mapping[str, int] | None = None,
    given: Mapping[str, str] | None = None,
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
        sizes: Number of images of each group. The first draw that is near the fractions counts, or
            that with the smallest difference. Without sizes, the first draw counts.
        given: Split of the groups that have one. The others are drawn among the splits without
            groups and the training split, in which the fractions keep their ratio.
    """
    fractions = fractions_to_draw(validation_fraction, test_fraction, given or {})
    given = {group: split for group, split in (given or {}).items() if group in shares}
    free = {group: share for group, share in shares.items() if group not in given}
    if not free:
        return given
    in_train = sum(split == "train" for split in given.values())
    sizes = sizes or {}
    images = sum(sizes[g] for g in sizes if g in free or given.get(g) == "train")
    rng = np.random.default_rng(seed)
    best: dict[str, str] = {}
    smallest = float("inf")
    for number in range(MAX_DRAWS if sizes else 1):
        if not sizes or number < MAX_DRAWS // 2:
            drawn = _draw_by_groups(free, fractions, in_train, rng)
        else:
            drawn = _draw_by_images(free, fractions, in_train, rng, sizes, images)
        split_of = given | drawn
        difference = difference_from_fractions(split_of, sizes, fractions) if sizes else 0.0
        if difference < smallest:
            best, smallest = split_of, difference
        if difference <= 1:
            break
    return best


def _draw_by_groups(
    shares: Mapping[str, float],
    fractions: Mapping[str, float],
    in_train: int,
    rng: np.random.Generator,
) -> dict[str, str]:
    """Draw held-out splits with a fraction of the groups, stratified by share of foreground."""
    tie_break = dict(zip(sorted(shares), rng.permutation(len(shares)).tolist(), strict=True))
    ordered = sorted(shares, key=lambda group: (shares[group], tie_break[group]))

    def choose(remaining: list[str], most: int, fraction: float) -> list[str]:
        count = max(1, min(round(fraction * (len(ordered) + in_train)), most))
        parts = np.array_split(np.arange(len(remaining)), count)
        return [remaining[int(rng.choice(part))] for part in parts]

    return _draw(ordered, fractions, in_train, choose)


def _draw_by_images(
    shares: Mapping[str, float],
    fractions: Mapping[str, float],
    in_train: int,
    rng: np.random.Generator,
    sizes: Mapping[str, int],
    images: int,
) -> dict[str, str]:
    """Draw held-out splits with a fraction of `images`, the groups in random order."""
    names = sorted(shares)
    order = [names[i] for i in rng.permutation(len(names))]

    def choose(remaining: list[str], most: int, fraction: float) -> list[str]:
        missing = fraction * images
        chosen: list[str] = []
        for group in remaining[:most]:
            if abs(missing - sizes[group]) < missing:
                chosen.append(group)
                missing -= sizes[group]
        return chosen or [min(remaining, key=lambda group: sizes[group])]

    return _draw(order, fractions, in_train, choose)


def _draw(
    order: Sequence[str],
    fractions: Mapping[str, float],
    in_train: int,
    choose: Callable[[list[str], int, float], list[str]],
) -> dict[str, str]:
    """Return the split of each group; each split has at least one.

    Args:
        order: The groups.
        fractions: Fraction of each held-out split.
        in_train: Number of further groups that are in the training split.
        choose: Returns the groups of a split: of the remaining ones, at most so many, for a
            fraction.
    """
    split_of = dict.fromkeys(order, "train")
    reserved = len(fractions) + (not in_train)
    for split, fraction in fractions.items():
        remaining = [group for group in order if split_of[group] == "train"]
        reserved -= 1
        for group in choose(remaining, len(remaining) - reserved, fraction):
            split_of[group] = split
    return split_of


def find_far_shares(
    split_of: Mapping[str, str],
    shares: Mapping[str, float],
    validation_fraction: float,
    test_fraction: float,
    seed: int,
    sizes: Mapping[str, int],
    given: Mapping[str, str] | None = None,
) -> list[DataIssue]:
    """Return an issue if the drawn splits have too many or too few images, else an empty list.

    Args:
        split_of: What `split_groups` returned for the other arguments.
    """
    given = given or {}
    fractions = fractions_to_draw(validation_fraction, test_fraction, given)
    if all(group in given for group in split_of):
        return []
    if difference_from_fractions(split_of, sizes, fractions) <= 1:
        return []
    found = count_images(split_of, sizes)
    splits = [split for split in SPLITS if split == "train" or split in fractions]
    total = sum(found[split] for split in splits)
    asked = {**fractions, "train": 1 - sum(fractions.values())}
    largest = max((g for g in split_of if split_of[g] in splits), key=lambda g: (sizes[g], g))
    texts = [f"{split} {found[split] / total:.0%} ({asked[split]:.0%})" for split in splits]
    todo = (
        "give smaller groups (segsweep import-data --group-regex), or the splits themselves "
        "(--groups with a column split)"
    )
    # fractions that are those of the best draw, if a draw comes near them
    scale = validation_fraction / fractions["validation"] if "validation" in fractions else 1.0
    scale = test_fraction / fractions["test"] if "test" in fractions else scale
    fitting = {s: max(0.01, round(found[s] / total * scale, 2)) for s in fractions}
    both = {"validation": validation_fraction, "test": test_fraction} | fitting
    if sum(both.values()) < 1:
        new = fractions_to_draw(both["validation"], both["test"], given)
        again = split_groups(shares, both["validation"], both["test"], seed, sizes, given)
        if difference_from_fractions(again, sizes, new) <= 1:
            keys = " and ".join(f"preprocess.{s}_fraction: {fitting[s]:g}" for s in fitting)
            todo = f"set {keys} in params.yaml, {todo}"
    return [
        DataIssue(
            "shares",
            GROUPS_FILE,
            f"the best of {MAX_DRAWS} draws has these shares of the images (asked for in "
            f"parentheses): {', '.join(texts)}; the largest of {len(split_of)} groups, {largest}, "
            f"has {sizes[largest] / total:.0%}",
            todo,
        )
    ]
