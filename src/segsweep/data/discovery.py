"""Pair images with their masks by name, and report the files that have no partner."""

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

from segsweep.core.errors import UserError
from segsweep.data.file_listing import Listing, image_name, list_images, name_key, relative_stem
from segsweep.data.issues import DataIssue
from segsweep.data.mask_names import FilesByKey, MaskNames, find_kinds
from segsweep.data.readers import READERS, written_suffix


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
        return f"{self.name}{written_suffix(self.image)}"


@dataclass
class PairedFiles:
    """The images and masks in the user's folders.

    Attributes:
        pairs: The usable images, in order of name.
        issues: What is wrong with the others, and what was guessed.
        unusable: `name_key` of the others, with and without suffix.
    """

    pairs: list[Pair] = field(default_factory=list)
    issues: list[DataIssue] = field(default_factory=list)
    unusable: set[str] = field(default_factory=set)


@dataclass
class FoundFiles:
    """The files that may be images, and those that may be masks, before they are paired.

    Attributes:
        folder: The folder to which the names of images are relative.
        images: The usable images by their keys.
        masks: The usable masks by their keys.
        rejected_images: Keys of images that cannot be used.
        rejected_masks: Keys of masks that cannot be used.
        listings: The listings of the files.
        searched: Where a mask was searched, for messages.
    """

    folder: Path
    images: FilesByKey
    masks: FilesByKey
    rejected_images: set[str]
    rejected_masks: set[str]
    listings: list[Listing]
    searched: str


def find_pairs(images: Path, masks: Path) -> PairedFiles:
    """Pair the images of one folder with the masks of another.

    An image with an unusable mask file is left out.

    Raises:
        UserError: A folder does not exist, or it has no images.
    """
    for folder in (images, masks):
        check_folder(folder)
    files = two_folders(list_images(images), list_images(masks, of_masks=True))
    check_any_images(files)
    names = MaskNames(files.images, files.rejected_images)
    return pair_files(files, names.image_key, names.find_doubtful(files.masks))


def check_folder(folder: Path) -> None:
    """Raise `UserError` unless this is a folder."""
    if not folder.is_dir():
        found = "is a file" if folder.exists() else "no such folder"
        raise UserError(f"{folder}: {found}; expected a folder of images or masks")


def two_folders(images: Listing, masks: Listing) -> FoundFiles:
    """Return the files of a folder of images and a folder of masks."""
    return FoundFiles(
        images.folder,
        images.by_key(),
        masks.by_key(),
        images.rejected_keys,
        masks.rejected_keys,
        [images, masks],
        f"in {masks.folder}",
    )


def check_any_images(files: FoundFiles) -> None:
    """Raise `UserError` if there are no images: what is wrong with them, or that none was found."""
    if not files.images:
        raise UserError(
            f"{files.folder}: found no images{describe_rejected(files.listings[0])}, expected "
            f"files that end in {' '.join(READERS)}"
        )


def describe_rejected(listing: Listing) -> str:
    """Return what is wrong with the first rejected file, or nothing if there is none."""
    if not listing.issues:
        return ""
    others = len(listing.issues) - 1
    more = f", and {others} more files cannot be used" if others else ""
    return f" that can be used ({listing.issues[0]}{more})"


def pair_files(
    files: FoundFiles,
    image_key: Callable[[str], str | None],
    doubtful: Collection[str] = (),
) -> PairedFiles:
    """Pair the images with their masks, and report those that cannot be paired.

    Args:
        files: The files.
        image_key: Returns the key of the image of a mask, or None.
        doubtful: Keys of images of which it is not clear which masks they have.
    """
    masks: FilesByKey = {}
    for key, paths in files.masks.items():
        masks.setdefault(image_key(key) or key, []).extend(paths)
    doubtful = {*doubtful, *find_kinds(masks)}
    rejected = files.rejected_images | files.rejected_masks
    rejected |= {image_key(key) or key for key in files.rejected_masks}
    result = PairedFiles(issues=[issue for listing in files.listings for issue in listing.issues])
    names = {
        path: image_name(path, files.folder) for paths in files.images.values() for path in paths
    }
    count = Counter(map(name_key, names.values()))
    for key in sorted(files.images):
        image, *others = files.images[key]
        name = names[image]
        if others or count[name_key(name)] > 1:
            result.issues += [_clash(file, image) for file in others or [image]]
        elif key in rejected:
            pass  # one of its files has an issue already
        elif issues := _find_mask_issues(
            image, masks.get(key, []), key in doubtful, files.searched
        ):
            result.issues += issues
        else:
            result.pairs.append(Pair(name, image, tuple(sorted(masks[key]))))
            continue
        result.unusable |= {name_key(name), name_key(name + written_suffix(image))}
    for key in sorted(set(masks) - set(files.images) - rejected):
        found = f"has no image with its name in {files.folder}"
        todo = "add the image, or remove the mask"
        result.issues.append(DataIssue("partner", str(masks[key][0]), found, todo))
    for listing in files.listings:
        for file in listing.rejected_files:
            key = name_key(image_name(file, listing.folder))
            result.unusable |= {key, key + written_suffix(file).lower()}
    result.pairs.sort(key=lambda pair: pair.name)
    return result


def _find_mask_issues(
    image: Path, masks: list[Path], is_doubtful: bool, searched: str
) -> list[DataIssue]:
    """Return why an image has no usable set of masks; an empty list if it has."""
    if not masks:
        found = f"has no mask with its name {searched}"
        todo = "add the mask (all black if there are no objects), or remove the image"
        return [DataIssue("partner", str(image), found, todo)]
    if is_doubtful:
        names = ", ".join(mask.name for mask in sorted(masks))
        found = f"has masks of two kinds of names ({names}), which may not all be its masks"
        todo = (
            "keep those of one kind (by --mask-pattern, or by moving the others away), or, if all "
            "are objects of it, give them names that differ in a number only (x_mask_1, x_mask_2)"
        )
        return [DataIssue("clash", str(image), found, todo)]
    first: dict[str, Path] = {}
    issues = []
    todo = "move one of them away, or, if both are masks of the image, rename one"
    for mask in sorted(masks):
        other = first.setdefault(name_key(relative_stem(mask, mask.parent)), mask)
        if other != mask:
            issues.append(_clash(mask, other, todo))
    return issues


def _clash(file: Path, other: Path, todo: str = "rename one of them") -> DataIssue:
    found = f"has the same name without suffix as {other.name} in {other.parent}"
    return DataIssue("clash", str(file), found, todo)
