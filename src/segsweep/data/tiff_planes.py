"""Tell which planes of a TIFF file are its channels, and which are its pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from segsweep.data.decoded_image import DAMAGED, SAVE_IN_FIJI
from segsweep.data.issues import InvalidImageError

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage, TiffPageSeries

PROGRAMS = {"imagej": "ImageJ", "ome": "OME"}
"""What wrote the metadata, by tifffile's name of the kind of a series."""


@dataclass(frozen=True)
class Planes:
    """The planes (2-D arrays) of a file.

    Attributes:
        numbers: Array (channels, pages) with the number of each plane in the file.
        source: What says that there are channels, such as `ImageJ, axes CYX`.
        unlisted: Whether the planes follow each other without a list, as in large ImageJ stacks.
    """

    numbers: np.ndarray
    source: str = ""
    unlisted: bool = False


def find_planes(file: "TiffFile", pages: Sequence["TiffPage"]) -> Planes:
    """Find the planes of a file, whose pages have the same shape.

    Raises:
        InvalidImageError: The metadata do not fit the pages.
    """
    plain = Planes(np.arange(len(pages))[None])
    declared = int((file.imagej_metadata or {}).get("images", 1))
    if len(pages) == 1 and not file.is_shaped and declared == 1:
        return plain
    all_series = [series for series in file.series if not series.keyframe.is_reduced]
    outer = [_outer_axes(series, pages[0]) for series in all_series]
    if len(all_series) != 1:
        if any("C" in axes for axes in outer):
            found = f"contains {len(all_series)} images with several channels"
            raise InvalidImageError("pages", found, f"{SAVE_IN_FIJI}, one file for each")
        return plain
    series, axes = all_series[0], outer[0]
    count = int(np.prod(list(axes.values()), dtype=np.int64))
    unlisted = len(pages) == 1 and count > 1
    if (unlisted and series.dataoffset is None) or max(count, len(pages)) < declared:
        found = f"declares {max(declared, count)} pages but has {len(pages)}"
        raise InvalidImageError("unreadable", found, DAMAGED)
    if count != len(pages) and not unlisted:
        if "C" not in axes:
            return plain
        found = f"has {len(pages)} pages, but its metadata describe {count} (axes {series.axes})"
        raise InvalidImageError("unreadable", found, SAVE_IN_FIJI)
    numbers = np.arange(count) if unlisted else _page_numbers(series, pages)
    by_axis = numbers.reshape(tuple(axes.values()))
    if "C" in axes:
        by_channel = np.moveaxis(by_axis, list(axes).index("C"), 0).reshape(axes["C"], -1)
    else:
        by_channel = by_axis.reshape(1, -1)
    source = f"{PROGRAMS.get(series.kind, 'TIFF')}, axes {series.axes}"
    return Planes(by_channel, source, unlisted)


def _outer_axes(series: "TiffPageSeries", page: "TiffPage") -> dict[str, int]:
    """Return the lengths, above 1, of the axes of a series that are not axes of its pages."""
    axes = {
        axis: side
        for axis, side in zip(series.axes, series.shape, strict=True)
        if axis not in "YXS" and side > 1
    }
    declares_samples = page.samplesperpixel > 1 and axes.get("C") == page.samplesperpixel
    if declares_samples and np.prod(list(axes.values())) > len(series):
        del axes["C"]
    return axes


def _page_numbers(series: "TiffPageSeries", pages: Sequence["TiffPage"]) -> np.ndarray:
    """Return which pages the planes of a series are."""
    numbers = {page.offset: number for number, page in enumerate(pages)}
    listed = [series[index] for index in range(len(pages))]
    if any(page is None or page.offset not in numbers for page in listed):
        raise InvalidImageError("unreadable", "lacks pages that its metadata describe", DAMAGED)
    return np.array([numbers[page.offset] for page in listed if page is not None])
