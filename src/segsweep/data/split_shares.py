"""Compare the numbers of images in the splits with the fractions that were asked for.

A split is *near* its fraction if it differs by at most half of it, or by one group of median size.
A fraction below that size counts as that size, since a split has at least one group.
"""

from collections.abc import Mapping

import numpy as np

from segsweep.data.dataset import SPLITS

HELD_OUT = ("validation", "test")


def fractions_to_draw(validation: float, test: float, given: Mapping[str, str]) -> dict[str, float]:
    """Return the fractions of the held-out splits without groups.

    They are fractions of the groups that are not in a held-out split already.
    """
    asked = {"validation": validation, "test": test}
    rest = 1 - sum(asked[split] for split in HELD_OUT if split in given.values())
    return {s: asked[s] / rest for s in HELD_OUT if s not in given.values()}


def difference_from_fractions(
    split_of: Mapping[str, str], sizes: Mapping[str, int], fractions: Mapping[str, float]
) -> float:
    """Return the largest difference between a split and its fraction; up to 1 is near.

    Args:
        split_of: Split of each group.
        sizes: Number of images of each group.
        fractions: Fractions of the held-out splits that were drawn.
    """
    found = count_images(split_of, sizes)
    total = sum(found[split] for split in ("train", *fractions))
    drawn = [sizes[g] for g, split in split_of.items() if split == "train" or split in fractions]
    typical = float(np.median(drawn)) / total
    asked = {split: max(fraction, typical) for split, fraction in fractions.items()}
    asked["train"] = max(1 - sum(asked.values()), typical)
    return max(
        abs(found[split] / total - asked[split]) / max(typical, asked[split] / 2) - 1e-9
        for split in asked
    )


def count_images(split_of: Mapping[str, str], sizes: Mapping[str, int]) -> dict[str, int]:
    """Return the number of images in each split."""
    counts = dict.fromkeys(SPLITS, 0)
    for group, split in split_of.items():
        counts[split] += sizes[group]
    return counts
