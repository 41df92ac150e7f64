"""Read image files of all supported formats; each format is decoded by a library for it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from segsweep.data.channels import Note, choose_channel
from segsweep.data.decoded_image import DAMAGED, SAVE_IN_FIJI, DecodedImage, check_size
from segsweep.data.dicom_reader import read_dicom
from segsweep.data.issues import NO_PERMISSION, InvalidImageError
from segsweep.data.nifti_reader import read_nifti
from segsweep.data.pillow_reader import read_with_pillow
from segsweep.data.tiff_reader import read_tiff

COLOURS = (1, 3, 4)
"""Lengths of the last axis of a NumPy array that is taken for grey, RGB or RGBA."""

MIN_SIDE_PER_CHANNEL = 4
"""The last axis of a NumPy array is taken for channels if height and width are at least this many
times as long."""


def read_image(path: Path, as_mask: bool = False, channel: int | None = None) -> DecodedImage:
    """Decode an image file. Its `image_suffix` must be one of `READERS`.

    Args:
        path: The file.
        as_mask: Keep the numbers of a mask: of a palette whose index 0 is background, and of
            files with fewer than 8 bits. Masks of 1 bit have the type bool.
        channel: `preprocess.channel`, counted from 1: the channel to use of an image that has
            several; of RGB, 1 is red. Masks, and images of one channel, are read without it.

    Raises:
        InvalidImageError: The file is empty, unreadable, too large or not numeric, or has several
            channels of which none was chosen.
    """
    suffix = image_suffix(path)
    try:
        if path.stat().st_size == 0:
            raise InvalidImageError("empty", "has no content", DAMAGED)
        image = READERS[suffix](path, as_mask, channel)
    except InvalidImageError:
        raise
    except PermissionError as error:
        raise InvalidImageError(*NO_PERMISSION) from error
    except Exception as error:  # decoders raise any exception on broken files
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InvalidImageError(
            "unreadable",
            f"cannot be read as {suffix[1:]} ({reason})",
            f"if Fiji can open it, save it there as TIFF; if not, {DAMAGED}",
        ) from error
    check_size(path, *image.pages.shape[:3])
    if image.pages.dtype.kind not in "buif":
        raise InvalidImageError(
            "unreadable",
            f"has values of type {image.pages.dtype}",
            f"expected integers or floating-point numbers; {SAVE_IN_FIJI}",
        )
    return image if as_mask or channel is None else _pick_colour(image, channel)


def _pick_colour(image: DecodedImage, channel: int) -> DecodedImage:
    """Return one colour of an RGB image. Any other image is returned as it is."""
    is_colour = image.pages.ndim == 4 and image.pages.shape[-1] >= 3
    if not is_colour or any(kind == "channel" for kind, _ in image.notes):
        return image
    index, note = choose_channel(3, channel, False, "red, green, blue")
    return replace(image, pages=image.pages[..., index], notes=(*image.notes, note))


def _read_npy(path: Path, as_mask: bool, channel: int | None) -> DecodedImage:
    try:
        pixels = np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError as error:
        if "object" not in str(error):
            raise
        raise InvalidImageError(
            "unreadable",
            "contains Python objects, not an array of numbers",
            "save the masks as PNG or TIFF (in Cellpose: File, Save masks as PNG/tif)",
        ) from error
    shape, notes = pixels.shape, list[Note]()
    is_colour = pixels.ndim > 2 and shape[-1] in COLOURS
    has_channels = pixels.ndim > 2 and not is_colour and _is_channels_last(shape)
    if pixels.ndim not in (2, 3, 4) or (pixels.ndim == 4 and not (is_colour or has_channels)):
        raise InvalidImageError(
            "unreadable",
            f"contains an array of shape {shape}",
            "save it with numpy.save in the shape (height, width), (height, width, channels) or "
            "(pages, height, width)",
        )
    check_size(path, *(shape[:-1] if is_colour or has_channels else shape))
    if has_channels:
        hint = "; if the first axis is pages, save each page as its own file"
        index, note = choose_channel(shape[-1], channel, as_mask, f"shape {shape}", hint)
        pixels, notes = pixels[..., index], [note]
    is_one_page = pixels.ndim == (3 if is_colour else 2)
    pages = np.array(pixels)[None] if is_one_page else np.array(pixels)
    return DecodedImage(pages, notes=tuple(notes))


def _is_channels_last(shape: tuple[int, ...]) -> bool:
    """Return whether the last axis is so short that it must be channels, not the width."""
    return 1 < shape[-1] <= min(shape[-3:-1]) / MIN_SIDE_PER_CHANNEL


def image_suffix(path: Path) -> str:
    """Return the suffix, in small letters, that selects the reader of a file.

    `x.nii.gz` has the suffix `.nii.gz`, `x.ome.tif` has `.tif`. Files without a suffix, or with
    only digits after the last dot (as in `1.2.840.10008`), are named as DICOM files often are:
    `.dcm`.
    """
    if path.name.lower().endswith(".nii.gz"):
        return ".nii.gz"
    suffix = path.suffix.lower()
    return ".dcm" if not suffix or suffix[1:].isdigit() else suffix


def written_suffix(path: Path) -> str:
    """Return the suffix as it is written in the file's name, empty if it has none."""
    suffix = image_suffix(path)
    return path.name[-len(suffix) :] if path.name.lower().endswith(suffix) else ""


Reader = Callable[[Path, bool, int | None], DecodedImage]
"""A function that decodes a file; its arguments are those of `read_image`."""

PILLOW_SUFFIXES = """
.png .jpg .jpeg .bmp .gif .webp .jp2 .j2k .tga .pgm .ppm .pbm .pnm
""".split()  # noqa: SIM905, a list of quotes is harder to read

READERS: dict[str, Reader] = {
    **dict.fromkeys(PILLOW_SUFFIXES, read_with_pillow),
    **dict.fromkeys((".tif", ".tiff"), read_tiff),
    ".npy": _read_npy,
    **dict.fromkeys((".dcm", ".ima"), read_dicom),
    **dict.fromkeys((".nii", ".nii.gz"), read_nifti),
}
"""The reader of each supported suffix."""
