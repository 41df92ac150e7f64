"""Read DICOM files, of one frame or several, with pydicom."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from segsweep.data.channels import Note
from segsweep.data.decoded_image import DecodedImage, check_size
from segsweep.data.issues import InvalidImageError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


def is_dicom(path: Path) -> bool:
    """Return whether a file begins as DICOM files do. `DICOMDIR`, a table of contents, does not
    count.

    Raises:
        OSError: It cannot be read.
    """
    if path.name.upper() == "DICOMDIR":
        return False
    with path.open("rb") as opened:
        return opened.read(132)[128:] == b"DICM"


def read_dicom(path: Path, as_mask: bool, channel: int | None = None) -> DecodedImage:
    """Decode all frames. Images get the values of the modality (Hounsfield units); masks do not.

    Raises:
        InvalidImageError: The file has no pixels, or too many.
    """
    import pydicom
    from pydicom.pixels import apply_color_lut

    file = pydicom.dcmread(path)
    if "Rows" not in file or "Columns" not in file:
        kind = file.SOPClassUID.name if "SOPClassUID" in file else "DICOM"
        raise InvalidImageError("unreadable", f"has no pixels ({kind})", "remove it")
    frames = int(file.get("NumberOfFrames") or 1)
    check_size(path, frames, int(file.Rows), int(file.Columns))
    pixels, notes, padding = file.pixel_array, tuple[Note, ...](), None
    if not as_mask and file.PhotometricInterpretation.startswith("MONOCHROME"):
        padding = _find_padding(pixels, file)
    if file.PhotometricInterpretation == "MONOCHROME1":
        pixels, notes = _reverse(pixels, file)
    if file.PhotometricInterpretation == "PALETTE COLOR" and not as_mask:
        pixels = apply_color_lut(pixels, file)
    elif not as_mask:
        pixels = _to_modality_values(pixels, file)
    spacing = _in_groups(file, 0, "PixelMeasuresSequence").get("PixelSpacing")
    pixel_mm = (float(spacing[0]), float(spacing[1])) if spacing else None
    lossy = str(file.get("LossyImageCompression", "00")) == "01"
    pages = np.asarray(pixels)[None] if frames == 1 else np.asarray(pixels)
    if padding is not None:  # NaN, as slope and intercept may differ between frames
        pages = np.where(padding.reshape(pages.shape), np.nan, pages.astype(np.float64))
    return DecodedImage(pages, pixel_mm, lossy, notes=notes)


def _find_padding(pixels: np.ndarray, file: "Dataset") -> np.ndarray | None:
    """Return which stored values are padding, outside the field of view; None if there are none."""
    if file.get("PixelPaddingValue") is None:
        return None
    first = int(file.PixelPaddingValue)
    last = int(file.get("PixelPaddingRangeLimit", first))
    padding = (pixels >= min(first, last)) & (pixels <= max(first, last))
    return padding if padding.any() else None


def _reverse(pixels: np.ndarray, file: "Dataset") -> tuple[np.ndarray, tuple[Note, ...]]:
    """Return stored values in which zero is white as values in which zero is black."""
    if pixels.dtype.kind == "u":
        reversed_pixels = ~pixels & pixels.dtype.type(2 ** int(file.BitsStored) - 1)
    else:
        reversed_pixels = ~pixels if pixels.dtype.kind == "i" else -pixels
    return reversed_pixels, (("negative", "zero is white (MONOCHROME1); the values are reversed"),)


def _to_modality_values(pixels: np.ndarray, file: "Dataset") -> np.ndarray:
    """Apply the lookup table, or slope and intercept, of the file or of each frame."""
    from pydicom.pixels import apply_modality_lut

    if "SharedFunctionalGroupsSequence" not in file:
        return apply_modality_lut(pixels, file)
    frames = pixels[None] if int(file.get("NumberOfFrames") or 1) == 1 else pixels
    scaled = [
        apply_modality_lut(frame, _in_groups(file, number, "PixelValueTransformationSequence"))
        for number, frame in enumerate(frames)
    ]
    return np.stack(scaled).reshape(pixels.shape)


def _in_groups(file: "Dataset", frame: int, sequence: str) -> "Dataset":
    """Return the attributes of a frame in an enhanced file; of any other file, its attributes."""
    for groups, number in (
        ("PerFrameFunctionalGroupsSequence", frame),
        ("SharedFunctionalGroupsSequence", 0),
    ):
        if groups in file and sequence in file[groups].value[number]:
            return file[groups].value[number][sequence].value[0]
    return file
