"""Read NIfTI volumes (`.nii`, `.nii.gz`) with nibabel."""

import logging
from pathlib import Path
from typing import Any

import numpy as np

from segsweep.data.channels import Note, choose_channel
from segsweep.data.decoded_image import DecodedImage, check_size
from segsweep.data.issues import InvalidImageError

MM_PER_UNIT = {"mm": 1.0, "micron": 1e-3, "meter": 1e3, "unknown": 1.0}
"""Length units of NIfTI in mm. Programs that do not write the unit mean mm."""

logging.getLogger("nibabel.global").setLevel(logging.CRITICAL)  # errors become data issues


def read_nifti(path: Path, as_mask: bool, channel: int | None = None) -> DecodedImage:
    """Decode the slices along the third axis: page k is `data[:, :, k]`, not transposed.

    A fourth axis is taken for channels. Masks of floating-point type become integers if all their
    values are integers.

    Raises:
        InvalidImageError: The file has channels of which none was chosen, or too many pixels.
    """
    import nibabel

    file: Any = nibabel.load(path, mmap=False)
    check_size(path, *file.shape)
    shape = file.shape[:3] + tuple(side for side in file.shape[3:] if side > 1)
    if len(shape) not in (2, 3, 4):
        raise InvalidImageError(
            "unreadable",
            f"contains an array of shape {file.shape}",
            "expected (height, width, slices); save one volume of it as its own file",
        )
    data, notes = _values(file.dataobj, as_mask).reshape(shape, order="A"), list[Note]()
    if len(shape) == 4:
        source = f"NIfTI, a fourth axis of {shape[3]}"
        index, note = choose_channel(shape[3], channel, as_mask, source)
        data, notes = data[..., index], [note]
    pages = data[None] if len(shape) == 2 else np.moveaxis(data, 2, 0)
    return DecodedImage(
        np.ascontiguousarray(pages), _pixel_mm(file.header), axes=_axes(file), notes=tuple(notes)
    )


def _values(proxy: Any, as_mask: bool) -> np.ndarray:
    """Return the values with the slope and intercept of the file applied."""
    if (proxy.slope, proxy.inter) == (1, 0):
        values = proxy.get_unscaled()
    else:  # float32 holds values of 16 bits exactly, in half of the memory
        values = np.asarray(proxy, np.float32 if proxy.dtype.itemsize <= 2 else np.float64)
    values = np.asarray(values, values.dtype.newbyteorder("="))
    if as_mask and values.dtype.kind == "f" and (values == np.rint(values)).all():
        largest = np.abs(values).max()
        return values.astype(np.int32 if largest < 2**31 else np.int64)
    return values


def _pixel_mm(header: Any) -> tuple[float, float] | None:
    """Return height and width of a pixel in mm, None where the file does not have them."""
    is_in_space = header["sform_code"] > 0 or header["qform_code"] > 0
    unit = header.get_xyzt_units()[0]
    factor = MM_PER_UNIT.get(unit) if unit != "unknown" or is_in_space else None
    height, width = (float(zoom) for zoom in header.get_zooms()[:2])
    if factor is None or not (0 < height < np.inf and 0 < width < np.inf):
        return None
    return height * factor, width * factor


def _axes(file: Any) -> str:
    """Return the anatomical direction of each axis, such as `RAS`; "" where the file has none."""
    import nibabel

    if not (file.header["sform_code"] > 0 or file.header["qform_code"] > 0):
        return ""
    return "".join(code or "?" for code in nibabel.aff2axcodes(file.affine))
