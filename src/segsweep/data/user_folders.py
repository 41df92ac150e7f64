"""Find images and masks in the user's folders, in any of these layouts:

- two folders, for example `images/` and `masks/`, flat or nested, with the same names below them.
  The folder of masks may be inside the folder of images. Or two files with equally many pages.
- one folder in which each mask is named after its image (`x.png`, `x_mask.png`).
- a folder per image, or per patient, with a folder of images and a folder of masks inside.

If the names of images and masks differ, `--image-pattern` and `--mask-pattern` say how. Without
them the difference is guessed if it is the same for all; the guess is an issue of kind `pairing`.
"""

from dataclasses import dataclass
from pathlib import Path

from segsweep.core.errors import UserError
from segsweep.data.discovery import (
    FoundFiles,
    PairedFiles,
    check_any_images,
    check_folder,
    describe_rejected,
    pair_files,
    two_folders,
)
from segsweep.data.extra_files import leave_out_overlays
from segsweep.data.file_listing import Listing, list_file, list_images, name_key
from segsweep.data.folder_layouts import (
    find_two_subfolders,
    has_folders_of_masks,
    separate,
    split_by_folders,
    split_by_names,
)
from segsweep.data.folder_pairs import split_by_folder_pairs
from segsweep.data.issues import DataIssue
from segsweep.data.mask_names import MASK_SUFFIX, MaskNames, images_of_masks
from segsweep.data.name_checks import check_numbering, check_order
from segsweep.data.name_guesses import (
    guess_by_folders,
    guess_mask_names,
    guess_patterns,
    is_numbered_mask,
    split_by_words,
)
from segsweep.data.name_kinds import refuse_channels, refuse_kinds, refuse_kinds_in_one_folder
from segsweep.data.name_patterns import NamePattern, PatternPair
from segsweep.data.pattern_pairs import pair_by_file_name, pair_by_guess, pair_by_patterns
from segsweep.data.readers import READERS

MAX_FOLDERS = 4
"""Number of subfolders among which a message says to choose; more may be one for each image."""


@dataclass(frozen=True)
class NameRules:
    """What the user says about the names of images and masks; None where nothing is said."""

    mask_suffix: str | None = None
    image_pattern: NamePattern | None = None
    mask_pattern: NamePattern | None = None

    @property
    def has_any(self) -> bool:
        return self.mask_suffix is not None or self.has_patterns

    @property
    def has_patterns(self) -> bool:
        return self.image_pattern is not None or self.mask_pattern is not None

    def patterns(self, mask_default: NamePattern) -> PatternPair:
        """Return both patterns; an image has the shared part as its name by default."""
        return PatternPair(self.image_pattern or NamePattern(), self.mask_pattern or mask_default)


def find_user_pairs(
    images: Path, masks: Path | None = None, rules: NameRules | None = None
) -> PairedFiles:
    """Pair the images with their masks. An image with an unusable mask file is left out.

    Args:
        images: Folder of images, or one file.
        masks: Folder of masks, or one file; None if the masks are in `images`.
        rules: What the user says about names.

    Raises:
        UserError: A folder does not exist, or it has no images or no masks, or it is not clear
            which mask belongs to which image.
    """
    if masks is not None and images.is_file() and masks.is_file():
        return _pair_two_files(images, masks)
    for folder in filter(None, (images, masks)):
        check_folder(folder)
    rules = rules or NameRules()
    if masks is None:
        listing = list_images(images)
        subfolders = find_two_subfolders(listing)
        if subfolders is None:
            left_out = [] if rules.has_any else leave_out_overlays(listing)
            return _with_issues(_pair_one_folder(listing, rules), left_out)
        images, masks = subfolders
    else:
        check_order(images, masks)
    image_listing, mask_listing = list_images(images), list_images(masks, of_masks=True)
    separate(image_listing, mask_listing)
    left_out = []
    if not rules.has_any:
        left_out = leave_out_overlays(image_listing) + leave_out_overlays(mask_listing)
    files = two_folders(image_listing, mask_listing)
    return _with_issues(_pair_by_names(files, rules, NamePattern()), left_out)


def _with_issues(result: PairedFiles, issues: list[DataIssue]) -> PairedFiles:
    result.issues += issues
    return result


def _pair_two_files(image: Path, mask: Path) -> PairedFiles:
    """Pair one image file with one mask file, whatever their names are."""
    files = two_folders(list_file(image), list_file(mask, of_masks=True))
    _check_any_masks(files, "")
    check_any_images(files)
    (key,) = files.images
    return pair_files(files, lambda _: key)


