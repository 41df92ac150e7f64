"""What is wrong with a set as a whole: leakage between groups, inverted masks."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from segsweep.data.duplicates import exact, near
from segsweep.data.images import read_grey
from segsweep.data.issues import Problem
from segsweep.data.prepare import SATURATED, Prepared

MOSTLY = 0.5
"""The share of masks that must look inverted before the set is said to."""


def find_faults_of_set(
    images: Sequence[str], prepared: Sequence[Prepared], groups: Sequence[str]
) -> list[Problem]:
    """Problems that show only when all images (names, facts, groups) are looked at together."""
    problems = []
    places = [(i, page) for i, p in enumerate(prepared) for page in range(len(p.contents))]
    owners = [groups[i] for i, _ in places]
    contents = [prepared[i].contents[page] for i, page in places]
    again = set()
    for one, two in exact(contents, owners):
        (first, page), (later, other) = places[one], places[two]
        if not _same_pixels(images[first], page, images[later], other):
            continue
        again.add(two)
        problems.append(
            Problem(
                "duplicate",
                images[later],
                f"shows the same pixels as {images[first]}, of another group ('{groups[first]}' "
                f"and '{groups[later]}')",
                "remove one, or put both in one group: else training would see what it is tested "
                "on",
            )
        )
    fingerprints = {
        k: prepared[i].fingerprints[page] for k, (i, page) in enumerate(places) if k not in again
    }
    for one, two in near(fingerprints, owners):
        first, later = places[one][0], places[two][0]
        problems.append(
            Problem(
                "near_duplicate",
                images[later],
                f"looks nearly like {images[first]}, of another group ('{groups[first]}' and "
                f"'{groups[later]}')",
                "look at both; if they show one thing, put them in one group",
            )
        )
    inverted = [image for image, p in zip(images, prepared, strict=True) if p.looks_inverted]
    if prepared and len(inverted) > MOSTLY * len(prepared):
        problems.append(
            Problem(
                "inverted",
                inverted[0],
                f"{len(inverted)} of {len(prepared)} masks are foreground along their borders and "
                "over half of their area",
                "if white means background in them, invert them",
            )
        )
    saturated = [image for image, p in zip(images, prepared, strict=True) if p.saturated]
    if saturated:
        problems.append(
            Problem(
                "saturated",
                saturated[0],
                f"{len(saturated)} of {len(prepared)} images have over {SATURATED:.0%} of their "
                "pixels at their brightest value",
                "a white background is fine; overexposed objects have lost their grey values",
            )
        )
    singles = len(set(groups)) == len(groups) > 1
    if singles:
        problems.append(
            Problem(
                "own_groups",
                "groups.csv",
                f"each of the {len(groups)} images is a group of its own",
                "if several come from one patient, animal or field of view, say so "
                "(use_data.py --groups or --group-regex): else results look better than they are",
            )
        )
    return problems


def _same_pixels(one: str, page: int, two: str, other: int) -> bool:
    """Whether two pages whose processed pixels are equal were equal before."""
    return np.array_equal(read_grey(Path(one))[0][page], read_grey(Path(two))[0][other])
