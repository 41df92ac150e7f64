"""The size and orientation of an image, and whether its annotations were drawn on it upright."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from segsweep.data.decoded_image import (
    ORIENTATION_TAG,
    check_size,
    exchanges_sides,
    valid_orientation,
)
from segsweep.data.issues import InvalidImageError
from segsweep.data.readers import read_image

TURN_BACK = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""What turns an upright image to the stored one, by its orientation."""
HEADER_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp")
"""Formats whose size and orientation Pillow reads without the pixels."""


@dataclass(frozen=True)
class ImageFrame:
    """Size of an image as stored (not turned), and its orientation (1 to 8; 1: upright)."""

    height: int
    width: int
    orientation: int

    @property
    def stored(self) -> tuple[int, int]:
        return self.height, self.width

    @property
    def upright(self) -> tuple[int, int]:
        return self.stored[::-1] if exchanges_sides(self.orientation) else self.stored


def read_frame(path: Path) -> ImageFrame:
    """Read size and orientation of an image.

    Raises:
        InvalidImageError: The image cannot be read, is too large, or has several pages.
    """
    if path.suffix.lower() not in HEADER_SUFFIXES:
        decoded = read_image(path)
        if len(decoded.pages) > 1:
            raise InvalidImageError(
                "annotation",
                f"has {len(decoded.pages)} pages, and annotations of one image",
                "save each page as its own file, and annotate it",
            )
        _, height, width, *_ = decoded.pages.shape
        return ImageFrame(height, width, decoded.orientation)
    try:
        Image.MAX_IMAGE_PIXELS = None  # check_size does it for all formats
        with Image.open(path, formats=("PNG", "JPEG", "BMP")) as file:
            check_size(path, file.height, file.width)
            orientation = valid_orientation(file.getexif().get(ORIENTATION_TAG))
            return ImageFrame(file.height, file.width, orientation)
    except InvalidImageError:
        raise
    except Exception as error:  # decoders raise any exception on broken files
        read_image(path)  # raises the issue of this file
        raise InvalidImageError(
            "unreadable", f"has a header that cannot be read ({error})", "export it again"
        ) from error


def annotated_upright(frame: ImageFrame, size: tuple[int, int] | None, preferred: str) -> bool:
    """Return whether annotations belong to the upright image, and not to the stored one.

    Args:
        frame: Size and orientation of the image.
        size: Height and width that the annotations record.
        preferred: `preprocess.orientation`, which decides where sizes do not.

    Raises:
        InvalidImageError: The annotations have another size, or it cannot be known.
    """
    if size not in (None, frame.upright, frame.stored):
        raise InvalidImageError(
            "size",
            f"has {frame.upright[1]} x {frame.upright[0]} pixels, but was annotated with "
            f"{size[1]} x {size[0]}",
            "use the image in the size in which it was annotated",
        )
    if frame.orientation == 1:
        return True
    if size is not None and frame.upright != frame.stored:
        return size == frame.upright
    if preferred == "auto":
        raise InvalidImageError(
            "orientation",
            f"has the EXIF orientation {frame.orientation}, and from its annotations it is not "
            "clear whether the tool showed it upright",
            "set preprocess.orientation: upright (most tools), or stored if the tool ignored it",
        )
    return preferred == "upright"


def write_mask(mask: np.ndarray, frame: ImageFrame, upright: bool, path: Path) -> None:
    """Write a mask as PNG, stored and turned like its image.

    Args:
        mask: The mask, uint8 (height, width).
        frame: Size and orientation of the image.
        upright: Whether the mask is upright; otherwise it is as stored.
        path: The file.
    """
    picture = Image.fromarray(mask)
    exif = Image.Exif()
    if frame.orientation != 1:
        exif[ORIENTATION_TAG] = frame.orientation
        if upright:
            picture = picture.transpose(TURN_BACK[frame.orientation])
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, exif=exif)
