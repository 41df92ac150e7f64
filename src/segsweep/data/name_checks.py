"""Refuse pairs of images and masks whose names fit although they may be wrong."""

import re
from collections.abc import Collection, Iterable
from pathlib import Path

from segsweep.core.errors import UserError
from segsweep.data.discovery import Pair
from segsweep.data.folder_names import folder_role
from segsweep.data.issues import DataIssue
from segsweep.data.name_guesses import MASK_WORDS, words_of
from segsweep.data.name_patterns import PatternPair, split_name


def check_order(images: Path, masks: Path) -> None:
    """Raise `UserError` if the first folder is called as folders of masks are, and the other way.

    Args:
        images, masks: What the user gave, in this order.
    """
    roles = folder_role(images.resolve().name), folder_role(masks.resolve().name)
    if roles == ("masks", "images"):
        raise UserError(
            f"{images}: is given as the folder of images, but its name is that of masks, and "
            f"{masks} is the other way round; give the folder of images first: segsweep "
            "import-data IMAGES_DIR MASKS_DIR"
        )


def check_guessed_order(guess: PatternPair, folder: Path) -> None:
    """Raise `UserError` if only the names of images have a word for masks.

    Args:
        guess: The patterns of names in two folders.
        folder: The folder of images.
    """
    image, mask = (MASK_WORDS & words_of(str(pattern)) for pattern in (guess.image, guess.mask))
    if image and not mask:
        raise UserError(
            f"{folder}: is given as the folder of images, but the names in it have {min(image)!r}; "
            "give the folder of images first; if it is right, say so with "
            f"{guess.options()}"
        )


def check_numbering(images: Collection[str], masks: Collection[str], folder: Path) -> None:
    """Raise `UserError` if masks are numbered as images are, but from another number on.

    With images 0 to 9 and masks 1 to 10, equal numbers may be the wrong pairs.

    Args:
        images: Keys of the images.
        masks: Keys of the masks, each written as that of its image.
        folder: The folder of images, for the message.
    """
    images, masks = set(images), set(masks)
    changed = {split_name(key)[0] for key in images - masks}
    for parent in sorted(changed & {split_name(key)[0] for key in masks - images}):
        of_images = _numbers(key for key in images if split_name(key)[0] == parent)
        of_masks = _numbers(key for key in masks if split_name(key)[0] == parent)
        for a, b in zip(of_images, of_masks, strict=False):
            shifts = {y - x for x, y in zip(a, b, strict=False)}
            if len(a) == len(b) > 1 and len(shifts) == 1 and 0 not in shifts and set(a) & set(b):
                raise UserError(
                    f"{folder / parent}: found {len(a)} images numbered from {a[0]} to {a[-1]} and "
                    f"as many masks from {b[0]} to {b[-1]}, expected equal numbers; if the first "
                    "mask belongs to the first image, rename the masks; if equal numbers belong "
                    "together, remove the files without a partner"
                )


def _numbers(keys: Iterable[str]) -> list[list[int]]:
    """Return the numbers in names: for each place, all in order; none where two are equal."""
    found = [[int(text) for text in re.findall(r"\d+", split_name(key)[1])] for key in keys]
    places = [sorted(numbers) for numbers in zip(*found, strict=False)]
    return [numbers if len(set(numbers)) == len(numbers) else [] for numbers in places]


def state_union(pairs: Collection[Pair], folder: Path) -> list[DataIssue]:
    """Return the assumption that the masks of one image are united, if an image has several."""
    several = [pair for pair in pairs if len(pair.masks) > 1]
    if not several:
        return []
    first = several[0]
    names = ", ".join(mask.name for mask in first.masks[:3])
    more = ", ..." if len(first.masks) > 3 else ""
    found = (
        f"the masks of one image are united ({len(several)} of {len(pairs)} images have several; "
        f"{first.image.name} has {names}{more})"
    )
    todo = "if they are not objects of one image but, for example, of several annotators, keep one"
    return [DataIssue("union", str(folder), found, todo)]
