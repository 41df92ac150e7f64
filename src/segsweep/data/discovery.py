"""Find which mask belongs to which image, in these layouts:

- two folders, for example `images/` and `masks/`, flat or nested, with the same names below them
  (suffixes may differ). If the masks folder has a folder with the name of an image, all files in it
  are masks of that image.
- one folder in which each mask is named after its image (`x.png`, `x_mask.png`).
- a folder per image, or per patient, with `images/` and `masks/` inside. If `images/` has one image
  (as in the Data Science Bowl 2018), all files in `masks/` are its masks.
"""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from segsweep.core.errors import UserError
from segsweep.data.file_listing import Listing, image_name, list_images, name_key, relative_stem
from segsweep.data.issues import DataIssue
from segsweep.data.readers import READERS

MASK_SUFFIX = "_mask"

FilesByKey = dict[str, list[Path]]
"""Files by the `name_key` of the image that they belong to."""


@dataclass(frozen=True)
class Pair:
    """An image and its masks: one, or one for each object.

    `name` is the path of the image below the images folder, without suffix.
    """

    name: str
    image: Path
    masks: tuple[Path, ...]

    @property
    def file(self) -> str:
        """The path of the image below the images folder, with suffix."""
        return f"{self.name}{self.image.suffix}"


@dataclass
class PairedFiles:
    """The images and masks in the user's folders.

    Attributes:
        pairs: The usable images, in order of name.
        issues: What is wrong with the others.
        unusable: `name_key` of the others, with and without suffix.
    """

    pairs: list[Pair] = field(default_factory=list)
    issues: list[DataIssue] = field(default_factory=list)
    unusable: set[str] = field(default_factory=set)


def find_pairs(
    images: Path, masks: Path | None = None, mask_suffix: str = MASK_SUFFIX
) -> PairedFiles:
    """Pair the images with their masks. An image with an unusable mask file is left out.

    Args:
        images: Folder of images.
        masks: Folder of masks; None if the masks are in `images`.
        mask_suffix: End of a mask's name in a folder with images and masks.

    Raises:
        UserError: A folder does not exist, or it has no images or no masks.
    """
    for folder in filter(None, (images, masks)):
        if not folder.is_dir():
            found = "is a file" if folder.exists() else "no such folder"
            raise UserError(f"{folder}: {found}; expected a folder of images or masks")
    mask_suffix = name_key(mask_suffix)
    image_listing = list_images(images)
    if masks is None and _has_images_and_masks_folders(image_listing):
        images, masks = images / "images", images / "masks"
        image_listing = list_images(images)
    if masks is not None:
        mask_listing = list_images(masks, of_masks=True)
        image_files, mask_files = image_listing.by_key(), mask_listing.by_key()
        _remove_mask_suffix(mask_files, set(image_files), mask_suffix)
        _merge_folders_of_masks(mask_files, set(image_files))
        listings = [image_listing, mask_listing]
    else:
        image_files, mask_files = _split_one_folder(image_listing, mask_suffix)
        listings = [image_listing]
    if not image_files:
        raise UserError(
            f"{images}: found no images, expected files that end in {' '.join(READERS)}"
        )
    searched = (
        f"in {masks}" if masks else f"next to it (ending in {mask_suffix}, or in a folder masks/)"
    )
    for listing in listings:
        listing.rejected_keys |= {key.removesuffix(mask_suffix) for key in listing.rejected_keys}
    return _pair(image_files, mask_files, listings, images, searched)


def _has_images_and_masks_folders(listing: Listing) -> bool:
    """Return whether all files are in the subfolders `images/` and `masks/`."""
    subfolders = {file.relative_to(listing.folder).parts[0] for file in listing.files}
    return subfolders == {"images", "masks"}


def _pair(
    images: FilesByKey, masks: FilesByKey, listings: list[Listing], folder: Path, searched: str
) -> PairedFiles:
    """Pair the files by key; `searched` says in messages where a mask was searched."""
    result = PairedFiles(issues=[issue for listing in listings for issue in listing.issues])
    rejected = {key for listing in listings for key in listing.rejected_keys}
    names = Counter(name_key(image_name(f, folder)) for files in images.values() for f in files)
    for key in sorted(images):
        image = images[key][0]
        name = image_name(image, folder)
        if len(images[key]) > 1 or names[name_key(name)] > 1:
            clashing = images[key][1:] or images[key]
            result.issues += [_clash(file, image) for file in clashing]
        elif key in rejected or any(k in rejected for k in _keys_in_mask_folder(key, masks)):
            pass  # one of its files has an issue already
        elif key not in masks:
            found = f"has no mask with its name {searched}"
            todo = "add the mask (all black if there are no objects), or remove the image"
            result.issues.append(DataIssue("partner", str(image), found, todo))
        else:
            clashes = _find_clashing_masks(masks[key])
            if not clashes:
                result.pairs.append(Pair(name, image, tuple(sorted(masks[key]))))
                continue
            result.issues += clashes
        result.unusable |= {name_key(name), name_key(name + image.suffix)}
    for key in sorted(set(masks) - set(images) - rejected):
        found = f"has no image with its name in {folder}"
        todo = "add the image, or remove the mask"
        result.issues.append(DataIssue("partner", str(masks[key][0]), found, todo))
    for listing in listings:
        for file in listing.rejected_files:
            key = name_key(image_name(file, listing.folder))
            result.unusable |= {key, key + file.suffix.lower()}
    result.pairs.sort(key=lambda pair: pair.name)
    return result


