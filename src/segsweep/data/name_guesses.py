"""Guess how the names of images and masks differ: by a constant beginning or ending.

Names are cut only between digits, letters and other characters: never inside a number or a word.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from itertools import takewhile

from segsweep.core.errors import UserError
from segsweep.core.thinning import evenly
from segsweep.data.mask_names import NUMBER
from segsweep.data.name_patterns import NamePattern, PatternPair, split_name

MASK_WORDS = frozenset(
    """
    mask masks label labels labelled labeled seg segmentation gt groundtruth anno annotation
    annotations
    """.split()  # noqa: SIM905
)
"""Words in the name of a mask, where images and masks are in one folder."""
IMAGE_WORDS = frozenset(
    "image images img volume vol raw frame scan photo orig original input".split()  # noqa: SIM905
)
"""Words in the name of an image, where images and masks are in one folder."""
MAX_ANCHORS = 32
"""Masks with which the possible patterns are found; all masks decide between these."""
MAX_CUTS = 12
"""Places at which the constant beginning (or ending) of names may be cut."""


def guess_patterns(images: Collection[str], masks: Collection[str]) -> PatternPair | None:
    """Guess constant beginnings and endings without which images and masks have equal names.

    Returns:
        The patterns that pair most names, if that are more than half of the images or masks.

    Raises:
        UserError: Several patterns pair equally many.
    """
    anchors = evenly(sorted(masks), MAX_ANCHORS)
    image_patterns, mask_patterns = _possible_patterns(images), _possible_patterns(masks)
    possible: set[PatternPair] = set()
    for anchor in anchors:
        for mask_pattern in mask_patterns:
            shared = mask_pattern.shared(anchor)
            if shared is not None and any(map(str.isalnum, split_name(shared)[1])):
                possible |= {
                    PatternPair(image_pattern, mask_pattern)
                    for image_pattern in image_patterns
                    if image_pattern.join(shared) in images
                }
    equivalent: dict[tuple[str | None, ...], list[PatternPair]] = defaultdict(list)
    for pair in possible:
        if not _numbers_differ(pair):
            found = (pair.image_key(anchor) for anchor in anchors)
            equivalent[tuple(key if key in images else None for key in found)].append(pair)
    counts = {}
    for pairs in equivalent.values():
        pair = min(pairs, key=lambda pair: _rank(pair, anchors[0]))
        counts[pair] = sum(pair.image_key(mask) in images for mask in masks)
    return _choose(counts, min(len(images), len(masks)))


def guess_by_folders(images: Collection[str], masks: Collection[str]) -> PatternPair | None:
    """Guess that an image and its mask are in one folder, if all images have the same name there.

    They are, for example, `p1/image`, `p1/mask`, `p2/image` and `p2/mask`.
    """
    names = {split_name(key)[1] for key in images}, {split_name(key)[1] for key in masks}
    folders = [{split_name(key)[0] for key in keys} for keys in (images, masks)]
    both = len(folders[0] & folders[1])
    if any(len(found) > 1 for found in names) or 2 * both <= min(map(len, folders)):
        return None
    image, mask = (NamePattern("", f"/{found.pop()}", True) for found in names)
    return None if "" in folders[0] | folders[1] else PatternPair(image, mask)


def guess_mask_names(keys: Collection[str]) -> PatternPair | None:
    """Guess which files of one folder are masks, by an ending or a beginning of their names.

    With the ending `-seg`, there is a file `x` for most files `x-seg`. The number after an ending
    (`x-seg_1`) is not part of it.

    Raises:
        UserError: Several endings or beginnings are possible.
    """
    keys = set(keys)
    images_of: dict[NamePattern, set[str]] = defaultdict(set)
    for key in keys:
        folder, name = split_name(key)
        for cut in cuts(name):
            if folder + name[:cut] in keys:
                ending = re.sub(f"{NUMBER}$", "", name[cut:])
                images_of[NamePattern(suffix=ending)].add(folder + name[:cut])
            if folder + name[cut:] in keys:
                images_of[NamePattern(prefix=name[:cut])].add(folder + name[cut:])
    counts = {
        PatternPair(NamePattern(), pattern): len(images)
        for pattern, images in images_of.items()
        if re.search(r"[^\W\d_]", str(pattern))  # a number alone does not mark a mask
    }
    best = max(counts.values(), default=0)
    likely = {pair: count for pair, count in counts.items() if count == best}
    if 2 * best * (len(likely) + 1) <= len(keys):  # most files are neither an image nor its mask
        return None
    if len(likely) == 1:
        (pair,) = likely
        images = {key for key in keys if not is_numbered_mask(key, pair.mask)}
        return pair if 2 * best > len(images) else None
    return _choose(likely, best)


def is_numbered_mask(key: str, pattern: NamePattern) -> bool:
    """Return whether a name matches the pattern of masks, with or without a number at its end."""
    ending = re.sub(f"({re.escape(pattern.suffix)}){NUMBER}$", r"\1", key)
    return pattern.shared(ending if pattern.suffix else key) is not None


def split_by_words(keys: Collection[str]) -> tuple[set[str], set[str]] | None:
    """Return the images and masks of one folder if a word in every name says which it is."""
    masks = {key for key in keys if words_of(key) & MASK_WORDS}
    images = {key for key in keys if key not in masks and words_of(key) & IMAGE_WORDS}
    return (images, masks) if images and masks and len(images) + len(masks) == len(keys) else None


def words_of(key: str) -> set[str]:
    """Return the words in the name of a file, without its folder."""
    return set(re.findall(r"[^\W\d_]+", split_name(key)[1]))


def _is_cut(before: str, after: str) -> bool:
    """Return whether names may be cut between two characters."""
    return not (before.isdigit() and after.isdigit()) and not (before.isalpha() and after.isalpha())


def cuts(name: str) -> list[int]:
    """Return the places at which a name may be cut."""
    return [i for i in range(1, len(name)) if _is_cut(name[i - 1], name[i])]


def _possible_patterns(keys: Collection[str]) -> list[NamePattern]:
    """Return all patterns of constant beginnings and endings that all names have."""
    names = [split_name(key)[1] for key in keys]
    beginnings = _constant_beginnings(names)
    endings = [text[::-1] for text in _constant_beginnings([name[::-1] for name in names])]
    shortest = min(map(len, names))
    return [
        NamePattern(beginning, ending)
        for beginning in beginnings
        for ending in endings
        if len(beginning) + len(ending) < shortest
    ]


def _constant_beginnings(names: Sequence[str]) -> list[str]:
    """Return the beginnings that all names have, the empty one included."""
    shared = _common_start(min(names), max(names))
    length = len(shared)
    places = cuts(shared)
    if length and all(len(n) > length and _is_cut(n[length - 1], n[length]) for n in names):
        places.append(length)
    return ["", *(shared[:cut] for cut in places[:MAX_CUTS])]


def _common_start(one: str, other: str) -> str:
    equal = takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    return "".join(a for a, _ in equal)


def _rank(pair: PatternPair, mask: str) -> tuple[int, int, str]:
    """Return the order of patterns that mean the same: no loose separators, then short ones."""
    name = split_name(pair.mask.shared(mask) or "x")[1]
    loose = int(bool(pair.image.prefix + pair.mask.prefix) and not name[0].isalnum())
    loose += bool(pair.image.suffix + pair.mask.suffix) and not name[-1].isalnum()
    return loose, pair.image.length + pair.mask.length, pair.options()


def _numbers_differ(pair: PatternPair) -> bool:
    """Return whether both names have a number in one constant part, and not the same one.

    It can be that of a patient: `p1_{}` and `p2_{}` are not the same images.
    """
    sides = (pair.image.prefix, pair.mask.prefix), (pair.image.suffix, pair.mask.suffix)
    numbers = [[re.findall(r"\d+", text) for text in side] for side in sides]
    return any(image and mask and image != mask for image, mask in numbers)


def _choose(counts: dict[PatternPair, int], possible: int) -> PatternPair | None:
    """Return the patterns that pair most names, None if they pair half of `possible` or fewer."""
    best = max(counts.values(), default=0)
    if 2 * best <= possible:
        return None
    likely = sorted((pair for pair in counts if counts[pair] == best), key=PatternPair.options)
    if len(likely) > 1:
        raise UserError(
            f"images and masks: found {len(likely)} ways to pair {best} names, expected one; "
            f"choose with {likely[0].options()}, or with {likely[1].options()}"
        )
    return likely[0]
