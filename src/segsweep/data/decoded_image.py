"""A decoded image file, and the limits on its size."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from segsweep.data.issues import InvalidImageError

MAX_PIXELS = 2**28
"""Largest number of pixels of one file, over all pages: 268 million, 16384 x 16384."""

MIN_SUSPICIOUS_PIXELS = 2**24
MAX_PIXELS_PER_BYTE = 2000
"""A file that declares at least `MIN_SUSPICIOUS_PIXELS` and more pixels per byte than this is
refused: deflate and LZW compress by a factor of 1,000 to 1,400 at most."""


DAMAGED = "the file is damaged or incomplete: copy it again, or remove the image and its mask"
SAVE_IN_FIJI = "open it in Fiji and save it as TIFF"
"""What to do about files that cannot be read."""


ORIENTATION_TAG = 0x0112
"""The tag of the orientation in EXIF and TIFF."""


@dataclass(frozen=True)
class DecodedImage:
    """The content of an image file.

    Attributes:
        pages: Array (n, height, width) or (n, height, width, channels) with the file's values, as
            stored: not turned.
        pixel_mm: Height and width of a pixel in mm, where the file has them (DICOM, OME-TIFF).
        lossy: Whether the pixels were compressed with losses, as in JPEG.
        orientation: How to turn the pages upright: 1 to 8 as in EXIF and TIFF, 1 for not at all.
        nodata: The value of pixels without data, where the file says so (GDAL_NODATA).
        axes: Anatomical directions of the axes, where the file has them (NIfTI), such as `RAS`.
        palette: Red, green and blue of each number, uint8 (n, 3), if the pages of a mask are
            indices into a palette.
        notes: What was decided while reading: kinds of assumptions in `ISSUE_KINDS`, with a text.
    """

    pages: np.ndarray
    pixel_mm: tuple[float, float] | None = None
    lossy: bool = False
    orientation: int = 1
    nodata: float | None = None
    axes: str = ""
    palette: np.ndarray | None = None
    notes: tuple[tuple[str, str], ...] = ()

    @property
    def upright_shape(self) -> tuple[int, int]:
        """Height and width of the pages turned upright."""
        height, width = self.pages.shape[1:3]
        return (width, height) if exchanges_sides(self.orientation) else (height, width)

    def upright_pages(self) -> np.ndarray:
        """Return the pages turned upright as `orientation` says; of any shape that `pages` has.

        Height and width are exchanged for the orientations 5 to 8. Unknown orientations count as 1.
        """
        pages = self.pages
        if exchanges_sides(self.orientation):
            pages = pages.swapaxes(1, 2)
        if self.orientation in (3, 4, 7, 8):  # the last row is at the top
            pages = pages[:, ::-1]
        if self.orientation in (2, 3, 6, 7):  # the last column is at the left
            pages = pages[:, :, ::-1]
        return np.ascontiguousarray(pages)


def valid_orientation(value: object) -> int:
    """Return the orientation (1 to 8) in a file's metadata; 1 if there is none, or another."""
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def exchanges_sides(orientation: int) -> bool:
    """Return whether an image with this orientation is turned by 90 degrees to be upright."""
    return orientation > 4


def check_size(path: Path, *sides: int) -> None:
    """Refuse a file whose header declares no pixels, or too many, before the pixels are read.

    Args:
        path: The file.
        sides: Lengths of all axes of its pixel array.

    Raises:
        InvalidImageError: The size is zero or too large.
    """
    if any(side < 1 for side in sides):
        raise InvalidImageError("empty", "has no pixels", DAMAGED)
    if math.prod(sides) > MAX_PIXELS:
        size = " x ".join(str(side) for side in sides)
        raise InvalidImageError(
            "too_large",
            f"has {size} pixels, more than the maximum of {MAX_PIXELS:,}",
            "cut it into smaller images",
        )
    if math.prod(sides) > max(MIN_SUSPICIOUS_PIXELS, MAX_PIXELS_PER_BYTE * path.stat().st_size):
        raise InvalidImageError(
            "too_large",
            f"declares {math.prod(sides):,} pixels but has only {path.stat().st_size:,} bytes",
            "copy it again, as it may be damaged; if all its pixels are equal, save it without "
            "compression",
        )
