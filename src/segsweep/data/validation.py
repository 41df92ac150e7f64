"""Check the data set as a whole: duplicates across groups, inverted masks, saturated images."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from segsweep.data.duplicates import find_equal, find_nearly_equal
from segsweep.data.image_cache import PreparedImage
from segsweep.data.images import read_grey
from segsweep.data.issues import DataIssue
from segsweep.data.prepare import SATURATED_SHARE

MIN_INVERTED_SHARE = 0.5
"""Masks are reported as inverted if more than this share of them looks inverted."""


def find_dataset_issues(
    images: Sequence[str], prepared: Sequence[PreparedImage], groups: Sequence[str]
) -> list[DataIssue]:
    """Return the issues that only show when all images are compared.

    Args:
        images: Path of each image.
        prepared: Each image, processed.
        groups: Group of each image.
    """
    issues = _find_duplicates(images, prepared, groups)
    inverted = [image for image, p in zip(images, prepared, strict=True) if p.looks_inverted]
    if prepared and len(inverted) > MIN_INVERTED_SHARE * len(prepared):
        issues.append(
            DataIssue(
                "inverted",
                inverted[0],
                f"{len(inverted)} of {len(prepared)} masks have foreground along their borders and "
                "on more than half of their area",
                "if white is background in these masks, invert them",
            )
        )
    saturated = [image for image, p in zip(images, prepared, strict=True) if p.saturated]
    if saturated:
        issues.append(
            DataIssue(
                "saturated",
                saturated[0],
                f"{len(saturated)} of {len(prepared)} images have their largest value in more than "
                f"{100 * SATURATED_SHARE:.0f} % of the pixels",
                "ignore this if the background is white; overexposed objects have lost their grey "
                "values",
            )
        )
    if len(set(groups)) == len(groups) > 1:
        issues.append(
            DataIssue(
                "own_groups",
                "groups.csv",
                f"each of the {len(groups)} images is its own group",
                "if several images are from one patient, animal or field of view, import them with "
                "segsweep import-data --groups or --group-regex; otherwise the test results are "
                "too good",
            )
        )
    return issues


def _find_duplicates(
    images: Sequence[str], prepared: Sequence[PreparedImage], groups: Sequence[str]
) -> list[DataIssue]:
    """Return equal and nearly equal images in different groups, page by page."""
    issues = []
    pages = [(i, page) for i, p in enumerate(prepared) for page in range(len(p.content_hashes))]
    page_groups = [groups[i] for i, _ in pages]
    hashes = [prepared[i].content_hashes[page] for i, page in pages]
    duplicates = set()
    for first, later in find_equal(hashes, page_groups):
        (i, page), (j, other_page) = pages[first], pages[later]
        if not _have_same_pixels(images[i], page, images[j], other_page):
            continue
        duplicates.add(later)
        issues.append(
            DataIssue(
                "duplicate",
                images[j],
                f"has the same pixels as {images[i]}, which is in another group ('{groups[i]}' and "
                f"'{groups[j]}')",
                "remove one, or put both in one group; otherwise the same image could be in "
                "training and test",
            )
        )
    perceptual_hashes = {
        k: prepared[i].perceptual_hashes[page]
        for k, (i, page) in enumerate(pages)
        if k not in duplicates
    }
    for first, later in find_nearly_equal(perceptual_hashes, page_groups):
        i, j = pages[first][0], pages[later][0]
        issues.append(
            DataIssue(
                "near_duplicate",
                images[j],
                f"is nearly equal to {images[i]}, which is in another group ('{groups[i]}' and "
                f"'{groups[j]}')",
                "compare the two; if they show the same object, put them in one group",
            )
        )
    return issues


def _have_same_pixels(image: str, page: int, other: str, other_page: int) -> bool:
    """Return whether two pages with equal processed pixels are also equal in their files."""
    pages, other_pages = read_grey(Path(image))[0], read_grey(Path(other))[0]
    return np.array_equal(pages[page], other_pages[other_page])
