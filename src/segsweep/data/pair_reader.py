"""Read an image with its masks: turned alike, of one size, the masks as 0, 1 and 255 (ignored).

The image cache keeps results by the source hash of this module and of the modules that it imports.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from segsweep.core.counted import counted
from segsweep.data.dataset import IGNORED
from segsweep.data.decoded_image import DecodedImage
from segsweep.data.discovery import Pair
from segsweep.data.images import GreyPage, read_grey
from segsweep.data.issues import InvalidImageError
from segsweep.data.mask_meaning import decide
from segsweep.data.mask_rule import FOREGROUND, MaskRule
from segsweep.data.mask_values import MaskFacts, MaskPage, read_mask_pages
from segsweep.data.prepare import ImageSettings


@dataclass(frozen=True)
class ReadPair:
    """An image and its masks.

    Attributes:
        pages: The pages of the image.
        masks: For each page uint8 of its shape: 0, 1, and 255 for pixels to ignore.
        mask_facts: What the pages of the mask files contain.
        rule: The meaning of the mask values.
        pixel_mm: Height and width of a pixel in mm, where the file has them.
        notes: What was decided while reading: kinds of assumptions with a text.
        masks_reversed: Whether a mask file says that white is zero.
    """

    pages: list[GreyPage]
    masks: list[np.ndarray]
    mask_facts: list[MaskFacts]
    rule: MaskRule
    pixel_mm: tuple[float, float] | None
    notes: list[tuple[str, str]]
    masks_reversed: bool


class UnusableFileError(Exception):
    """An `InvalidImageError` and the file that it is about."""

    def __init__(self, file: Path, error: InvalidImageError) -> None:
        super().__init__(str(error))
        self.file, self.error = file, error


def read_pair(pair: Pair, settings: ImageSettings, rule: MaskRule | None = None) -> ReadPair:
    """Read an image and its masks.

    Args:
        pair: The files.
        settings: The study's settings.
        rule: The meaning of the mask values; None to decide it from these masks.

    Raises:
        UnusableFileError: One of the files cannot be used.
    """
    with _errors_of(pair.image):
        pages, decoded = read_grey(pair.image, settings.channel, settings.nodata)
    files: list[tuple[DecodedImage, list[MaskPage]]] = []
    for file in pair.masks:
        with _errors_of(file):
            files.append(read_mask_pages(file, settings.names_colours))
    facts = [page.facts for _, mask_pages in files for page in mask_pages]
    with _errors_of(pair.masks[0]):
        orientations, notes = _orientations(decoded, [mask for mask, _ in files], settings)
        rule = rule or decide(facts, settings.mask_settings)
    masks: list[np.ndarray] = []
    for file, (_, mask_pages), orientation in zip(pair.masks, files, orientations, strict=True):
        with _errors_of(file):
            arrays = [rule.apply(page) for page in mask_pages]
            masks = unite_masks(masks, _turned(arrays, orientation))
    with _errors_of(pair.image):
        check_shapes([page.pixels for page in pages], masks, settings)
    mask_notes = [note for mask, _ in files for note in mask.notes]
    masks_reversed = any(kind == "negative" for kind, _ in mask_notes)
    notes += [*decoded.notes, *(("mask_file", text) for _, text in mask_notes)]
    return ReadPair(pages, masks, facts, rule, decoded.pixel_mm, notes, masks_reversed)


@contextmanager
def _errors_of(file: Path) -> Iterator[None]:
    """Add the file to errors."""
    try:
        yield
    except InvalidImageError as error:
        raise UnusableFileError(file, error) from error


def _orientations(
    image: DecodedImage, masks: Sequence[DecodedImage], settings: ImageSettings
) -> tuple[list[int], list[tuple[str, str]]]:
    """Return the orientation of each mask, by which it is turned upright with its image, and notes.

    It is that of the mask's own metadata, or that of the image if the mask fits its pixels as
    stored.
    """
    axes = {mask.axes for mask in masks if mask.axes} | ({image.axes} if image.axes else set())
    if len(axes) > 1:
        raise InvalidImageError(
            "orientation",
            f"has axes in other directions than its image ({' and '.join(sorted(axes))})",
            "save both in one orientation (for example with nibabel.as_closest_canonical)",
        )
    own = [mask.orientation for mask in masks]
    stored = [image.orientation] * len(masks)
    if own == stored or settings.orientation == "upright":
        return own, []
    if settings.orientation == "stored":
        return stored, []
    upright_fits = all(mask.upright_shape == image.upright_shape for mask in masks)
    stored_fits = all(mask.pages.shape[1:3] == image.pages.shape[1:3] for mask in masks)
    if upright_fits and stored_fits:
        raise InvalidImageError(
            "orientation",
            "has another orientation in its metadata (EXIF) than its image "
            f"({', '.join(map(str, sorted(set(own))))} and {image.orientation}), and its size fits "
            "the image both as stored and as shown",
            "compare the two; set preprocess.orientation: upright if masks fit the images as "
            "shown by a viewer, or preprocess.orientation: stored if they fit the pixels as stored",
        )
    how = "shown by a viewer" if upright_fits else "stored"
    note = "orientations in the metadata (EXIF) of image and mask differ; their sizes agree only if"
    return own if upright_fits else stored, [("turned", f"{note} the mask fits the image as {how}")]


def _turned(arrays: list[np.ndarray], orientation: int) -> list[np.ndarray]:
    """Return 2-D arrays turned upright."""
    if orientation == 1:
        return arrays
    return list(DecodedImage(np.stack(arrays), orientation=orientation).upright_pages())


def unite_masks(masks: list[np.ndarray], others: list[np.ndarray]) -> list[np.ndarray]:
    """Return the union of two masks, page by page; an empty list means no mask.

    A pixel that is foreground in one and ignored in the other is foreground.
    """
    if not masks:
        return others
    if [m.shape for m in masks] != [m.shape for m in others]:
        raise InvalidImageError(
            "size",
            "has another size than the other masks of its image",
            "export all masks at the size of the image",
        )
    united = []
    for one, two in zip(masks, others, strict=True):
        union = one | two
        union[(union == IGNORED) & ((one == FOREGROUND) | (two == FOREGROUND))] = FOREGROUND
        united.append(union)
    return united


def check_shapes(
    pages: Sequence[np.ndarray], masks: Sequence[np.ndarray], settings: ImageSettings
) -> None:
    """Raise `InvalidImageError` if an image and its mask differ in pages or size."""
    if len(pages) > 1 and settings.stacks != "slices":
        raise InvalidImageError(
            "pages",
            f"has {len(pages)} pages, expected one",
            "set preprocess.stacks: slices to use each page as an image; the pages of a file are "
            "one group",
        )
    if len(pages) != len(masks):
        raise InvalidImageError(
            "size",
            f"has {counted(len(pages), 'page')}, its mask {counted(len(masks), 'page')}",
            "expected the same number; save the page with the mask of each image as its own file, "
            "or remove the image and its mask",
        )
    for page, mask in zip(pages, masks, strict=True):
        if page.shape != mask.shape:
            sizes = " and ".join(f"{a.shape[1]} x {a.shape[0]}" for a in (page, mask))
            raise InvalidImageError(
                "size",
                f"image and mask have {sizes} pixels",
                "expected the same size; export the mask at the size of the image, or remove both",
            )


def facts_to_json(read: ReadPair) -> dict[str, Any]:
    """Return what the data set's rule is decided from, as JSON values."""
    return {
        "masks": [asdict(facts) for facts in read.mask_facts],
        "rule": read.rule.to_json(),
        "notes": [list(note) for note in read.notes],
        "masks_reversed": read.masks_reversed,
        "pixel_mm": read.pixel_mm,
    }
