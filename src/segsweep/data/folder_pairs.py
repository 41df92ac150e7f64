"""Find folders of images and of masks in one folder by a word for masks in their names.

Examples are `train` and `train_masks`, `p1_images` and `p1_labels`, `tiles` and `tile labels`.
"""

from segsweep.core.errors import UserError
from segsweep.data.discovery import FilesByKey, FoundFiles
from segsweep.data.file_listing import Listing, name_key, relative_stem
from segsweep.data.issues import DataIssue
from segsweep.data.name_guesses import MASK_WORDS, guess_patterns, words_of
from segsweep.data.name_patterns import PatternPair


def split_by_folder_pairs(listing: Listing) -> tuple[FoundFiles, DataIssue] | None:
    """Return images and masks if all are in such folders, and what was assumed, else None.

    The key of a file is its path with the part of the folder's name that both folders share.
    """
    paths = [file.relative_to(listing.folder) for file in listing.files]
    if not paths or any(len(path.parts) < 2 for path in paths):
        return None
    folders = {name_key(path.parts[0]): path.parts[0] for path in paths}
    of_masks = {folder for folder in folders if words_of(folder) & MASK_WORDS}
    shared = _shared_parts(folders.keys() - of_masks, of_masks)
    if shared is None:
        return None
    found: tuple[FilesByKey, FilesByKey] = ({}, {})
    rejected: tuple[set[str], set[str]] = (set(), set())
    unusable = set(listing.rejected_files)
    for file in (*listing.files, *listing.rejected_files):
        folder, _, rest = name_key(relative_stem(file, listing.folder)).partition("/")
        is_mask = bool(words_of(folder) & MASK_WORDS)
        key = f"{shared.get(folder, folder)}/{rest}"
        if file in unusable:
            rejected[is_mask].add(key)
        else:
            found[is_mask].setdefault(key, []).append(file)
    example = min(of_masks & shared.keys())
    partner = next(f for f in shared if f not in of_masks and shared[f] == shared[example])
    issue = DataIssue(
        "pairing",
        str(listing.folder),
        f"masks of the images in {folders[partner]} are in {folders[example]}, by the names of "
        f"these folders ({len(of_masks)} with masks)",
        "if this is wrong, give the folder of images and the folder of masks: segsweep "
        "import-data IMAGES_DIR MASKS_DIR",
    )
    searched = "in the folder of masks next to it"
    files = FoundFiles(listing.folder, *found, *rejected, [listing], searched)
    return files, issue


def _shared_parts(images: set[str], masks: set[str]) -> dict[str, str] | None:
    """Return what the names of folders share by folder, or None if it is not clear.

    Args:
        images: Names without a word for masks.
        masks: Names with one.
    """
    if len(images) == len(masks) == 1:
        return dict.fromkeys(images | masks, "")
    if not images or not masks:
        return None
    try:
        guess = guess_patterns(images, masks)
    except UserError:
        return None
    if guess is None or any(guess.image_key(mask) not in images for mask in masks):
        return None
    return _parts(guess, images, masks)


def _parts(guess: PatternPair, images: set[str], masks: set[str]) -> dict[str, str]:
    parts = {image: guess.image.shared(image) for image in images}
    parts |= {mask: guess.mask.shared(mask) for mask in masks}
    return {folder: part for folder, part in parts.items() if part is not None}
