"""Find annotation files and read them, in whichever of the three formats they are."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segsweep.core.errors import UserError
from segsweep.core.files import read_bytes
from segsweep.core.json_format import load_json
from segsweep.data.annotations.coco import is_coco, read_coco
from segsweep.data.annotations.labelme import is_labelme, read_labelme
from segsweep.data.annotations.regions import AnnotatedImage
from segsweep.data.annotations.via import is_via, read_via
from segsweep.data.file_listing import list_images
from segsweep.data.user_folders import NameRules, find_user_pairs

SUFFIX = ".json"
FORMATS = "LabelMe, COCO or VGG VIA 2 (CVAT and Label Studio can export COCO)"


@dataclass(frozen=True)
class _Format:
    matches: Callable[[Any], bool]
    read: Callable[[Any, Path], list[AnnotatedImage]]


_READERS = (
    _Format(is_labelme, read_labelme),
    _Format(is_coco, read_coco),
    _Format(is_via, read_via),
)


def find_annotations(images: Path, masks: Path | None, mask_suffix: str) -> Path | None:
    """Return the annotation file, or the folder of annotation files, to draw masks from.

    Args:
        images: Folder of images.
        masks: What the user gave for the masks; None if they are in `images`.
        mask_suffix: End of a mask's name in a folder with images and masks.

    Returns:
        `masks` if it is a JSON file, or a folder of JSON files without images; `images` if it has
        images and annotations but no masks; else None.
    """
    if not images.is_dir():
        return None
    if masks is not None and masks.is_file():
        return masks if masks.suffix.lower() == SUFFIX else None
    folder = images if masks is None else masks
    if not folder.is_dir() or not (files := json_files(folder)):
        return None
    listing = list_images(folder)
    if masks is not None:
        return masks if not listing.files and not listing.rejected_files else None
    if not listing.files or _has_masks(images, mask_suffix):
        return None
    return images if any(_may_be_annotations(file) for file in files) else None


def json_files(annotations: Path) -> list[Path]:
    """Return a JSON file, or all below a folder except hidden ones, in order of name."""
    if annotations.is_file():
        return [annotations]
    return sorted(
        file
        for file in annotations.rglob("*")
        if file.suffix.lower() == SUFFIX
        and not any(part.startswith(".") for part in file.relative_to(annotations).parts)
        and file.is_file()
    )


def read_annotations(annotations: Path) -> tuple[list[AnnotatedImage], list[Path]]:
    """Read an annotation file, or all in a folder.

    Returns:
        The annotated images, and the JSON files of other kinds.

    Raises:
        UserError: A file is broken, or none has annotations.
    """
    annotated: list[AnnotatedImage] = []
    others = []
    files = json_files(annotations)
    for file in files:
        content = _read(file)
        read = next((f.read for f in _READERS if f.matches(content)), None)
        if read is None:
            others.append(file)
            continue
        try:
            annotated += read(content, file)
        except ValueError as error:
            raise UserError(
                f"{file}: {str(error).splitlines()[0]}; export the annotations again"
            ) from error
    if not files:
        raise UserError(f"{annotations}: found no {SUFFIX} files, expected annotations")
    if len(others) == len(files):
        raise UserError(f"{others[0]}: found JSON of another kind, expected {FORMATS}")
    if not annotated:
        raise UserError(f"{annotations}: lists no images, expected those of your images folder")
    return annotated, others


def _read(file: Path) -> Any:
    try:
        return load_json(read_bytes(file).decode("utf-8-sig"))
    except ValueError as error:
        raise UserError(
            f"{file}: cannot be read as JSON ({error}); export the annotations again, or remove "
            "the file"
        ) from error


def _may_be_annotations(file: Path) -> bool:
    """Return whether a file has one of the formats, or is broken, which must be reported."""
    try:
        content = _read(file)
    except UserError:
        return True
    return any(format.matches(content) for format in _READERS)


def _has_masks(images: Path, mask_suffix: str) -> bool:
    try:
        return bool(find_user_pairs(images, None, NameRules(mask_suffix)).pairs)
    except UserError:
        return False
