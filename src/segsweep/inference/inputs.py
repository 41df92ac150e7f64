"""Find the images to predict, and name their masks."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from glob import glob, has_magic
from pathlib import Path

from segsweep.core.errors import UserError
from segsweep.data.file_listing import (
    UNSUPPORTED_SUFFIXES,
    list_images,
    name_key,
    relative_stem,
)
from segsweep.data.issues import DataIssue
from segsweep.data.readers import READERS, image_suffix

SUFFIXES = " ".join(READERS)


@dataclass(frozen=True)
class InputImage:
    """An image file, and the path of its mask below the output folder, without a suffix."""

    path: Path
    name: str


@dataclass
class _Matches:
    """The images found so far.

    Attributes:
        folders: For each image, by its absolute path, the folder in which it was found.
        problems: Files that cannot be predicted.
    """

    folders: dict[Path, Path] = field(default_factory=dict)
    problems: list[DataIssue] = field(default_factory=list)


def find_images(
    patterns: Sequence[str], out_folders: Sequence[Path]
) -> tuple[list[InputImage], list[DataIssue]]:
    """Find images by files, folders and glob patterns.

    Args:
        patterns: Files, folders and patterns.
        out_folders: Folders for masks and probabilities.

    Returns:
        Each image once, in the order given, and the files that cannot be predicted.

    Raises:
        UserError: Nothing was found, or an output folder is inside one of the input folders, where
            the next call would predict masks as images.
    """
    matches = _Matches()
    for pattern in patterns:
        for path in _expand(pattern):
            if os.path.isdir(path):
                for out in out_folders:
                    _refuse_inside(out, Path(path))
            _add(matches, Path(os.path.abspath(path)))  # noqa: PTH100, keeps the names of links
    if not (matches.folders or matches.problems):
        raise UserError(f"{patterns[0]}: found no images, expected files that end in {SUFFIXES}")
    return _with_names(matches.folders), matches.problems


def _expand(pattern: str) -> Iterator[str]:
    """Yield the paths that match a pattern, or the pattern itself if it is a path."""
    if os.path.exists(pattern) or not has_magic(pattern):
        yield pattern
        return
    paths = sorted(glob(pattern, recursive=True))  # noqa: PTH207, patterns may be absolute
    if not paths:
        raise UserError(f"{pattern}: no file matches, expected images or their folder")
    yield from paths


def _refuse_inside(out: Path, folder: Path) -> None:
    real_folder = os.path.realpath(folder)
    if os.path.commonpath([real_folder, os.path.realpath(out)]) == real_folder:
        raise UserError(
            f"{out}: is inside the folder of images {folder}, where the next prediction would take "
            "masks for images; choose an output folder outside it"
        )


def _add(matches: _Matches, path: Path) -> None:
    if os.path.isdir(path):
        listing = list_images(path)
        new = {file: path for file in listing.files if file not in matches.folders}
        matches.folders |= new
        matches.problems += listing.issues
    elif not os.path.isfile(path):  # noqa: PTH113, Path.is_file raises for a name that is too long
        found = "is not a regular file" if os.path.exists(path) else "no such file"
        unusable = DataIssue("unreadable", str(path), found, "expected an image or a folder")
        matches.problems.append(unusable)
    elif (suffix := image_suffix(path)) not in READERS:
        todo = UNSUPPORTED_SUFFIXES.get(suffix, f"expected {SUFFIXES}")
        problem = DataIssue("format", str(path), f"is a {suffix} file", todo)
        matches.problems.append(problem)
    else:
        matches.folders.setdefault(path, path.parent)


def _with_names(folders: dict[Path, Path]) -> list[InputImage]:
    """Give every image a unique name.

    The name is the path below the folder in which the image was found. If two images would have the
    same name, all names are paths below the common folder; if these are not unique either, they
    include the suffix.
    """
    if not folders:
        return []
    common = Path(os.path.commonpath([file.parent for file in folders]))
    namings: tuple[Callable[[Path], str], ...] = (
        lambda file: relative_stem(file, folders[file]),
        lambda file: relative_stem(file, common),
        lambda file: file.relative_to(common).as_posix(),
    )
    for naming in namings:
        names = [naming(file) for file in folders]
        if len({name_key(name) for name in names}) == len(names):
            break
    return [InputImage(file, name) for file, name in zip(folders, names, strict=True)]
