"""Check the data set as a whole: duplicates across groups, inverted masks, lost foreground."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from segsweep.data.groups import GROUPS_FILE
from segsweep.data.image_cache import PreparedImage
from segsweep.data.images import read_grey
from segsweep.data.issues import DataIssue
from segsweep.data.mask_rule import FOREGROUND, format_value
from segsweep.data.prepare import SATURATED_SHARE, ImageSettings
from segsweep.data.shrinking import find_lost_foreground

MIN_INVERTED_SHARE = 0.5
"""Masks are taken for inverted if more than this share of them looks inverted."""

MAX_DIFFERENT_BITS = 3
"""Perceptual hashes that differ in at most this many of their 64 bits are nearly equal. Such hashes
share at least one of their four 16-bit quarters, by which candidates are found."""
QUARTERS = 4


def find_dataset_issues(
    images: Sequence[str],
    prepared: Sequence[PreparedImage],
    groups: Sequence[Sequence[str]],
    settings: ImageSettings,
) -> list[DataIssue]:
    """Return the issues that only show when all images are compared.

    Args:
        images: Path of each image.
        prepared: Each image, processed.
        groups: Group of each page of each image.
        settings: How they were processed.
    """
    issues = _find_duplicates(images, prepared, groups, settings)
    issues += find_lost_foreground(images, prepared)
    issues += _find_inverted(images, prepared, settings)
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
    all_groups = [group for page_groups in groups for group in page_groups]
    if len(set(all_groups)) == len(all_groups) > 1:
        issues.append(
            DataIssue(
                "own_groups",
                GROUPS_FILE,
                f"each of the {len(all_groups)} images is its own group",
                "if several images are from one patient, animal or field of view, import them with "
                "segsweep import-data --groups or --group-regex; otherwise the test results are "
                "too good",
            )
        )
    return issues


def _find_inverted(
    images: Sequence[str], prepared: Sequence[PreparedImage], settings: ImageSettings
) -> list[DataIssue]:
    """Return an issue if masks may have foreground and background exchanged.

    It is an error if most masks may, and the study does not say what is background: many programs
    draw black objects on white.
    """
    inverted = [i for i, image in enumerate(prepared) if image.looks_inverted]
    if not inverted:
        return []
    first, is_most = inverted[0], len(inverted) > MIN_INVERTED_SHARE * len(prepared)
    found = (
        f"{len(inverted)} of {len(prepared)} masks have foreground along their borders and on more "
        "than half of their area"
    )
    rule = prepared[first].rule
    values = [v for page in prepared[first].mask_facts for v in page.pixels]
    white = next((format_value(v) for v in values if rule.classify(v) == FOREGROUND), "255")
    if is_most and settings.masks == "binary" and settings.background is None:
        if any(prepared[i].masks_reversed for i in inverted):
            found += "; their files say that white is zero, so their values were reversed"
        return [
            DataIssue(
                "mask_coding",
                images[first],
                found,
                f"compare a mask with its image; set preprocess.background: [{white}] if {white} "
                "is background, or preprocess.background: [0] if the masks are right",
            )
        ]
    return [
        DataIssue(
            "inverted",
            images[first],
            found,
            f"if {white} is background in these masks, set preprocess.background: [{white}]"
            if is_most
            else "compare them with their images; if foreground and background are exchanged in "
            "these masks only, correct or remove them",
        )
    ]


def _find_duplicates(
    images: Sequence[str],
    prepared: Sequence[PreparedImage],
    groups: Sequence[Sequence[str]],
    settings: ImageSettings,
) -> list[DataIssue]:
    """Return equal and nearly equal images in different groups, page by page."""
    issues = []
    pages = [(i, page) for i, p in enumerate(prepared) for page in range(len(p.content_hashes))]
    page_groups = [groups[i][page] for i, page in pages]
    hashes = [prepared[i].content_hashes[page] for i, page in pages]
    duplicates = set()
    for first, later in find_equal(hashes, page_groups):
        (i, page), (j, other_page) = pages[first], pages[later]
        if not _have_same_pixels(images[i], page, images[j], other_page, settings):
            continue
        duplicates.add(later)
        issues.append(
            DataIssue(
                "duplicate",
                images[j],
                f"has the same pixels as {images[i]}, which is in another group "
                f"('{page_groups[first]}' and '{page_groups[later]}')",
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
                f"is nearly equal to {images[i]}, which is in another group "
                f"('{page_groups[first]}' and '{page_groups[later]}')",
                "compare the two; if they show the same object, put them in one group",
            )
        )
    return issues


def _have_same_pixels(
    image: str, page: int, other: str, other_page: int, settings: ImageSettings
) -> bool:
    """Return whether two pages with equal processed pixels are also equal in their files."""
    pages, other_pages = (
        read_grey(Path(path), settings.channel, settings.nodata)[0] for path in (image, other)
    )
    return np.array_equal(pages[page].pixels, other_pages[other_page].pixels)


def find_equal(hashes: Sequence[str], groups: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield the indices (first, later) of equal content hashes in different groups."""
    first: dict[str, int] = {}
    for i, content in enumerate(hashes):
        j = first.setdefault(content, i)
        if groups[i] != groups[j]:
            yield j, i


def find_nearly_equal(hashes: Mapping[int, int], groups: Sequence[str]) -> list[tuple[int, int]]:
    """Return the indices (first, later) of nearly equal images in different groups.

    Args:
        hashes: Perceptual hashes by the index of the image.
        groups: The group of each image.

    Returns:
        At most one pair for each later index, with the first index that is nearly equal to it.
    """
    indices_of: dict[int, list[int]] = {}
    for index, bits in sorted(hashes.items()):
        indices = indices_of.setdefault(bits, [])
        # the first index of one group and the first of any other group suffice
        if not indices or (len(indices) == 1 and groups[index] != groups[indices[0]]):
            indices.append(index)
    codes = {group: code for code, group in enumerate(dict.fromkeys(groups))}
    only_group = [codes[groups[i[0]]] if len(i) == 1 else -1 for i in indices_of.values()]
    neighbours = _find_neighbours(
        np.array(list(indices_of), np.uint64), np.array(only_group, np.int64)
    )
    pairs = []
    for index, bits in sorted(hashes.items()):
        others = [i for near in (bits, *neighbours.get(bits, ())) for i in indices_of[near]]
        first = min((i for i in others if groups[i] != groups[index]), default=index)
        if first < index:
            pairs.append((first, index))
    return pairs


def _find_neighbours(hashes: np.ndarray, only_group: np.ndarray) -> dict[int, set[int]]:
    """Return the nearly equal hashes of each hash that has any.

    Args:
        hashes: Different hashes, uint64.
        only_group: The number of the group if a hash occurs in one group only, else -1. Pairs
            within one group are skipped.
    """
    neighbours: dict[int, set[int]] = {}
    for quarter in range(QUARTERS):
        keys = (hashes >> np.uint64(16 * quarter)).astype(np.uint16)
        order = np.argsort(keys, kind="stable")
        for members in np.split(order, np.flatnonzero(np.diff(keys[order])) + 1):
            for i, k in enumerate(members[:-1]):
                bits, others = hashes[k], members[i + 1 :]
                if only_group[k] >= 0:
                    others = others[only_group[others] != only_group[k]]
                differences = np.bitwise_count(hashes[others] ^ bits)
                for near in hashes[others[differences <= MAX_DIFFERENT_BITS]]:
                    neighbours.setdefault(int(bits), set()).add(int(near))
                    neighbours.setdefault(int(near), set()).add(int(bits))
    return neighbours
