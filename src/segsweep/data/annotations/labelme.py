"""Read LabelMe's JSON: one file per image, next to it or in a folder of its own."""

from math import dist
from pathlib import Path
from typing import Any

import numpy as np

from segsweep.config.validation import validate
from segsweep.data.annotations.regions import (
    AnnotatedImage,
    Record,
    Region,
    ShapeError,
    ellipse,
    pixel_size,
    polygon,
    rectangle,
)

FORMAT = "LabelMe"


class _Shape(Record):
    label: str
    points: list[Any]
    shape_type: str | None = None


class _File(Record):
    shapes: list[_Shape]
    imagePath: str | None = None  # noqa: N815, LabelMe's name
    imageHeight: float | None = None  # noqa: N815
    imageWidth: float | None = None  # noqa: N815


def is_labelme(content: Any) -> bool:
    return isinstance(content, dict) and "shapes" in content


def read_labelme(content: Any, source: Path) -> list[AnnotatedImage]:
    """Return the one annotated image of a file.

    Raises:
        ValueError: Keys are missing or have other types.
    """
    file = validate(_File, content)
    regions = tuple(_region(shape, number) for number, shape in enumerate(file.shapes, 1))
    size = pixel_size(file.imageHeight, file.imageWidth)
    return [AnnotatedImage(source, FORMAT, file.imagePath or "", regions, size, one_image=True)]


def _region(shape: _Shape, number: int) -> Region:
    kind = shape.shape_type or "polygon"
    name = f"shape {number} ({kind} of the class {shape.label})"
    try:
        return Region((shape.label,), name, (_outline(kind, shape.points),))
    except ShapeError as error:
        return Region((shape.label,), name, problem=str(error))


def _outline(kind: str, points: list[Any]) -> np.ndarray:
    corners = polygon(points)
    if kind == "polygon":
        return corners
    if kind not in ("rectangle", "circle"):
        raise ShapeError("has no area, expected a polygon, rectangle or circle")
    if len(corners) != 2:
        raise ShapeError(f"has {len(corners)} points, expected 2")
    (x, y), (other_x, other_y) = corners.tolist()
    if kind == "rectangle":
        return rectangle(x, y, other_x - x, other_y - y)
    radius = dist((x, y), (other_x, other_y))
    return ellipse(x, y, radius, radius)
