"""The image files below a folder, and what there cannot be taken."""

import os
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from segsweep.core.errors import UserError
from segsweep.data.issues import NOT_PERMITTED, Problem, UnusableError
from segsweep.data.readers import FORMATS

OTHER_FORMATS = frozenset(
    """
    .gif .webp .jp2 .j2k .heic .avif .tga .pgm .ppm .pbm .nii .gz .mha .mhd .nrrd .ima .mrc .h5
    .hdf5 .mat .npz .svs .ndpi .czi .lif .nd2 .lsm .stk .dv .ims
    """.split()  # noqa: SIM905, a list of quotes is harder to read
)
"""What holds images, and is not read here; files of any other kind are passed over."""


@dataclass
class Listing:
    """`files` in order of name; `problems`, and the keys of places that they `spoil`."""

    folder: Path
    of_masks: bool = False
    files: list[Path] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    spoiled: set[str] = field(default_factory=set)
    spoiled_files: list[Path] = field(default_factory=list)

    def by_place(self) -> dict[str, list[Path]]:
        """The files by the key of their place; more than one at a place cannot be told apart."""
        found: dict[str, list[Path]] = {}
        for file in self.files:
            found.setdefault(key_of_name(raw_place(file, self.folder)), []).append(file)
        return found

    def spoil(self, file: Path, kind: str, found: str, todo: str) -> None:
        self.problems.append(Problem(kind, str(file), found, todo))
        self.spoiled_files.append(file)
        self.spoiled.add(key_of_name(file.relative_to(self.folder).as_posix()))
        if not file.is_dir():  # a point in a folder's name begins no suffix
            self.spoiled.add(key_of_name(raw_place(file, self.folder)))
        if self.of_masks:  # an image's masks may lie in a folder of its name
            above = file.relative_to(self.folder).parents
            self.spoiled |= {key_of_name(parent.as_posix()) for parent in above} - {"."}


def list_images(folder: Path, of_masks: bool = False) -> Listing:
    """All image files below `folder`; what is hidden is passed over, what is faulty told."""
    listing = Listing(folder, of_masks)
    inside = os.path.realpath(folder)

    def closed(error: OSError) -> None:
        if Path(error.filename) == folder:
            raise UserError(UnusableError(*NOT_PERMITTED).at(folder).sentence())
        listing.spoil(Path(error.filename), *NOT_PERMITTED)

    for parent, folders, names in os.walk(folder, onerror=closed):
        folders[:] = sorted(name for name in folders if name[0] != ".")
        for name in folders:
            if (Path(parent) / name).is_symlink():
                _refuse_link(listing, Path(parent) / name)
        for name in sorted(names):
            if name[0] != ".":
                _take(listing, Path(parent) / name, inside)
    return listing


def _take(listing: Listing, file: Path, inside: str) -> None:
    suffix = file.suffix.lower()
    if suffix not in FORMATS:
        if suffix in OTHER_FORMATS:
            known = " ".join(FORMATS)
            listing.spoil(file, "format", f"is a {suffix} file", f"expected {known}; convert it")
        elif not suffix and file.is_file() and _is_dicom(file):
            listing.spoil(file, "format", "is DICOM without a suffix", "name it with .dcm")
    elif not _is_utf8(str(file)):
        listing.spoil(file, "format", "has a name that is not UTF-8", "rename it")
    elif file.is_symlink() and not os.path.realpath(file).startswith(inside + os.sep):
        _refuse_link(listing, file)
    elif not os.path.exists(file):
        listing.spoil(file, "unreadable", "is a link to nothing", "remove it")
    elif not file.is_file():
        listing.spoil(file, "unreadable", "is no regular file", "remove it")
    else:
        listing.files.append(file)


def _refuse_link(listing: Listing, link: Path) -> None:
    found = f"is a symbolic link to {link.readlink()}"
    listing.spoil(link, "outside", found, "copy what it points to into the folder")


def _is_dicom(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(132)[128:] == b"DICM"


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def key_of_name(name: str) -> str:
    """Names that one file system or another takes for the same have the same key."""
    return unicodedata.normalize("NFC", name).casefold()


def raw_place(file: Path, folder: Path) -> str:
    """A file's place below a folder without its suffix; `x.ome.tif` is called x."""
    return (file.parent.relative_to(folder) / file.stem.removesuffix(".ome")).as_posix()


def place_of(file: Path, folder: Path) -> str:
    """The name that an image gets: its place, with ID/images/ID called ID, p/images/x called p/x.

    Of masks, p/masks/x is called p/x likewise.
    """
    parts = raw_place(file, folder).split("/")
    if len(parts) > 2 and parts[-2] in ("images", "masks"):
        del parts[-2]
        if parts[-1] == parts[-2]:
            del parts[-1]
    return unicodedata.normalize("NFC", "/".join(parts))
