"""Draw the regions of one image as a mask.

A pixel is foreground if its centre is inside a region (pycocotools, the reference for COCO). The
shapes of LabelMe also get the pixels that their outline touches (Pillow), as in LabelMe's own
export of masks.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from segsweep.data.annotations import labelme
from segsweep.data.annotations.regions import AnnotatedImage, Region
from segsweep.data.issues import InvalidImageError

MAX_OUTLINE = 10_000_000
"""Largest length of a polygon in pixels; drawing takes memory for each."""
MERGED_AT_ONCE = 16
"""Masks that are united in one call; the time of a call grows with the square of their number."""
Rle = Any
"""A mask as compressed run lengths, as pycocotools has it."""


@dataclass
class Counts:
    """What was drawn.

    Attributes:
        regions: Regions.
        crowds: Those that are a group of objects (COCO's `iscrowd`).
        cut: Those that reach beyond the image, which were cut at its border.
        thin: Outlines that contain no pixel, or have fewer than three points.
    """

    regions: int = 0
    crowds: int = 0
    cut: int = 0
    thin: int = 0

    def add(self, other: "Counts") -> None:
        self.regions += other.regions
        self.crowds += other.crowds
        self.cut += other.cut
        self.thin += other.thin


def draw_regions(
    annotated: AnnotatedImage, regions: Iterable[Region], height: int, width: int
) -> tuple[np.ndarray, Counts]:
    """Draw regions of an image.

    Args:
        annotated: The annotations that they are from.
        regions: The regions.
        height: Height of the image as it was annotated.
        width: Width of it.

    Returns:
        The mask, uint8 (height, width) of 0 and 255, and what was drawn.

    Raises:
        InvalidImageError: A region cannot be drawn.
    """
    counts, outlines, rles = Counts(), list[np.ndarray](), list[Rle]()
    for region in regions:
        counts.regions += 1
        counts.crowds += region.crowd
        if region.problem:
            raise _invalid(annotated.source, region, region.problem)
        if region.run_lengths:
            rles.append(_rle_of_runs(annotated.source, region, height, width))
            continue
        counts.cut += _check_outlines(annotated.source, region, height, width)
        usable = [outline for outline in region.outlines if len(outline) > 2]
        counts.thin += len(region.outlines) - len(usable)
        outlines += usable
    if annotated.format == labelme.FORMAT:
        return _draw_with_borders(outlines, height, width), counts
    for outline in outlines:
        rle = _rle_of_polygon(outline, height, width)
        counts.thin += not _area(rle)
        rles.append(rle)
    return _unite(rles, height, width), counts


def _check_outlines(source: Path, region: Region, height: int, width: int) -> bool:
    """Return whether a region reaches beyond the image.

    Raises:
        InvalidImageError: It is completely outside, or its coordinates cannot be pixels.
    """
    if not any(map(len, region.outlines)):
        return False
    points = np.concatenate(region.outlines)
    (left, top), (right, bottom) = points.min(0), points.max(0)
    x_range, y_range = f"x = {left:g} to {right:g}", f"y = {top:g} to {bottom:g}"
    if right <= 0 or bottom <= 0 or left >= width or top >= height:
        found = f"is outside the image ({x_range}, {y_range}; the image has {width} x {height})"
        raise _invalid(source, region, found, _OTHER_SIZE)
    if left < -width or top < -height or right > 2 * width or bottom > 2 * height:
        found = f"reaches far beyond the image ({x_range}, {y_range}; it has {width} x {height})"
        raise _invalid(source, region, found, _OTHER_SIZE)
    lengths = [np.abs(np.diff(o, axis=0, append=o[:1])).max(1).sum() for o in region.outlines]
    if max(lengths) > MAX_OUTLINE:
        found = f"has an outline of {max(lengths):,.0f} pixels, more than {MAX_OUTLINE:,}"
        raise _invalid(source, region, found)
    return bool(left < -1 or top < -1 or right > width + 1 or bottom > height + 1)


_OTHER_SIZE = (
    "use the image in the size in which it was annotated, or correct the region in the tool that "
    "made the annotations"
)


def _invalid(source: Path, region: Region, found: str, todo: str = "") -> InvalidImageError:
    return InvalidImageError(
        "annotation",
        f"{region.name} in {source} {found}",
        todo or "draw it again or delete it, or choose other classes with --label",
    )


def _draw_with_borders(outlines: list[np.ndarray], height: int, width: int) -> np.ndarray:
    from PIL import Image, ImageDraw

    mask = Image.new("L", (width, height))
    canvas = ImageDraw.Draw(mask)
    for outline in outlines:
        canvas.polygon(outline.ravel().tolist(), fill=255, outline=255)
    return np.asarray(mask)


def _rle_of_polygon(outline: np.ndarray, height: int, width: int) -> Rle:
    from pycocotools import mask

    return mask.frPyObjects([outline.ravel().tolist()], height, width)[0]


def _rle_of_runs(source: Path, region: Region, height: int, width: int) -> Rle:
    from pycocotools import mask

    assert region.run_lengths is not None
    if region.run_lengths.size != (height, width):
        drawn_height, drawn_width = region.run_lengths.size
        found = f"has {drawn_width} x {drawn_height} pixels, expected {width} x {height}"
        raise _invalid(source, region, found, _OTHER_SIZE)
    runs = {"size": [height, width], "counts": list(region.run_lengths.counts)}
    return mask.frPyObjects(runs, height, width)


def _area(rle: Rle) -> int:
    from pycocotools import mask

    return int(mask.area(rle))


def _unite(rles: list[Rle], height: int, width: int) -> np.ndarray:
    from pycocotools import mask

    if not rles:
        return np.zeros((height, width), np.uint8)
    while len(rles) > 1:
        parts = range(0, len(rles), MERGED_AT_ONCE)
        rles = [mask.merge(rles[start : start + MERGED_AT_ONCE]) for start in parts]
    return np.ascontiguousarray(mask.decode(rles[0])) * np.uint8(255)
