"""Find the endings of names by which images or masks are of several kinds, for messages.

`x_t1`, `x_t2` and `x_seg` for every `x` are three kinds, such as channels, classes or annotators.
"""

import re
from collections import defaultdict
from collections.abc import Collection
from pathlib import Path

from segsweep.core.errors import UserError
from segsweep.data.discovery import FoundFiles
from segsweep.data.name_guesses import MASK_WORDS, cuts, words_of
from segsweep.data.name_patterns import NamePattern, PatternPair, split_name

MAX_SHOWN = 6
"""Number of endings that a message shows."""

Kinds = dict[frozenset[str], list[str]]
"""Endings by the names without them."""


def refuse_kinds(images: Collection[str], masks: Collection[str], folder: Path) -> None:
    """Raise `UserError` if every image has several masks, or every mask several images, by name."""
    _refuse_folders(images, masks, folder)
    found = []
    masks_by_names = _kinds(masks)
    for names, image_endings in _kinds(images).items():
        mask_endings = masks_by_names.get(names, [])
        if mask_endings and len(image_endings) + len(mask_endings) > 2:
            found.append((image_endings, mask_endings))
    if found:
        _refuse(folder, *min(found, key=lambda endings: sum(map(len, (*endings[0], *endings[1])))))


def _refuse_folders(images: Collection[str], masks: Collection[str], folder: Path) -> None:
    """Raise `UserError` if several subfolders have masks of the same images."""
    images = set(images)
    with_masks: defaultdict[str, set[str]] = defaultdict(set)
    for mask in masks:
        subfolder, _, rest = mask.partition("/")
        if rest in images:
            with_masks[subfolder].add(rest)
    names = sorted(with_masks)
    if len(names) > 1 and with_masks[names[0]] & with_masks[names[1]]:
        shown = ", ".join(names[:MAX_SHOWN]) + (", ..." if len(names) > MAX_SHOWN else "")
        raise UserError(
            f"{folder}: found masks with the names of these images in {len(names)} subfolders of "
            f"the masks ({shown}), expected one mask for each; give one of them as MASKS_DIR: "
            "segsweep import-data IMAGES_DIR MASKS_DIR"
        )


def refuse_kinds_in_one_folder(keys: Collection[str], folder: Path) -> None:
    """Raise `UserError` if the names have several endings, one or more of which are of masks."""
    for endings in _kinds(keys).values():
        of_masks = [ending for ending in endings if words_of(ending) & MASK_WORDS]
        of_images = [ending for ending in endings if ending not in of_masks]
        if of_masks and of_images and len(endings) > 2:
            _refuse(folder, of_images, of_masks)


def refuse_channels(files: FoundFiles) -> None:
    """Raise `UserError` if images have several channels, as in nnU-Net."""
    channels = _find_channels(set(files.images), set(files.masks))
    if channels:
        raise UserError(
            f"{files.folder}: found {len(channels)} channels of images ({', '.join(channels)}), "
            "expected one; choose one of them, for example --image-pattern '{}" + channels[0] + "'"
        )


def _find_channels(images: Collection[str], masks: Collection[str]) -> list[str]:
    """Return the endings of channels (`_0000`, `_0001`, as in nnU-Net), if images have several."""
    matches = [re.fullmatch(r"(.+)(_\d{4})", key) for key in images]
    if not all(match and match[1] in masks for match in matches):
        return []
    channels = sorted({match[2] for match in matches if match})
    return channels if len(channels) > 1 else []


def _kinds(keys: Collection[str]) -> Kinds:
    """Return all sets of endings with which the names of one set are all names."""
    names: defaultdict[str, set[str]] = defaultdict(set)
    for key in keys:
        folder, name = split_name(key)
        names[""].add(key)
        for cut in cuts(name):
            names[name[cut:]].add(folder + name[:cut])
        names[f"/{name}"].add(folder.removesuffix("/"))
    kinds: Kinds = defaultdict(list)
    for ending, without in names.items():
        kinds[frozenset(without)].append(ending)
    return {
        without: sorted(endings)
        for without, endings in kinds.items()
        if len(without) > 1 and len(without) * len(endings) == len(keys)
    }


def _refuse(folder: Path, images: list[str], masks: list[str]) -> None:
    texts = []
    for kind, endings in (("images", images), ("masks", masks)):
        if len(endings) > 1:
            shown = ", ".join(f"{{}}{ending}" for ending in endings[:MAX_SHOWN])
            more = ", ..." if len(endings) > MAX_SHOWN else ""
            texts.append(f"{len(endings)} kinds of {kind} ({shown}{more})")
    example = PatternPair(_pattern(images[0]), _pattern(masks[0]))
    raise UserError(
        f"{folder}: found {' and '.join(texts)}, expected one kind of each; choose, for example "
        f"with {example.options()}"
    )


def _pattern(ending: str) -> NamePattern:
    return NamePattern(suffix=ending, whole_path=ending.startswith("/"))
