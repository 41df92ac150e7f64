"""Pixels out of any file that researchers have, by the libraries that know the formats."""

import logging
import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tifffile import TiffFrame, TiffPage

from segsweep.data.issues import NOT_PERMITTED, UnusableError

MAX_PIXELS = 2**28
"""Pixels of one file (all pages) beyond which it is refused: 268 million, 16384 x 16384."""

HARMLESS = 2**24
PIXELS_PER_BYTE = 2000
"""What a file can hold: deflate and LZW pack at most some 1,000 to 1,400 bytes into one."""

CHANNELS = (1, 3, 4)
UNITS = {"nm": 1e-6, "µm": 1e-3, "um": 1e-3, "mm": 1.0, "cm": 10.0}
"""Lengths of OME metadata in mm."""

logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # what it logs, we say


@dataclass(frozen=True)
class Picture:
    """`pages`: (n, height, width) or (n, height, width, channels), numbers as they stand in the
    file. `pixel_mm`: height and width of a pixel in mm where the file says so (DICOM, OME-TIFF).
    `lossy`: whether the pixels were compressed as JPEG.
    """

    pages: np.ndarray
    pixel_mm: tuple[float, float] | None = None
    lossy: bool = False


def read(path: Path, as_mask: bool = False) -> Picture:
    """Decode a file; palettes become colours, or stay indices in a mask.

    Raises `UnusableError` when the file is empty, unreadable, too large, or not numbers.
    """
    try:
        if path.stat().st_size == 0:
            raise UnusableError("empty", "holds no bytes", "copy it anew from its source")
        picture = FORMATS[path.suffix.lower()](path, as_mask)
    except UnusableError:
        raise
    except PermissionError as error:
        raise UnusableError(*NOT_PERMITTED) from error
    except Exception as error:  # decoders raise anything on broken files; all of it means one thing
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise UnusableError(
            "unreadable",
            f"cannot be read as {path.suffix.lower()[1:]} ({reason})",
            "export it anew from its source",
        ) from error
    check_size(path, *picture.pages.shape[:3])
    if picture.pages.dtype.kind not in "buif":
        raise UnusableError(
            "unreadable",
            f"holds values of the type {picture.pages.dtype}",
            "expected whole or floating-point numbers",
        )
    return picture


def check_size(path: Path, *sides: int) -> None:
    """Raise `UnusableError` where a header promises more pixels than we would ever read."""
    if any(side < 1 for side in sides):
        raise UnusableError("empty", "holds no pixels", "copy it anew from its source")
    if math.prod(sides) > MAX_PIXELS:
        size = " x ".join(str(side) for side in sides)
        raise UnusableError(
            "too_large",
            f"measures {size} pixels, more than the {MAX_PIXELS:,} that are read",
            "cut it into smaller images",
        )
    if math.prod(sides) > max(HARMLESS, PIXELS_PER_BYTE * path.stat().st_size):
        raise UnusableError(
            "too_large",
            f"promises {math.prod(sides):,} pixels in {path.stat().st_size:,} bytes",
            "no image is compressed that far; export it anew from its source",
        )


def _pillow(path: Path, as_mask: bool) -> Picture:
    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = None  # check_size speaks for all formats
    with Image.open(path, formats=("PNG", "JPEG", "BMP")) as file:
        check_size(path, file.height, file.width)
        lossy = file.format == "JPEG"
        frames = getattr(file, "n_frames", 1)
        if frames > 1 and not lossy:
            raise UnusableError(
                "pages", f"holds {frames} frames of an animation", "export them one by one"
            )
        if file.format == "PNG" and file.tile and ";16B" in str(file.tile[0][3]):
            return Picture(_deep_png(path)[None])  # Pillow would cut 16-bit colour to 8 bits
        image: Image.Image = file
        ImageOps.exif_transpose(image, in_place=True)
        is_index = as_mask and _starts_black(image.getpalette("RGB"))
        if (image.mode == "P" and not is_index) or image.mode == "CMYK":
            image = image.convert("RGB")
        elif image.mode == "1":
            image = image.convert("L")
        return Picture(np.asarray(image)[None], lossy=lossy)


def _starts_black(palette: list[int] | None) -> bool:
    """Whether the first colour is black, so that a mask's indices say what its colours do."""
    return not any((palette or [0, 0, 0])[:3])


def _deep_png(path: Path) -> np.ndarray:
    import imagecodecs

    return np.asarray(imagecodecs.png_decode(path.read_bytes()))


