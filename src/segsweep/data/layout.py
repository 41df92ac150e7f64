"""Which mask belongs to which image, in the layouts that researchers have.

- two folders, `images/` and `masks/`, with the same names below them (suffixes may differ), nested
  or flat; where the masks folder has a folder of an image's name, all files in it are its masks;
- one folder in which each mask is named after its image (`x.png`, `x_mask.png`);
- one folder per image with `images/` and `masks/` inside (as in the Data Science Bowl of 2018).
"""

import os
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from segsweep.data.decode import FORMATS
from segsweep.data.problems import Problem
from segsweep.errors import UserError

MASK_SUFFIX = "_mask"


@dataclass(frozen=True)
class Pair:
    """An image with its masks (one, or one per object). `name` is its place without suffix."""

    name: str
    image: Path
    masks: tuple[Path, ...]
    parent: str = ""
    """The folder directly below the images' folder that it lies in, if any."""


@dataclass
class Layout:
    """The pairs of a folder, in order of name, and what is wrong with the rest."""

    pairs: list[Pair] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def find_pairs(images: Path, masks: Path | None = None, suffix: str = MASK_SUFFIX) -> Layout:
    """The pairs in two folders, or in one. Raises `UserError` when there are no images at all."""
    found = Layout()
    for folder in filter(None, (images, masks)):
        if not folder.is_dir():
            raise UserError(f"{folder}: no such folder; expected images or masks there")
    if masks is not None:
        image_files = _by_name(images, found.problems)
        mask_files = _by_name(masks, found.problems)
        mask_files |= _folders_of_masks(masks, set(image_files) - set(mask_files), mask_files)
    else:
        image_files, mask_files = _in_one_folder(images, suffix, found.problems)
    if not image_files:
        raise UserError(
            f"{images}: found no images, expected files that end in {' '.join(FORMATS)}"
        )
    for name in sorted(image_files):
        image = image_files[name][0]
        if name in mask_files:
            place = _place(image, images)
            parent = place.split("/")[0] if "/" in place else ""
            found.pairs.append(Pair(place, image, tuple(sorted(mask_files[name])), parent))
        else:
            where = f"in {masks}" if masks else f"beside it (ending in {suffix})"
            found.problems.append(
                Problem("partner", str(image), f"no mask of its name {where}", "add it, or remove "
                        "the image; a mask without foreground is a black image")
            )  # fmt: skip
    for name in sorted(set(mask_files) - set(image_files)):
        found.problems.append(
            Problem(
                "partner",
                str(mask_files[name][0]),
                f"no image of its name in {images}",
                "add it, or remove the mask",
            )
        )
    return found


def key_of_name(name: str) -> str:
    """Names that one file system or another takes for the same have the same key."""
    return unicodedata.normalize("NFC", name).casefold()


def _place(file: Path, folder: Path) -> str:
    """The file's place below a folder without its suffix; ID/images/ID.png is called ID."""
    relative = file.relative_to(folder)
    parts = [*relative.parts[:-1], _stem(file)]
    if len(parts) > 2 and parts[-2] == "images":
        del parts[-2]
        if parts[-1] == parts[-2]:
            del parts[-1]
    return unicodedata.normalize("NFC", "/".join(parts))


def _by_name(folder: Path, problems: list[Problem]) -> dict[str, list[Path]]:
    return _unique(((_key(file, folder), file) for file in _files(folder, problems)), problems)


def _key(file: Path, folder: Path) -> str:
    return key_of_name((file.parent.relative_to(folder) / _stem(file)).as_posix())


def _stem(file: Path) -> str:
    """The name without suffix; `x.ome.tif` is called x."""
    return file.stem.removesuffix(".ome")


def _unique(files: Iterator[tuple[str, Path]], problems: list[Problem]) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for name, file in files:
        if name in found:
            problems.append(
                Problem(
                    "clash",
                    str(file),
                    f"has the name of {found[name][0].name} but for its suffix or its letters",
                    "rename one of them",
                )
            )
        else:
            found[name] = [file]
    return found


def _folders_of_masks(
    folder: Path, wanted: set[str], singles: dict[str, list[Path]]
) -> dict[str, list[Path]]:
    """The masks that lie in a folder with the name of an image, which are no longer `singles`."""
    united: dict[str, list[Path]] = {}
    for name in list(singles):
        parent = name.rpartition("/")[0]
        if parent in wanted:
            united.setdefault(parent, []).extend(singles.pop(name))
    return united


def _in_one_folder(
    folder: Path, suffix: str, problems: list[Problem]
) -> tuple[dict[str, list[Path]], dict[str, list[Path]]]:
    files = list(_files(folder, problems))
    if any(file.parent.name == "masks" for file in files):
        images = ((key_of_name(_unit(f, folder)), f) for f in files if f.parent.name == "images")
        united: dict[str, list[Path]] = {}
        for file in files:
            if file.parent.name == "masks":
                united.setdefault(key_of_name(_unit(file, folder)), []).append(file)
        return _unique(images, problems), united
    is_mask = {file: _stem(file).endswith(suffix) for file in files}
    if not any(is_mask.values()):
        raise UserError(
            f"{folder}: found no masks, expected files named after their images with {suffix} "
            "before the suffix, or a second folder with the masks"
        )
    images = ((_key(file, folder), file) for file in files if not is_mask[file])
    masks = ((_key(f, folder)[: -len(suffix)], f) for f in files if is_mask[f])
    return _unique(images, problems), _unique(masks, problems)


def _unit(file: Path, folder: Path) -> str:
    """The folder that holds the `images/` and `masks/` of one image."""
    return file.parent.parent.relative_to(folder).as_posix()


def _files(folder: Path, problems: list[Problem]) -> Iterator[Path]:
    """The image files below a folder in order of name; hidden ones are passed over."""
    inside = folder.resolve()

    def unreadable(error: OSError) -> None:
        problems.append(
            Problem(
                "permission",
                str(error.filename),
                "a folder that may not be read by this user",
                "give yourself permission (chmod)",
            )
        )

    for parent, folders, names in os.walk(folder, onerror=unreadable):
        folders.sort()
        for link in [n for n in folders if (Path(parent) / n).is_symlink()]:
            problems.append(_outside(Path(parent) / link))
        for name in sorted(names):
            file = Path(parent) / name
            if name.startswith(".") or file.suffix.lower() not in FORMATS:
                continue
            if file.is_symlink() and not file.resolve().is_relative_to(inside):
                problems.append(_outside(file))
            else:
                yield file


def _outside(link: Path) -> Problem:
    return Problem(
        "outside",
        str(link),
        f"is a symbolic link to {link.readlink()}",
        "copy the file itself into the folder",
    )
