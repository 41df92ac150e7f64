"""Which images are to be predicted, and what their masks are called."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from glob import glob, has_magic
from pathlib import Path

from segsweep.core.errors import UserError
from segsweep.data.file_listing import key_of_name, list_images, raw_place
from segsweep.data.issues import Problem
from segsweep.data.readers import FORMATS

SUFFIXES = " ".join(FORMATS)


@dataclass(frozen=True)
class Source:
    """An image, and the place of its mask below the folder of results, without a suffix."""

    path: Path
    name: str


@dataclass
class Found:
    """`files`: each image once, by its absolute path, with the folder that it was found in."""

    files: dict[Path, Path] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def find(given: Sequence[str], outs: Sequence[Path]) -> tuple[list[Source], list[Problem]]:
    """The images among files, folders and patterns, in the order given; and what is none.

    Raises `UserError` when there is nothing at all, and when one of `outs` lies in one of the
    folders, where masks would be taken for images the next time.
    """
    found = Found()
    for text in given:
        for place in _expanded(text):
            if os.path.isdir(place):
                for out in outs:
                    _refuse_inside(out, Path(place))
            _take(found, Path(os.path.abspath(place)))  # noqa: PTH100, links keep their names
    if not (found.files or found.problems):
        raise UserError(f"{given[0]}: found no images, expected files that end in {SUFFIXES}")
    return _named(found.files), found.problems


def _expanded(text: str) -> Iterator[str]:
    """The places that a pattern stands for, if it is one."""
    if os.path.exists(text) or not has_magic(text):
        yield text
        return
    matching = sorted(glob(text, recursive=True))  # noqa: PTH207, from any folder
    if not matching:
        raise UserError(f"{text}: no file is named like that; expected images, or their folder")
    yield from matching


def _refuse_inside(out: Path, folder: Path) -> None:
    real = os.path.realpath(folder)
    if os.path.commonpath([real, os.path.realpath(out)]) == real:
        raise UserError(
            f"{out}: lies in {folder}, whose images are to be predicted, so that masks would be "
            "taken for images the next time; choose a folder outside"
        )


def _take(found: Found, place: Path) -> None:
    if place.is_dir():
        listing = list_images(place)
        found.files |= {file: place for file in listing.files if file not in found.files}
        found.problems += listing.problems
    elif not place.is_file():
        missing = ("unreadable", str(place), "no such file", "expected an image, or a folder")
        found.problems.append(Problem(*missing))
    elif place.suffix.lower() not in FORMATS:
        said = f"is a {place.suffix} file" if place.suffix else "has no suffix"
        todo = f"expected {SUFFIXES}; convert it"
        found.problems.append(Problem("format", str(place), said, todo))
    else:
        found.files.setdefault(place, place.parent)


def _named(files: dict[Path, Path]) -> list[Source]:
    """Every image with a name of its own: its place below the folder that was given; where two
    would be the same, below the folder that they all have in common; else with its suffix too.
    """
    if not files:
        return []
    common = Path(os.path.commonpath([file.parent for file in files]))
    kinds: tuple[Callable[[Path], str], ...] = (
        lambda file: raw_place(file, files[file]),
        lambda file: raw_place(file, common),
        lambda file: file.relative_to(common).as_posix(),
    )
    for kind in kinds:
        names = [kind(file) for file in files]
        if len({key_of_name(name) for name in names}) == len(names):
            break
    return [Source(file, name) for file, name in zip(files, names, strict=True)]
