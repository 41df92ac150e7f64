"""Read image files of all supported formats; each format is decoded by a library for it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from segsweep.data.decoded_image import DecodedImage, check_size
from segsweep.data.issues import NO_PERMISSION, InvalidImageError
from segsweep.data.tiff_reader import read_tiff

CHANNELS = (1, 3, 4)
"""Lengths of the last axis of a NumPy array that is taken for channels."""


def read_image(path: Path, as_mask: bool = False, channel: int | None = None) -> DecodedImage:
    """Decode an image file. The suffix must be one of `READERS`.

    Args:
        path: The file.
        as_mask: Keep the indices of a palette; in an image they become colours.

    Raises:
        InvalidImageError: The file is empty, unreadable, too large or not numeric.
    """
    try:
        if path.stat().st_size == 0:
            raise InvalidImageError("empty", "has no content", "copy it again from its source")
        image = READERS[path.suffix.lower()](path, as_mask)
    except InvalidImageError:
        raise
    except PermissionError as error:
        raise InvalidImageError(*NO_PERMISSION) from error
    except Exception as error:  # decoders raise any exception on broken files
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InvalidImageError(
            "unreadable",
            f"cannot be read as {path.suffix.lower()[1:]} ({reason})",
            "export it again from its source",
        ) from error
    check_size(path, *image.pages.shape[:3])
    if image.pages.dtype.kind not in "buif":
        raise InvalidImageError(
            "unreadable",
            f"has values of type {image.pages.dtype}",
            "expected integers or floating-point numbers",
        )
    return image


def _read_with_pillow(path: Path, as_mask: bool) -> DecodedImage:
    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = None  # check_size does it for all formats
    with Image.open(path, formats=("PNG", "JPEG", "BMP")) as file:
        check_size(path, file.height, file.width)
        lossy = file.format == "JPEG"
        frames = getattr(file, "n_frames", 1)
        if frames > 1 and not lossy:
            raise InvalidImageError(
                "pages", f"is an animation with {frames} frames", "export the frames one by one"
            )
        if file.format == "PNG" and file.tile and ";16B" in str(file.tile[0][3]):
            return DecodedImage(_read_16_bit_png(path)[None])
        image: Image.Image = file
        ImageOps.exif_transpose(image, in_place=True)
        keep_indices = as_mask and _first_colour_is_black(image.getpalette("RGB"))
        if (image.mode == "P" and not keep_indices) or image.mode == "CMYK":
            image = image.convert("RGB")
        elif image.mode == "1":
            image = image.convert("L")
        return DecodedImage(np.asarray(image)[None], lossy=lossy)


def _first_colour_is_black(palette: list[int] | None) -> bool:
    """Return whether index 0 of a palette is black, so that it is the background of a mask."""
    return not any((palette or [0, 0, 0])[:3])


def _read_16_bit_png(path: Path) -> np.ndarray:
    """Decode a PNG with 16-bit colours, which Pillow would reduce to 8 bits."""
    import imagecodecs

    return np.asarray(imagecodecs.png_decode(path.read_bytes()))


def _read_npy(path: Path, as_mask: bool) -> DecodedImage:
    pixels = np.load(path, mmap_mode="r", allow_pickle=False)
    check_size(path, *(pixels.shape[:-1] if pixels.shape[-1] in CHANNELS else pixels.shape))
    if pixels.ndim == 2:
        return DecodedImage(np.array(pixels)[None])
    if pixels.ndim == 3:
        is_colour = pixels.shape[-1] in CHANNELS
        return DecodedImage(np.array(pixels)[None] if is_colour else np.array(pixels))
    if pixels.ndim == 4 and pixels.shape[-1] in CHANNELS:
        return DecodedImage(np.array(pixels))
    raise InvalidImageError(
        "unreadable",
        f"contains an array of shape {pixels.shape}",
        "expected (height, width) or (height, width, channels)",
    )


def _read_dicom(path: Path, as_mask: bool) -> DecodedImage:
    import pydicom
    from pydicom.pixels import apply_color_lut, apply_modality_lut

    file = pydicom.dcmread(path)
    frames = int(file.get("NumberOfFrames") or 1)
    check_size(path, frames, int(file.Rows), int(file.Columns))
    pixels = file.pixel_array
    if file.PhotometricInterpretation == "PALETTE COLOR" and not as_mask:
        pixels = apply_color_lut(pixels, file)
    elif not as_mask:
        pixels = apply_modality_lut(pixels, file)
    if file.PhotometricInterpretation == "MONOCHROME1":
        pixels = pixels.max() - pixels
    spacing = file.get("PixelSpacing")
    pixel_mm = (float(spacing[0]), float(spacing[1])) if spacing else None
    lossy = str(file.get("LossyImageCompression", "00")) == "01"
    pages = np.asarray(pixels)[None] if frames == 1 else np.asarray(pixels)
    return DecodedImage(pages, pixel_mm, lossy)


READERS: dict[str, Callable[[Path, bool], DecodedImage]] = {
    ".png": _read_with_pillow,
    ".jpg": _read_with_pillow,
    ".jpeg": _read_with_pillow,
    ".bmp": _read_with_pillow,
    ".tif": read_tiff,
    ".tiff": read_tiff,
    ".npy": _read_npy,
    ".dcm": _read_dicom,
}
"""The reader of each supported suffix."""
