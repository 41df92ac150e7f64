"""Pair images and masks by patterns of their names that are given or guessed."""

from pathlib import Path

from segsweep.core.counted import counted
from segsweep.core.errors import UserError
from segsweep.data.discovery import FoundFiles, PairedFiles, pair_files
from segsweep.data.extra_files import leave_out_longer_names
from segsweep.data.file_listing import Listing, name_key, relative_stem
from segsweep.data.issues import DataIssue
from segsweep.data.mask_names import MaskNames
from segsweep.data.name_checks import check_guessed_order, check_numbering
from segsweep.data.name_patterns import NamePattern, PatternPair, split_name


def pair_by_patterns(files: FoundFiles, patterns: PatternPair) -> PairedFiles:
    """Pair the files that match the given patterns; the others are left out and counted.

    Raises:
        UserError: No image or no mask matches.
    """
    left_out: list[Path] = []
    for found, pattern in ((files.images, patterns.image), (files.masks, patterns.mask)):
        others = [key for key in found if pattern.shared(key) is None]
        if len(others) == len(found):
            example = next(iter(found.values()))[0].name if found else "none"
            raise UserError(
                f"{files.folder}: found no name that matches {pattern} (files such as {example}); "
                "give --image-pattern and --mask-pattern as the names without suffix, with {} in "
                "place of what an image and its mask share"
            )
        left_out += [file for key in others for file in found.pop(key)]
    for number, listing in enumerate(files.listings):
        both = [patterns.image, patterns.mask]
        left_out += _without_other_rejected(
            listing, both if len(files.listings) == 1 else [both[number]]
        )
    files.rejected_images = {key for key in files.rejected_images if patterns.image.shared(key)}
    files.rejected_masks = {key for key in files.rejected_masks if patterns.mask.shared(key)}
    files.searched += f" ({patterns.options()})"
    longer: list[Path] = []
    if len(files.listings) == 1 and patterns.mask.length:
        paired = {patterns.image_key(key) for key in (*files.masks, *files.rejected_masks)}
        longer = leave_out_longer_names(files, {key for key in paired if key} & {*files.images})
    result = pair_files(files, patterns.image_key)
    texts = []
    if longer:
        texts.append(
            f"{len(longer)} files that match {patterns.image} are left out: they have no mask, and "
            f"their names begin with that of an image with a mask (the first is {longer[0].name})"
        )
    if left_out:
        texts.append(
            f"{len(left_out)} files match neither {patterns.image} nor {patterns.mask} and are "
            f"left out (the first is {min(left_out).name})"
        )
    todo = "to use them, import again with other --image-pattern and --mask-pattern"
    result.issues += [DataIssue("pairing", str(files.folder), text, todo) for text in texts]
    return result


def _without_other_rejected(listing: Listing, patterns: list[NamePattern]) -> list[Path]:
    """Remove rejected files that match no pattern from a listing, and return them."""
    rejected = set(listing.rejected_files)

    def is_kept(file: Path) -> bool:
        key = name_key(relative_stem(file, listing.folder))
        return file not in rejected or any(pattern.shared(key) for pattern in patterns)

    return listing.keep(is_kept)


def pair_by_file_name(files: FoundFiles) -> PairedFiles | None:
    """Pair files with equal names in different folders, if each name is there only once.

    Returns:
        The pairs with the assumption; None if names are not unique, or few are equal.
    """
    by_name: dict[str, str] = {}
    for key in files.images:
        if by_name.setdefault(split_name(key)[1], key) != key:
            return None
    names = {split_name(key)[1] for key in files.masks}
    if len(names) < len(files.masks) or 2 * len(names & by_name.keys()) <= min(
        len(names), len(by_name)
    ):
        return None
    result = pair_files(files, lambda key: by_name.get(split_name(key)[1]))
    if result.pairs:
        first = result.pairs[0]
        found = (
            f"{len(result.pairs)} images have masks with their file names in other subfolders, "
            f"such as {first.masks[0]} of {first.image}"
        )
        todo = "if this is wrong, give the images and masks the same subfolders"
        result.issues.append(DataIssue("pairing", str(files.folder), found, todo))
    return result


def pair_by_guess(
    files: FoundFiles, guess: PatternPair, names: MaskNames | None = None
) -> PairedFiles:
    """Pair the files by guessed patterns, and add the guess to the issues.

    Args:
        files: The files.
        guess: The patterns.
        names: Finds the images of masks, if the pattern of masks is an ending. By default the
            patterns find them.
    """
    files.searched += f" ({guess.describe()})"
    if len(files.listings) > 1:
        check_guessed_order(guess, files.folder)
    mask_keys = {guess.image_key(key) or key for key in files.masks}
    check_numbering(files.images, mask_keys, files.folder)
    if names is None:
        result = pair_files(files, guess.image_key)
    else:
        result = pair_files(files, names.image_key, names.find_doubtful(files.masks))
    if result.pairs:
        first, count = result.pairs[0], len(result.pairs)
        found = (
            f"mask `{first.masks[0].name}` belongs to `{first.image.name}` "
            f"({counted(count, 'pair')}: {guess.describe()})"
        )
        todo = f"if this is wrong, import again with other patterns than {guess.options()}"
        result.issues.append(DataIssue("pairing", str(files.folder), found, todo))
    return result