def _keys_in_mask_folder(key: str, masks: FilesByKey) -> list[str]:
    """Return the keys of single masks in the folder with the masks of an image."""
    return [f"{key}/{name_key(mask.stem)}" for mask in masks.get(key, [])]


def _find_clashing_masks(masks: list[Path]) -> list[DataIssue]:
    """Return an issue for each mask of an image that has the name of another one."""
    first: dict[str, Path] = {}
    issues = []
    for mask in sorted(masks):
        other = first.setdefault(name_key(mask.stem.removesuffix(".ome")), mask)
        if other != mask:
            issues.append(_clash(mask, other))
    return issues


def _clash(file: Path, other: Path) -> DataIssue:
    return DataIssue(
        "clash",
        str(file),
        f"has the same name without suffix as {other.name} in {other.parent}",
        "rename one of them",
    )


def _remove_mask_suffix(masks: FilesByKey, images: set[str], mask_suffix: str) -> None:
    """Give masks that are named after an image plus suffix the key of that image."""
    for key in [k for k in masks if k.endswith(mask_suffix) and k not in images]:
        image_key = key[: -len(mask_suffix)]
        if image_key in images and image_key not in masks:
            masks[image_key] = masks.pop(key)


def _merge_folders_of_masks(masks: FilesByKey, images: set[str]) -> None:
    """Give masks in a folder with the name of an image the key of that image."""
    for key in list(masks):
        parent = key.rpartition("/")[0]
        if parent in images and key not in images:
            masks.setdefault(parent, []).extend(masks.pop(key))


def _split_one_folder(listing: Listing, mask_suffix: str) -> tuple[FilesByKey, FilesByKey]:
    """Return the images and the masks of a folder that has both."""
    subfolders = [_subfolder_of(file, listing.folder) for file in listing.files]
    if any(subfolder and subfolder.name == "masks" for subfolder in subfolders):
        return _split_by_subfolders(listing)
    images: FilesByKey = {}
    masks: FilesByKey = {}
    for key, files in listing.by_key().items():
        if key.endswith(mask_suffix):
            masks[key[: -len(mask_suffix)]] = files
        else:
            images[key] = files
    if not masks:
        raise UserError(
            f"{listing.folder}: found no masks, expected files named after their images with "
            f"{mask_suffix} before the suffix, or a second folder with the masks"
        )
    return images, masks


def _subfolder_of(file: Path, folder: Path) -> Path | None:
    """Return the nearest `images/` or `masks/` folder above a file and below `folder`."""
    below = [p for p in file.parents if p != folder and folder in p.parents]
    return next((p for p in below if p.name in ("images", "masks")), None)


def _split_by_subfolders(listing: Listing) -> tuple[FilesByKey, FilesByKey]:
    """Return images and masks where folders, of an image or of a patient, have both."""
    images: FilesByKey = {}
    masks: FilesByKey = {}
    files_in: dict[Path, list[Path]] = {}
    for file in listing.files:
        subfolder = _subfolder_of(file, listing.folder)
        if subfolder is None:  # it has no masks, which becomes an issue
            images.setdefault(name_key(relative_stem(file, listing.folder)), []).append(file)
        else:
            files_in.setdefault(subfolder, []).append(file)
    with_rejected = {_subfolder_of(file, listing.folder) for file in listing.rejected_files}

    def key_in(subfolder: Path, file: Path) -> str:
        parent = subfolder.parent.relative_to(listing.folder)
        return name_key((parent / relative_stem(file, subfolder)).as_posix())

    only_image: dict[Path, str] = {}  # by parent folder, the key of its only image
    for subfolder, files in sorted(files_in.items()):
        if subfolder.name == "images":
            for file in files:
                images.setdefault(key_in(subfolder, file), []).append(file)
            masks_folder = subfolder.with_name("masks")
            mask_keys = [key_in(masks_folder, mask) for mask in files_in.get(masks_folder, [])]
            paired_by_name = len(mask_keys) > 1 and key_in(subfolder, files[0]) in mask_keys
            if len(files) == 1 and subfolder not in with_rejected and not paired_by_name:
                only_image[subfolder.parent] = key_in(subfolder, files[0])
    for subfolder, files in sorted(files_in.items()):
        for file in files if subfolder.name == "masks" else []:
            key = only_image.get(subfolder.parent) or key_in(subfolder, file)
            masks.setdefault(key, []).append(file)
    for file in listing.rejected_files:
        subfolder = _subfolder_of(file, listing.folder)
        if subfolder is not None:
            key = only_image.get(subfolder.parent) or key_in(subfolder, file)
            listing.rejected_keys.add(key)
    return images, masks
