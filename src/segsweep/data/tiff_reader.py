"""Read TIFF, BigTIFF, OME-TIFF and ImageJ files with tifffile."""

import logging
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from segsweep.data.decoded_image import DecodedImage, check_size
from segsweep.data.issues import InvalidImageError

if TYPE_CHECKING:
    from tifffile import TiffFrame, TiffPage

MM_PER_UNIT = {"nm": 1e-6, "µm": 1e-3, "um": 1e-3, "mm": 1.0, "cm": 10.0}
"""Length units of OME metadata in mm."""

logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # errors are reported as data issues


def read_tiff(path: Path, as_mask: bool) -> DecodedImage:
    """Decode all pages at full resolution; the pages must have the same shape."""
    import tifffile

    with tifffile.TiffFile(path, _multifile=False) as file:
        pages = [page for page in _checked_pages(file.pages) if not page.is_reduced]
        first = pages[0]
        imagej_count = int((file.imagej_metadata or {}).get("images", 1))
        check_size(path, max(imagej_count, len(pages)), first.imagelength, first.imagewidth)
        if imagej_count > len(pages):  # ImageJ writes a large stack as one page with a count
            return DecodedImage(file.asarray(series=0).reshape(imagej_count, *first.shape))
        if any(page.shape != first.shape for page in pages):
            raise InvalidImageError(
                "pages",
                f"has {len(pages)} pages of different sizes",
                "save each page as its own file",
            )
        arrays = [_read_page(page, as_mask) for page in pages]
        lossy = "JPEG" in tifffile.COMPRESSION(first.compression).name
        return DecodedImage(np.stack(arrays), _ome_pixel_mm(file.ome_metadata), lossy)


def _checked_pages(listed: Iterable["TiffPage | TiffFrame"]) -> Iterator["TiffPage"]:
    """Yield the pages. Each must have pixels; the page chain of a broken file may be a cycle."""
    offsets: set[int] = set()
    for frame in listed:
        page = frame.aspage()
        if not page.shape or page.offset in offsets:
            raise InvalidImageError(
                "unreadable",
                f"has a broken chain of pages (at page {len(offsets) + 1})",
                "export it again from its source",
            )
        offsets.add(page.offset)
        yield page


def _read_page(page: "TiffPage", as_mask: bool) -> np.ndarray:
    import tifffile

    if page.axes not in ("YX", "YXS", "SYX"):
        raise InvalidImageError(
            "pages", f"contains a volume with the axes {page.axes}", "export its slices one by one"
        )
    _check_channels(page)
    if page.tags.valueof("Orientation", 1) != 1:
        raise InvalidImageError(
            "unreadable", "is stored rotated or mirrored (TIFF orientation)", "export it upright"
        )
    pixels = np.asarray(page.asarray())
    if page.axes == "SYX":
        pixels = np.moveaxis(pixels, 0, -1)
    if page.photometric == tifffile.PHOTOMETRIC.PALETTE:
        assert page.colormap is not None
        if as_mask and not page.colormap[:, 0].any():
            return pixels
        return np.moveaxis(page.colormap[:, pixels], 0, -1)
    if page.photometric == tifffile.PHOTOMETRIC.MINISWHITE and pixels.dtype.kind in "bu":
        return pixels.max() - pixels if as_mask and pixels.dtype != bool else ~pixels
    return pixels


def _check_channels(page: "TiffPage") -> None:
    """Raise `InvalidImageError` if a pixel has several values that are not a colour."""
    import tifffile

    count, meaning = page.samplesperpixel, tifffile.PHOTOMETRIC(page.photometric)
    is_colour = meaning in (tifffile.PHOTOMETRIC.RGB, tifffile.PHOTOMETRIC.YCBCR) and count <= 4
    has_alpha = count == 2 and len(page.extrasamples) == 1 and page.extrasamples[0] in (1, 2)
    if count > 1 and not is_colour and not has_alpha:
        raise InvalidImageError(
            "channels",
            f"has {count} channels ({meaning.name})",
            "expected grey or RGB; export only the channel that shows the objects",
        )


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
