"""List the image files below a folder, and report the files that cannot be used."""

import os
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from segsweep.core.errors import UserError
from segsweep.core.expected_inputs import check_complete
from segsweep.data.decoded_image import SAVE_IN_FIJI
from segsweep.data.dicom_reader import is_dicom
from segsweep.data.folder_names import IGNORED_FOLDERS, folder_role
from segsweep.data.issues import NO_PERMISSION, DataIssue, InvalidImageError
from segsweep.data.readers import READERS, image_suffix, written_suffix

UNSUPPORTED_SUFFIXES = {
    **dict.fromkeys((".heic", ".avif"), "save it as PNG, for example in GIMP"),
    **dict.fromkeys(
        (
            *(".mha", ".mhd", ".nrrd", ".mrc", ".dv", ".ims"),
            *(".czi", ".lif", ".nd2", ".lsm", ".stk"),
        ),
        SAVE_IN_FIJI,
    ),
    **dict.fromkeys((".svs", ".ndpi"), "save its regions as TIFF, for example in QuPath"),
    **dict.fromkeys((".h5", ".hdf5", ".mat", ".npz"), "save each image in it as .npy or TIFF"),
    ".gz": "unpack it (gunzip)",
}
"""What to do about image formats that are not supported, by suffix; files with any other suffix are
ignored."""


@dataclass
class Listing:
    """The image files below a folder.

    Attributes:
        folder: The folder.
        of_masks: Whether the files are masks.
        files: The usable files, in order of name.
        issues: What is wrong with the others.
        rejected_files: Paths of the others.
        rejected_keys: `name_key` of every image that a rejected file could belong to.
    """

    folder: Path
    of_masks: bool = False
    files: list[Path] = field(default_factory=list)
    issues: list[DataIssue] = field(default_factory=list)
    rejected_files: list[Path] = field(default_factory=list)
    rejected_keys: set[str] = field(default_factory=set)

    def by_key(self) -> dict[str, list[Path]]:
        """Return the files by the key of their relative path without suffix."""
        files: dict[str, list[Path]] = {}
        for file in self.files:
            files.setdefault(name_key(relative_stem(file, self.folder)), []).append(file)
        return files

    def keep(self, is_kept: Callable[[Path], bool]) -> list[Path]:
        """Remove all files for which `is_kept` is false, and return them."""
        removed = [file for file in (*self.files, *self.rejected_files) if not is_kept(file)]
        if removed:
            others = set(removed)
            issues, self.issues = self.issues, []
            rejected, self.rejected_files = self.rejected_files, []
            self.files = [file for file in self.files if file not in others]
            self.rejected_keys.clear()
            for file, issue in zip(rejected, issues, strict=True):
                if file not in others:
                    self.reject(file, issue.kind, issue.found, issue.todo)
        return removed

    def reject(self, file: Path, kind: str, found: str, todo: str) -> None:
        """Add an issue of `file`, which is then not in `files`."""
        self.issues.append(DataIssue(kind, str(file), found, todo))
        self.rejected_files.append(file)
        self.rejected_keys.add(name_key(file.relative_to(self.folder).as_posix()))
        if not file.is_dir():  # a dot in a folder's name does not begin a suffix
            self.rejected_keys.add(name_key(relative_stem(file, self.folder)))
        if self.of_masks:  # the masks of an image may be in a folder with the image's name
            parents = file.relative_to(self.folder).parents
            self.rejected_keys |= {name_key(parent.as_posix()) for parent in parents} - {"."}


def list_images(folder: Path, of_masks: bool = False) -> Listing:
    """List all image files below `folder`, except hidden ones and those in `__MACOSX`."""
    listing = Listing(folder, of_masks)
    real_folder = os.path.realpath(folder)

    def on_error(error: OSError) -> None:
        if Path(error.filename) == folder:
            raise UserError(str(InvalidImageError(*NO_PERMISSION).as_issue(folder)))
        listing.reject(Path(error.filename), *NO_PERMISSION)

    found = []
    for parent, folders, names in os.walk(folder, onerror=on_error):
        folders[:] = sorted(
            name for name in folders if name[0] != "." and name.casefold() not in IGNORED_FOLDERS
        )
        for name in folders:
            if (Path(parent) / name).is_symlink():
                _reject_link(listing, Path(parent) / name)
        for name in sorted(names):
            if name[0] != ".":
                found.append(Path(parent) / name)
                _add_file(listing, Path(parent) / name, real_folder)
    check_complete(folder, (file for file in found if file.is_file()))
    return listing


def list_file(file: Path, of_masks: bool = False) -> Listing:
    """Return the listing of one file."""
    listing = Listing(file.parent, of_masks)
    _add_file(listing, file, os.path.realpath(file.parent))
    return listing


def _add_file(listing: Listing, file: Path, real_folder: str) -> None:
    """Add a file to the listing, reject it, or ignore it if it is not an image."""
    suffix = image_suffix(file)
    if suffix in UNSUPPORTED_SUFFIXES:
        listing.reject(file, "format", f"is a {suffix} file", UNSUPPORTED_SUFFIXES[suffix])
    elif suffix not in READERS or (not written_suffix(file) and not _is_dicom(listing, file)):
        pass  # not an image
    elif not _is_utf8(str(file)):
        listing.reject(file, "format", "has a name that is not UTF-8", "rename it")
    elif file.is_symlink() and not os.path.realpath(file).startswith(real_folder + os.sep):
        _reject_link(listing, file)
    elif not os.path.exists(file):
        listing.reject(file, "unreadable", "is a broken symbolic link", "remove it")
    elif not file.is_file():
        listing.reject(file, "unreadable", "is not a regular file", "remove it")
    else:
        listing.files.append(file)


def _reject_link(listing: Listing, link: Path) -> None:
    found = f"is a symbolic link to {link.readlink()}"
    listing.reject(link, "outside", found, "replace the link by a copy of what it points to")


def _is_dicom(listing: Listing, file: Path) -> bool:
    """Return whether a file without suffix is a DICOM file; reject it if it cannot be read."""
    try:
        return file.is_file() and is_dicom(file)
    except PermissionError:
        listing.reject(file, *NO_PERMISSION)
        return False


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def name_key(name: str) -> str:
    """Return a key that is equal for names which some file system treats as the same name."""
    return unicodedata.normalize("NFC", name).casefold()


def relative_stem(file: Path, folder: Path) -> str:
    """Return a file's path relative to `folder`, without suffix.

    `x.ome.tif` and `x.nii.gz` become `x`; DICOM files without suffix keep their whole name.
    """
    stem = file.name.removesuffix(written_suffix(file)).removesuffix(".ome")
    parent = file.parent
    return stem if parent == folder else (parent.relative_to(folder) / stem).as_posix()


def image_name(file: Path, folder: Path) -> str:
    """Return the name of an image or mask: its relative path without suffix.

    A folder `images/` or `masks/` (or a synonym) is left out: `p/images/x.png` and `p/masks/x.png`
    are called `p/x`, and `x/images/x.png` is called `x`.
    """
    parts = relative_stem(file, folder).split("/")
    if len(parts) > 2 and folder_role(parts[-2]):
        del parts[-2]
        if parts[-1] == parts[-2]:
            del parts[-1]
    return unicodedata.normalize("NFC", "/".join(parts))
