"""Read PNG, JPEG, BMP, GIF, WebP, JPEG 2000, Netpbm and TGA files with Pillow.

Pillow reduces colours of 16 bits to 8, and scales grey values of other depths than 8 and 16 bits;
such files are decoded by imagecodecs or NumPy.
"""

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from segsweep.data.decoded_image import (
    ORIENTATION_TAG,
    DecodedImage,
    check_size,
    valid_orientation,
)
from segsweep.data.issues import InvalidImageError

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "JPEG2000", "PPM")
"""Pillow's names of the formats that begin with a signature. TGA has none, so only a file with its
suffix is tried as TGA."""

CODESTREAM = b"\xff\x4f\xff\x51"
"""First bytes of the pixels in a JPEG 2000 file."""


def read_with_pillow(path: Path, as_mask: bool, channel: int | None = None) -> DecodedImage:
    """Decode all frames of a file; a palette of a mask is kept as numbers if 0 is background.

    Raises:
        InvalidImageError: The file is too large, or it is not clear which of its values is black.
    """
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None  # check_size does it for all formats
    formats = ("TGA",) if path.suffix.lower() == ".tga" else FORMATS
    with Image.open(path, formats=formats) as file:
        # further pictures in a JPEG (MPO) are previews
        frames = 1 if file.format in ("JPEG", "MPO") else getattr(file, "n_frames", 1)
        check_size(path, frames, file.height, file.width)
        pixels = _read_unscaled(path, file, as_mask)
        if pixels is None:
            pixels = _read_frames(file, frames, as_mask)
        return DecodedImage(
            pixels,
            lossy=_is_lossy(path, file.format),
            orientation=valid_orientation(file.getexif().get(ORIENTATION_TAG)),
            palette=_kept_palette(file) if as_mask and frames == 1 else None,
        )


def _kept_palette(image: "Image") -> np.ndarray | None:
    """Return the colours (256, 3) of a mask's palette whose numbers were kept; else None."""
    if image.mode != "P" or not _keeps_numbers(image):
        return None
    colours = np.zeros((256, 3), np.uint8)
    palette = np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
    colours[: len(palette)] = palette
    return colours


def _is_lossy(path: Path, format: str | None) -> bool:
    if format == "WEBP":  # each frame with losses is a chunk with this name
        return b"VP8 " in path.read_bytes()
    return format in ("JPEG", "MPO", "JPEG2000")


def _read_unscaled(path: Path, file: "ImageFile", as_mask: bool) -> np.ndarray | None:
    """Return the values of a file that Pillow would scale, or None if it does not scale them."""
    import imagecodecs

    raw_mode = str(file.tile[0].args) if file.tile else ""
    if file.format == "PNG" and ";16B" in raw_mode:
        return np.asarray(imagecodecs.png_decode(path.read_bytes()))[None]
    if file.format == "PNG" and as_mask and raw_mode in ("L;2", "L;4"):
        return np.asarray(file)[None] // (85 if raw_mode == "L;2" else 17)
    if file.format == "JPEG2000" and file.mode in ("L", "LA", "I;16", "RGB", "RGBA"):
        return _read_jpeg_2000(path)[None]
    if file.format == "PPM" and file.tile[0].codec_name != "raw" and file.mode != "1":
        return _read_netpbm(path, file)[None]
    return None


def _read_jpeg_2000(path: Path) -> np.ndarray:
    import imagecodecs
    from PIL import Image

    content = path.read_bytes()
    # the size in the container, which was checked, may differ from the one that is decoded
    with Image.open(BytesIO(content[content.index(CODESTREAM) :]), formats=("JPEG2000",)) as inner:
        check_size(path, inner.height, inner.width)
    return np.asarray(imagecodecs.jpeg2k_decode(content))


def _read_netpbm(path: Path, file: "ImageFile") -> np.ndarray:
    """Decode a PGM or PPM file whose largest value is not 255 or 65535, or that is text."""
    tile: Any = file.tile[0]
    largest: int = tile.args[1]
    channels = (3,) if file.mode == "RGB" else ()
    shape = (file.height, file.width, *channels)
    if tile.codec_name == "ppm":
        dtype = np.dtype(np.uint8 if largest < 256 else ">u2")
        values = np.frombuffer(path.read_bytes(), dtype, int(np.prod(shape)), tile.offset)
        return values.reshape(shape).astype(dtype.newbyteorder("="))
    scaled = np.asarray(file)  # to 255, or grey values of 16 bits to 65535
    scale = largest / (65535 if file.mode == "I" else 255)
    return np.rint(scaled * scale).astype(np.uint16 if largest > 255 else np.uint8)


def _read_frames(file: "ImageFile", frames: int, as_mask: bool) -> np.ndarray:
    if frames == 1:
        return np.asarray(_to_array_mode(file, as_mask))[None]
    images = []
    for number in range(frames):
        file.seek(number)
        images.append(_to_array_mode(file, as_mask).copy())
    if len({image.mode for image in images}) > 1:
        images = [image.convert("RGB") for image in images]
    return np.stack([np.asarray(image) for image in images])


def _to_array_mode(image: "Image", as_mask: bool) -> "Image":
    """Return the image with numbers, grey values or colours as its pixels."""
    if image.mode == "P":
        if image.format == "GIF" and _is_grey(image):
            return image.convert("L")  # a GIF always has a palette, in any order
        if as_mask and _keeps_numbers(image):
            return image
        return image.convert("RGBA" if "transparency" in image.info else "RGB")
    if image.mode == "1":
        return image if as_mask else image.convert("L")
    if image.mode == "CMYK" and image.format == "JPEG" and "adobe" not in image.info:
        raise InvalidImageError(
            "channels",
            "is a CMYK file without Adobe's marker, so that 0 may be ink or no ink",
            "open it in the program that shows it correctly and save it as RGB",
        )
    if as_mask and image.mode in ("L", "RGB") and "transparency" in image.info:
        return image.convert(f"{image.mode}A")  # one colour is transparent
    if image.mode in ("L", "LA", "I", "I;16", "F", "RGB", "RGBA"):
        return image
    return image.convert("RGB")


def _is_grey(image: "Image") -> bool:
    """Return whether all colours that a palette image uses are grey."""
    colours = np.array(image.getpalette("RGB")).reshape(-1, 3)
    used = colours[np.unique(np.asarray(image))]
    return bool((used == used[:, :1]).all())


def _keeps_numbers(image: "Image") -> bool:
    """Return whether index 0 of a palette is background: black, and transparent if any index is."""
    if image.format == "GIF" and _is_grey(image):
        return False
    transparency = image.info.get("transparency")
    if isinstance(transparency, bytes):
        transparent = {index for index, alpha in enumerate(transparency) if alpha < 255}
    else:
        transparent = set() if transparency is None else {transparency}
    is_black = not any((image.getpalette("RGB") or [0, 0, 0])[:3])
    return is_black and (not transparent or 0 in transparent)
