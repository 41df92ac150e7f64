"""Pair images and masks by patterns of their names that are given or guessed."""

from pathlib import Path

from segsweep.core.errors import UserError
from segsweep.data.discovery import FoundFiles, PairedFiles, pair_files
from segsweep.data.file_listing import Listing, name_key, relative_stem
from segsweep.data.issues import DataIssue
from segsweep.data.mask_names import MaskNames
from segsweep.data.name_patterns import NamePattern, PatternPair


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
    result = pair_files(files, patterns.image_key)
    if left_out:
        text = (
            f"{len(left_out)} files match neither {patterns.image} nor {patterns.mask} and are "
            f"left out (the first is {min(left_out).name})"
        )
        todo = "to use them, import again with other --image-pattern and --mask-pattern"
        result.issues.append(DataIssue("pairing", str(files.folder), text, todo))
    return result


def _without_other_rejected(listing: Listing, patterns: list[NamePattern]) -> list[Path]:
    """Remove rejected files that match no pattern from a listing, and return them."""
    rejected = set(listing.rejected_files)

    def is_kept(file: Path) -> bool:
        key = name_key(relative_stem(file, listing.folder))
        return file not in rejected or any(pattern.shared(key) for pattern in patterns)

    return listing.keep(is_kept)


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
    if names is None:
        result = pair_files(files, guess.image_key)
    else:
        result = pair_files(files, names.image_key, names.find_doubtful(files.masks))
    if result.pairs:
        first, count = result.pairs[0], len(result.pairs)
        found = (
            f"mask `{first.masks[0].name}` belongs to `{first.image.name}` ({count} "
            f"{'pair' if count == 1 else 'pairs'}: {guess.describe()})"
        )
        todo = f"if this is wrong, import again with other patterns than {guess.options()}"
        result.issues.append(DataIssue("pairing", str(files.folder), found, todo))
    return result
