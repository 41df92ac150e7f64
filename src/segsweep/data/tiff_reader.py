"""Read TIFF, BigTIFF, OME-TIFF and ImageJ files with tifffile."""

import logging
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from segsweep.data.channels import Note, choose_channel
from segsweep.data.decoded_image import (
    DAMAGED,
    SAVE_IN_FIJI,
    DecodedImage,
    check_size,
    valid_orientation,
)
from segsweep.data.issues import InvalidImageError
from segsweep.data.tiff_pixels import compression_name, interpret_samples, reversed_nodata
from segsweep.data.tiff_planes import find_planes

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffFrame, TiffPage

MM_PER_UNIT = {"nm": 1e-6, "µm": 1e-3, "um": 1e-3, "mm": 1.0, "cm": 10.0}
"""Length units of OME metadata in mm."""

GDAL_NODATA = 42113
"""Tag with the value of pixels without data, as text."""

LOSSY = ("JPEG", "JP2000", "WEBP", "JETRAW")
"""Parts of the names of compressions that may change values."""

logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # errors are reported as data issues


def read_tiff(path: Path, as_mask: bool, channel: int | None = None) -> DecodedImage:
    """Decode all pages at full resolution; the pages must have the same shape.

    Slices and time points of a hyperstack are pages; of its channels, one is decoded.

    Raises:
        InvalidImageError: The file has channels of which none was chosen, pages of different
            shapes, or too many pixels.
    """
    import tifffile

    with tifffile.TiffFile(path, _multifile=False) as file:
        listed = list(_checked_pages(file.pages))
        pages = [page for page in listed if not page.is_reduced] or listed[:1]
        first = pages[0]
        check_size(path, len(pages), first.imagelength, first.imagewidth)
        orientations = {page.tags.valueof("Orientation", 1) for page in pages}
        if any(page.shape != first.shape for page in pages) or len(orientations) > 1:
            raise InvalidImageError(
                "pages",
                f"has {len(pages)} pages of different sizes or orientations",
                f"{SAVE_IN_FIJI}, only the page that shows the objects",
            )
        planes, notes = find_planes(file, pages), list[Note]()
        check_size(path, planes.numbers.size, first.imagelength, first.imagewidth)
        chosen = planes.numbers[0]
        if len(planes.numbers) > 1:
            hint = (
                "; if they are slices or time points, say so in Fiji (Image > Properties) and "
                "save the file there"
            )
            count = len(planes.numbers)
            index, note = choose_channel(count, channel, as_mask, planes.source, hint)
            chosen, notes = planes.numbers[index], [note]
        stored = _decode_planes(file, pages, chosen, planes.unlisted)
        arrays = []
        for samples, page in stored:
            array, page_notes = interpret_samples(samples, page, as_mask, channel)
            arrays.append(array)
            notes += [note for note in page_notes if note not in notes]
        stack = np.stack(arrays)
        return DecodedImage(
            stack,
            _ome_pixel_mm(file.ome_metadata),
            any(part in compression_name(first) for part in LOSSY),
            valid_orientation(orientations.pop()),
            _nodata(first),
            palette=_kept_palette(pages, stack) if as_mask else None,
            notes=tuple(notes),
        )


def _decode_planes(
    file: "TiffFile", pages: list["TiffPage"], chosen: np.ndarray, unlisted: bool
) -> Iterator[tuple[np.ndarray, "TiffPage"]]:
    """Yield the samples of each chosen plane, and the page that describes them."""
    if unlisted:
        stack = file.asarray(series=0).reshape(-1, *pages[0].shape)
        yield from ((stack[number], pages[0]) for number in chosen)
    else:
        yield from ((np.asarray(pages[number].asarray()), pages[number]) for number in chosen)


def _checked_pages(listed: Iterable["TiffPage | TiffFrame"]) -> Iterator["TiffPage"]:
    """Yield the pages. Each must have pixels; the page chain of a broken file may be a cycle."""
    offsets: set[int] = set()
    for frame in listed:
        page = frame.aspage()
        if not page.shape or page.offset in offsets:
            found = f"has a broken chain of pages (at page {len(offsets) + 1})"
            raise InvalidImageError("unreadable", found, DAMAGED)
        offsets.add(page.offset)
        yield page


def _kept_palette(pages: list["TiffPage"], arrays: np.ndarray) -> np.ndarray | None:
    """Return the colours (n, 3) of a mask's palette whose numbers were kept; else None."""
    colormaps = [page.colormap for page in pages]
    first = colormaps[0]
    if arrays.ndim != 3 or first is None or first[:, 0].any():
        return None
    if not all(other is not None and np.array_equal(first, other) for other in colormaps):
        return None
    return (first.T >> 8).astype(np.uint8)


def _nodata(page: "TiffPage") -> float | None:
    """Return the value of pixels without data, which may be NaN; None where there is none."""
    text = page.tags.valueof(GDAL_NODATA)
    try:
        return reversed_nodata(float(str(text).strip("\0 ")), page)
    except ValueError:
        return None


def _ome_pixel_mm(metadata: str | None) -> tuple[float, float] | None:
    """Return height and width of a pixel in mm from OME-XML, None where they are missing."""
    sizes = []
    for axis in ("Y", "X"):
        size = re.search(rf'PhysicalSize{axis}="([0-9.eE+-]+)"', metadata or "")
        unit = re.search(rf'PhysicalSize{axis}Unit="([^"]+)"', metadata or "")
        factor = MM_PER_UNIT.get(unit.group(1) if unit else "µm")
        if size is None or factor is None or not float(size.group(1)) > 0:
            return None
        sizes.append(float(size.group(1)) * factor)
    return sizes[0], sizes[1]
