"""Tell images from masks in one folder with both, by the names of its subfolders or files."""

import os
from collections.abc import Callable
from pathlib import Path, PurePath

from segsweep.core.errors import UserError
from segsweep.data.discovery import FilesByKey, FoundFiles
from segsweep.data.file_listing import Listing, name_key, relative_stem
from segsweep.data.folder_names import folder_role

GIVE_TWO = (
    "give the folder of images and the folder of masks: segsweep import-data IMAGES_DIR MASKS_DIR"
)


def find_two_subfolders(listing: Listing) -> tuple[Path, Path] | None:
    """Return the folder of images and the folder of masks if all files are in two such folders.

    The name of the folder of images may be any if the other one is called as folders of masks are.
    """
    paths = [file.relative_to(listing.folder).parts for file in listing.files]
    names = {path[0] for path in paths}
    by_role = {folder_role(name): listing.folder / name for name in names}
    if len(names) != 2 or any(len(path) < 2 for path in paths):
        return None
    if by_role.keys() == {"images", "masks"}:
        return by_role["images"], by_role["masks"]
    if by_role.keys() != {None, "masks"}:
        return None
    images, masks = by_role[None], by_role["masks"]
    inside = {path[1] for path in paths if path[0] == masks.name}
    other_masks = any(folder_role(part) for path in paths for part in path[1:-1])
    return None if images.name in inside or other_masks else (images, masks)


def separate(images: Listing, masks: Listing) -> None:
    """Remove the files of a folder of masks inside the folder of images, or the other way round."""
    if os.path.realpath(images.folder) == os.path.realpath(masks.folder):
        raise UserError(
            f"{masks.folder}: is given as the folder of images and as that of masks; give two "
            "folders, or one if each mask is named after its image (x.png, x_mask.png)"
        )
    for outer, inner in ((images, masks), (masks, images)):
        inside = _path_inside(inner.folder, outer.folder)
        if inside is not None:
            _hide(outer, outer.folder / inside)


def _hide(listing: Listing, folder: Path) -> None:
    """Remove the files below a folder from a listing."""
    listing.keep(lambda file: file != folder and folder not in file.parents)


def _path_inside(inner: Path, outer: Path) -> PurePath | None:
    """Return the path of one folder below another, None if it is not there."""
    for resolve in (os.path.abspath, os.path.realpath):
        path = PurePath(resolve(inner))
        if path.is_relative_to(resolve(outer)):
            return path.relative_to(resolve(outer))
    return None


def has_folders_of_masks(listing: Listing) -> bool:
    """Return whether any file is in a folder of masks."""
    folders = _RoleFolders(listing.folder)
    return any(folders.role(file) == "masks" for file in listing.files)


def split_by_folders(listing: Listing) -> FoundFiles:
    """Return images and masks where folders, of an image or of a patient, have both.

    Images are in a folder of images, or next to the folder of masks. If a folder of images has one
    image (as in the Data Science Bowl 2018), all masks next to it are its masks.

    Raises:
        UserError: Several folders of images, or of masks, are next to each other, or a folder that
            may have either is next to them.
    """
    folders = _RoleFolders(listing.folder)
    images: FilesByKey = {}
    masks: FilesByKey = {}
    images_in: dict[Path, list[str]] = {}
    masks_in: dict[Path, list[tuple[str, Path]]] = {}
    for file in listing.files:
        key, base = folders.key(file), folders.base(file)
        if folders.role(file) == "masks":
            masks_in.setdefault(base, []).append((key, file))
            continue
        images.setdefault(key, []).append(file)
        if folders.role(file) == "images":
            images_in.setdefault(base, []).append(key)
    folders.check_unambiguous(listing.files)
    folders.check_no_others(listing.files)
    with_rejected = {
        folders.base(file) for file in listing.rejected_files if folders.role(file) == "images"
    }
    only_image: dict[Path, str] = {}  # by base folder, the key of its only image
    for base, keys in images_in.items():
        mask_keys = [key for key, _ in masks_in.get(base, [])]
        is_paired_by_name = len(mask_keys) > 1 and keys[0] in mask_keys
        if len(keys) == 1 and base not in with_rejected and not is_paired_by_name:
            only_image[base] = keys[0]
    for base, members in masks_in.items():
        for key, file in members:
            masks.setdefault(only_image.get(base) or key, []).append(file)
    rejected_images, rejected_masks = set(), set()
    for file in listing.rejected_files:
        if folders.role(file) == "masks":
            rejected_masks.add(only_image.get(folders.base(file)) or folders.key(file))
        else:
            rejected_images.add(folders.key(file))
    searched = "in a folder of masks next to it"
    return FoundFiles(
        listing.folder, images, masks, rejected_images, rejected_masks, [listing], searched
    )