def _pair_one_folder(listing: Listing, rules: NameRules) -> PairedFiles:
    """Pair the images and masks in one folder."""
    suffix = name_key(rules.mask_suffix or MASK_SUFFIX)
    whole_path = any(p and p.whole_path for p in (rules.image_pattern, rules.mask_pattern))
    if has_folders_of_masks(listing) and not whole_path:
        return _pair_by_names(split_by_folders(listing), rules, NamePattern())
    if not whole_path and (by_folders := split_by_folder_pairs(listing)):
        files, issue = by_folders
        return _with_issues(_pair_by_names(files, rules, NamePattern()), [issue])
    mask_pattern = NamePattern(suffix=suffix)
    if rules.has_patterns:
        patterns = rules.patterns(mask_pattern)
        files = split_by_names(listing, patterns.is_mask, "next to it")
        return _pair_by_names(files, rules, mask_pattern)
    file_names = {name_key(file.relative_to(listing.folder).as_posix()) for file in listing.files}
    searched = f"next to it (ending in {suffix}, or in a folder masks/)"
    with_mask = images_of_masks(listing.by_key(), suffix)
    files = split_by_names(
        listing,
        lambda key: (
            key in file_names or (is_numbered_mask(key, mask_pattern) and key not in with_mask)
        ),
        searched,
    )
    if files.masks or rules.mask_suffix:
        return _pair_by_names(files, rules, mask_pattern)
    keys = set(files.images)
    if guess := guess_mask_names(keys):
        files = split_by_names(listing, lambda key: is_numbered_mask(key, guess.mask), "next to it")
        _check_any_masks(files, suffix)
        ending = guess.mask.suffix
        names = MaskNames(files.images, files.rejected_images, ending) if ending else None
        return pair_by_guess(files, guess, names)
    if by_words := split_by_words(keys):
        files = split_by_names(listing, lambda key: key in by_words[1], "next to it")
    refuse_kinds_in_one_folder(keys, listing.folder)
    return _pair_by_names(files, rules, mask_pattern)


def _pair_by_names(files: FoundFiles, rules: NameRules, mask_pattern: NamePattern) -> PairedFiles:
    """Pair by the given patterns, or by equal names, or by a guess if no names are equal.

    Args:
        files: The files.
        rules: What the user says about names.
        mask_pattern: The default of `--mask-pattern`.
    """
    if rules.has_patterns:
        return pair_by_patterns(files, rules.patterns(mask_pattern))
    check_any_images(files)
    _check_any_masks(files, rules.mask_suffix or MASK_SUFFIX)
    names = MaskNames(
        files.images, files.rejected_images, name_key(rules.mask_suffix or MASK_SUFFIX)
    )
    if rules.mask_suffix or any(names.image_key(key) for key in files.masks):
        mask_keys = {names.image_key(key) or key for key in files.masks}
        check_numbering(files.images, mask_keys, files.folder)
        return pair_files(files, names.image_key, names.find_doubtful(files.masks))
    refuse_channels(files)
    images, masks = set(files.images), set(files.masks)
    guess = guess_by_folders(images, masks) or guess_patterns(images, masks)
    if guess is not None:
        return pair_by_guess(files, guess)
    refuse_kinds(images, masks, files.folder)
    if by_file_name := pair_by_file_name(files):
        return by_file_name
    result = pair_files(files, names.image_key)
    if any(issue.kind != "partner" for issue in result.issues):
        return result
    image, mask = (next(iter(paths.values()))[0].name for paths in (files.images, files.masks))
    raise UserError(
        f"{files.folder}: found {len(files.images)} names of images (such as {image}) and "
        f"{len(files.masks)} of masks (such as {mask}), and no mask has the name of an image; "
        "rename them, or say what their names share: --image-pattern '{}_a' --mask-pattern '{}_b' "
        "pairs x_a.png with x_b.png"
    )


def _check_any_masks(files: FoundFiles, suffix: str) -> None:
    """Raise `UserError` if there are no masks: what is wrong with them, or that none was found."""
    if files.masks:
        return
    masks = files.listings[-1]
    if len(files.listings) > 1:
        expected = f"files that end in {' '.join(READERS)}"
    else:
        expected = (
            f"files named after their images with {suffix} before the suffix, or a second folder "
            "with the masks"
        )
        folders = sorted(
            {file.relative_to(masks.folder).parts[0] for file in masks.files}
            - {file.name for file in masks.files}
        )
        if 1 < len(folders) <= MAX_FOLDERS:
            expected += f" (of the subfolders {', '.join(folders)}: give two of them)"
        elif folders:
            expected += f" (there are {len(folders)} subfolders, such as {folders[0]})"
    raise UserError(
        f"{masks.folder}: found no masks{describe_rejected(masks)}, expected {expected}"
    )
