"""Read the JSON of VGG Image Annotator 1 and 2: a project, or its export of annotations."""

from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from segsweep.config.validation import validate
from segsweep.data.annotations.regions import (
    AnnotatedImage,
    Record,
    Region,
    ShapeError,
    ellipse,
    numbers,
    polygon,
    rectangle,
)

FORMAT = "VGG VIA"
PROJECT_KEY = "_via_img_metadata"


class _Region(Record):
    shape_attributes: dict[str, Any]
    region_attributes: dict[str, Any] = Field(default_factory=dict)


class _Image(Record):
    filename: str
    size: int | None = None
    regions: list[_Region] | dict[str, _Region] = Field(default_factory=list)

    def in_order(self) -> list[_Region]:
        """Return the regions; version 1 has a table of them."""
        return list(self.regions.values() if isinstance(self.regions, dict) else self.regions)


class _File(Record):
    images: dict[str, _Image]


def is_via(content: Any) -> bool:
    if not isinstance(content, dict) or not content:
        return False
    return PROJECT_KEY in content or all(
        isinstance(value, dict) and {"filename", "regions"} <= set(value)
        for value in content.values()
    )


def read_via(content: Any, source: Path) -> list[AnnotatedImage]:
    """Return all images of a file, also those without regions.

    If the regions have one attribute, its value is the class. If they have several, each
    `attribute=value` is a class.

    Raises:
        ValueError: Keys are missing or have other types.
    """
    images = validate(_File, {"images": content.get(PROJECT_KEY, content)}).images.values()
    regions = [region for image in images for region in image.in_order()]
    attributes = {key for region in regions for key in region.region_attributes}
    return [
        AnnotatedImage(
            source,
            FORMAT,
            image.filename,
            tuple(
                _region(region, number, len(attributes) > 1)
                for number, region in enumerate(image.in_order(), 1)
            ),
            file_bytes=image.size if image.size and image.size > 0 else None,
        )
        for image in images
    ]


def _region(region: _Region, number: int, with_attribute: bool) -> Region:
    labels = tuple(
        f"{attribute}={value}" if with_attribute else value
        for attribute, chosen in region.region_attributes.items()
        for value in _values(chosen)
    )
    shape = region.shape_attributes
    name = f"region {number} ({shape.get('name')})"
    try:
        return Region(labels or ("",), name, (_outline(shape),))
    except ShapeError as error:
        return Region(labels or ("",), name, problem=str(error))


def _values(chosen: Any) -> list[str]:
    """Return the values of an attribute: one, or those of the ticked boxes."""
    if isinstance(chosen, dict):
        return [value for value, ticked in chosen.items() if ticked]
    return [str(chosen).strip()]


def _outline(shape: dict[str, Any]) -> np.ndarray:
    kind = shape.get("name")
    if kind == "polygon":
        x, y = shape.get("all_points_x"), shape.get("all_points_y")
        if not isinstance(x, list) or not isinstance(y, list) or len(x) != len(y):
            raise ShapeError("has no two lists of equal length (all_points_x, all_points_y)")
        return polygon(list(zip(x, y, strict=True)))
    if kind == "rect":
        return rectangle(*numbers(shape, ("x", "y", "width", "height")))
    if kind == "circle":
        x, y, radius = numbers(shape, ("cx", "cy", "r"))
        return ellipse(x, y, radius, radius)
    if kind == "ellipse":
        keys = ("cx", "cy", "rx", "ry", "theta") if "theta" in shape else ("cx", "cy", "rx", "ry")
        return ellipse(*numbers(shape, keys))
    raise ShapeError("has no area, expected a polygon, rect, circle or ellipse")