class _RoleFolders:
    """Finds for a file its folder of images or masks below `top`, the nearest one."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.found: dict[Path, Path | None] = {}

    def _folder(self, file: Path) -> Path | None:
        parent = file.parent
        if parent not in self.found:
            below = [p for p in (parent, *parent.parents) if self.top in p.parents]
            self.found[parent] = next((p for p in below if folder_role(p.name)), None)
        return self.found[parent]

    def role(self, file: Path) -> str | None:
        """Return `images`, `masks`, or None for a file that is in no such folder."""
        folder = self._folder(file)
        return folder_role(folder.name) if folder else None

    def base(self, file: Path) -> Path:
        """Return the folder that has the folders of images and masks."""
        folder = self._folder(file) or self.top
        while folder != self.top and folder_role(folder.name):
            folder = folder.parent
        return folder

    def key(self, file: Path) -> str:
        """Return the key of a file: its path without the folders of images and masks."""
        folder = self._folder(file) or self.top
        parent = self.base(file).relative_to(self.top)
        return name_key((parent / relative_stem(file, folder)).as_posix())

    def check_unambiguous(self, files: list[Path]) -> None:
        """Raise `UserError` if one folder has several folders of images, or several of masks."""
        first: dict[tuple[Path, str | None], Path] = {}
        for parent in sorted({file.parent for file in files}):
            folder = self._folder(parent / "x")
            if folder is None:
                continue
            place = (self.base(parent / "x"), folder_role(folder.name))
            other = first.setdefault(place, folder)
            if other != folder:
                raise UserError(
                    f"{place[0]}: found two folders of {place[1]}, {other.name} and {folder.name}, "
                    f"expected one; {GIVE_TWO}"
                )

    def check_no_others(self, files: list[Path]) -> None:
        """Raise `UserError` if a folder is next to a folder of images and a folder of masks.

        Its name does not say what it has: the masks may be there (as in DRIVE, where `mask` has the
        fields of view).
        """
        roles: dict[Path, dict[str, Path]] = {}
        others: dict[Path, Path] = {}
        for file in files:
            if role := self.role(file):
                roles.setdefault(self.base(file), {})[role] = self._folder(file) or file
            else:
                others.setdefault(file.parent, file)
        for parent in sorted(others):
            for base in parent.parents:
                if base != self.top and self.top not in base.parents:
                    break
                if roles.get(base, {}).keys() == {"images", "masks"}:
                    known = [roles[base][role].relative_to(base) for role in ("images", "masks")]
                    raise UserError(
                        f"{base}: found {parent.relative_to(base)} (with {others[parent].name}) "
                        f"next to {known[0]} and {known[1]}, expected only a folder of images and "
                        f"a folder of masks; move the folders of other files away, or {GIVE_TWO}"
                    )


def split_by_names(listing: Listing, is_mask: Callable[[str], bool], searched: str) -> FoundFiles:
    """Return images and masks of a folder where the name of a file says what it is.

    Args:
        listing: The files.
        is_mask: Returns whether a file with this key is a mask.
        searched: Where masks were searched, for messages.
    """
    images: FilesByKey = {}
    masks: FilesByKey = {}
    for key, files in listing.by_key().items():
        (masks if is_mask(key) else images)[key] = files
    rejected_masks = {key for key in listing.rejected_keys if is_mask(key)}
    rejected_images = listing.rejected_keys - rejected_masks
    return FoundFiles(
        listing.folder, images, masks, rejected_images, rejected_masks, [listing], searched
    )