def _tiff(path: Path, as_mask: bool) -> Picture:
    import tifffile

    with tifffile.TiffFile(path, _multifile=False) as file:
        pages = [page for page in _pages(file.pages) if not page.is_reduced]
        first = pages[0]
        inside = int((file.imagej_metadata or {}).get("images", 1))
        check_size(path, max(inside, len(pages)), first.imagelength, first.imagewidth)
        if inside > len(pages):  # ImageJ writes a large stack as one page and its number of images
            return Picture(file.asarray(series=0).reshape(inside, *first.shape))
        if any(page.shape != first.shape for page in pages):
            raise UnusableError(
                "pages", f"holds {len(pages)} pages of different sizes", "give each its own file"
            )
        arrays = [_tiff_page(page, as_mask) for page in pages]
        lossy = "JPEG" in tifffile.COMPRESSION(first.compression).name
        return Picture(np.stack(arrays), _ome_pixel(file.ome_metadata), lossy)


def _pages(listed: Iterable["TiffPage | TiffFrame"]) -> Iterator["TiffPage"]:
    """The pages, each of which must have pixels: a broken chain of pages may run in a circle."""
    places: set[int] = set()
    for page in listed:
        whole = page.aspage()
        if not whole.shape or whole.offset in places:
            raise UnusableError(
                "unreadable",
                f"holds a broken chain of pages (at page {len(places) + 1})",
                "export it anew from its source",
            )
        places.add(whole.offset)
        yield whole


def _tiff_page(page: "TiffPage", as_mask: bool) -> np.ndarray:
    import tifffile

    if page.axes not in ("YX", "YXS", "SYX"):
        raise UnusableError(
            "pages", f"holds a volume with the axes {page.axes}", "export its slices one by one"
        )
    _check_channels(page)
    if page.tags.valueof("Orientation", 1) != 1:
        raise UnusableError(
            "unreadable", "is stored turned or mirrored (TIFF orientation)", "export it upright"
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
    """Raise `UnusableError` where several values of a pixel are not a colour."""
    import tifffile

    count, meaning = page.samplesperpixel, tifffile.PHOTOMETRIC(page.photometric)
    is_colour = meaning in (tifffile.PHOTOMETRIC.RGB, tifffile.PHOTOMETRIC.YCBCR) and count <= 4
    has_alpha = count == 2 and len(page.extrasamples) == 1 and page.extrasamples[0] in (1, 2)
    if count > 1 and not is_colour and not has_alpha:
        raise UnusableError(
            "channels",
            f"holds {count} channels ({meaning.name})",
            "expected grey or RGB; export the channel that shows what is to be found",
        )


def _ome_pixel(metadata: str | None) -> tuple[float, float] | None:
    found = []
    for axis in ("Y", "X"):
        size = re.search(rf'PhysicalSize{axis}="([0-9.eE+-]+)"', metadata or "")
        unit = re.search(rf'PhysicalSize{axis}Unit="([^"]+)"', metadata or "")
        factor = UNITS.get(unit.group(1) if unit else "µm")
        if size is None or factor is None or not float(size.group(1)) > 0:
            return None
        found.append(float(size.group(1)) * factor)
    return found[0], found[1]


def _npy(path: Path, as_mask: bool) -> Picture:
    pixels = np.load(path, mmap_mode="r", allow_pickle=False)
    check_size(path, *(pixels.shape[:-1] if pixels.shape[-1] in CHANNELS else pixels.shape))
    if pixels.ndim == 2:
        return Picture(np.array(pixels)[None])
    if pixels.ndim == 3:
        is_colour = pixels.shape[-1] in CHANNELS
        return Picture(np.array(pixels)[None] if is_colour else np.array(pixels))
    if pixels.ndim == 4 and pixels.shape[-1] in CHANNELS:
        return Picture(np.array(pixels))
    raise UnusableError(
        "unreadable",
        f"holds an array of the shape {pixels.shape}",
        "expected height, width (and channels)",
    )


def _dicom(path: Path, as_mask: bool) -> Picture:
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
    return Picture(np.asarray(pixels)[None] if frames == 1 else np.asarray(pixels), pixel_mm, lossy)


FORMATS: dict[str, Callable[[Path, bool], Picture]] = {
    ".png": _pillow,
    ".jpg": _pillow,
    ".jpeg": _pillow,
    ".bmp": _pillow,
    ".tif": _tiff,
    ".tiff": _tiff,
    ".npy": _npy,
    ".dcm": _dicom,
}
"""Which reader each suffix has."""
