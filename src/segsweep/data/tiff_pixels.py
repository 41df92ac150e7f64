"""Turn the samples of a TIFF page into grey values, colours or the numbers of a mask."""

from typing import TYPE_CHECKING

import numpy as np

from segsweep.data.channels import Note, choose_channel
from segsweep.data.decoded_image import SAVE_IN_FIJI
from segsweep.data.issues import InvalidImageError

if TYPE_CHECKING:
    from tifffile import TiffPage

ALPHA = (1, 2)
"""Values of the tag ExtraSamples that mean alpha; 0 is unspecified, such as near infrared."""

CONVERTED = (6, 7, 33007, 34892)
"""Compressions (JPEG) of which tifffile decodes YCbCr as RGB."""


def interpret_samples(
    pixels: np.ndarray, page: "TiffPage", as_mask: bool, channel: int | None
) -> tuple[np.ndarray, tuple[Note, ...]]:
    """Return the pixels of a page, (height, width) or (height, width, channels), and notes.

    Args:
        pixels: The samples as tifffile decodes them.
        page: Where they are from.
        as_mask: Keep the numbers of a palette whose index 0 is black.
        channel: The channel to use, counted from 1.

    Raises:
        InvalidImageError: A pixel has several channels of which none was chosen.
    """
    import tifffile

    if page.axes not in ("YX", "YXS", "SYX"):
        raise InvalidImageError("pages", f"contains a volume (axes {page.axes})", SAVE_IN_FIJI)
    if page.axes == "SYX":
        pixels = np.moveaxis(pixels, 0, -1)
    if page.photometric == tifffile.PHOTOMETRIC.PALETTE and page.samplesperpixel == 1:
        assert page.colormap is not None
        if as_mask and not page.colormap[:, 0].any():
            return pixels, ()
        return np.moveaxis(page.colormap[:, pixels], 0, -1), ()
    pixels, notes = _choose_samples(pixels, page, as_mask, channel)
    if page.photometric == tifffile.PHOTOMETRIC.MINISWHITE:
        pixels, note = _reverse(pixels, page, as_mask)
        notes = (*notes, note)
    return pixels, notes


def _choose_samples(
    pixels: np.ndarray, page: "TiffPage", as_mask: bool, channel: int | None
) -> tuple[np.ndarray, tuple[Note, ...]]:
    """Return grey values, grey with alpha, RGB, RGBA or one channel."""
    import tifffile

    count, meaning = page.samplesperpixel, tifffile.PHOTOMETRIC(page.photometric)
    is_jpeg_colour = meaning == tifffile.PHOTOMETRIC.YCBCR and page.compression in CONVERTED
    is_rgb = count >= 3 and (meaning == tifffile.PHOTOMETRIC.RGB or is_jpeg_colour)
    colours = 3 if is_rgb else 1
    has_alpha = count > colours and bool(page.extrasamples) and page.extrasamples[0] in ALPHA
    if count == colours + has_alpha:
        return pixels, ()
    if is_rgb and (channel is None or as_mask):
        unused = f"the {count}th sample is" if count == 4 else f"samples 4 to {count} are"
        note = ("channel", f"red, green and blue; {unused} not used")
        return pixels[..., : 3 + has_alpha], (note,)
    index, note = choose_channel(count, channel, as_mask, f"TIFF, {meaning.name}")
    return pixels[..., index], (note,)


def _reverse(pixels: np.ndarray, page: "TiffPage", as_mask: bool) -> tuple[np.ndarray, Note]:
    """Return values in which zero is white as values in which zero is black."""
    if page.is_imagej and as_mask:  # what ImageJ measures, which is why 255 is foreground there
        return pixels, ("negative", "an ImageJ inverting LUT; the stored values are used")
    if page.is_imagej:
        ground = "an ImageJ inverting LUT"
    elif pixels.dtype == bool and page.software.startswith("tifffile"):
        ground = "zero is white (MINISWHITE, which tifffile also writes for any array of type bool)"
    else:
        ground = "zero is white (MINISWHITE)"
    grey = pixels[..., 0] if pixels.ndim == 3 else pixels  # without alpha
    if grey.dtype.kind == "u":
        reversed_grey = grey.dtype.type(2**page.bitspersample - 1) - grey
    else:
        reversed_grey = ~grey if grey.dtype.kind in "bi" else -grey
    return reversed_grey, ("negative", f"{ground}; the values are reversed")


def reversed_nodata(value: float, page: "TiffPage") -> float:
    """Return the value of pixels without data after `interpret_samples`."""
    import tifffile

    if page.photometric != tifffile.PHOTOMETRIC.MINISWHITE:
        return value
    kind = "" if page.dtype is None else page.dtype.kind
    if kind in "bu":
        return 2**page.bitspersample - 1 - value
    return -1 - value if kind == "i" else -value


def compression_name(page: "TiffPage") -> str:
    import tifffile

    return tifffile.COMPRESSION(page.compression).name
