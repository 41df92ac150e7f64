"""The content of annotation files in all formats: images, and regions with class and outline."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

ELLIPSE_CORNERS = 256
"""Corners of the polygon for an ellipse, which differs by less than 0.1 pixels up to a radius of
1,300 pixels."""


class Record(BaseModel):
    """A part of an annotation file. Only the keys that masks need are read."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True, frozen=True)


class ShapeError(ValueError):
    """A region cannot be drawn; the message says what was found and what was expected."""


@dataclass(frozen=True)
class RunLengths:
    """A region as lengths of runs of background and foreground, column by column (COCO's RLE).

    Attributes:
        size: Height and width.
        counts: Lengths of the runs, the first one of background.
    """

    size: tuple[int, int]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Region:
    """One annotated object.

    Attributes:
        labels: Its class; in VIA one name per attribute.
        name: What messages call it.
        outlines: Polygons, each (n, 2) with x and y; pixel 0 reaches from 0 to 1.
        run_lengths: What it is instead of polygons.
        problem: Why it cannot be drawn.
        crowd: Whether it is a group of objects (COCO's `iscrowd`).
    """

    labels: tuple[str, ...]
    name: str
    outlines: tuple[np.ndarray, ...] = ()
    run_lengths: RunLengths | None = None
    problem: str = ""
    crowd: bool = False


@dataclass(frozen=True)
class AnnotatedImage:
    """The annotations of one image.

    Attributes:
        source: The annotation file.
        format: The tool or format, for messages.
        name: Path of the image as the file has it, empty if it has none.
        regions: Its regions.
        size: Height and width that the file records.
        file_bytes: Size of the image file that the file records.
        one_image: Whether the annotation file is of this image only, and has its name.
    """

    source: Path
    format: str
    name: str
    regions: tuple[Region, ...]
    size: tuple[int, int] | None = None
    file_bytes: int | None = None
    one_image: bool = False


def polygon(points: Any) -> np.ndarray:
    """Return corners as float64 (n, 2).

    Raises:
        ShapeError: They are not pairs of finite numbers.
    """
    try:
        corners = np.array(points, np.float64).reshape(len(points), 2)
    except (TypeError, ValueError, OverflowError):
        raise ShapeError("has points that are not pairs of numbers") from None
    if not np.isfinite(corners).all():
        raise ShapeError("has coordinates that are NaN or infinite")
    return corners


def rectangle(x: float, y: float, width: float, height: float) -> np.ndarray:
    """Return the corners of a rectangle."""
    right, bottom = x + width, y + height
    return polygon([(x, y), (right, y), (right, bottom), (x, bottom)])


def ellipse(x: float, y: float, x_radius: float, y_radius: float, angle: float = 0) -> np.ndarray:
    """Return a polygon for an ellipse, turned by an angle in radians (clockwise, as y is down)."""
    turns = np.linspace(0, 2 * np.pi, ELLIPSE_CORNERS, endpoint=False)
    cos, sin = np.cos(angle), np.sin(angle)
    with np.errstate(over="ignore", invalid="ignore"):  # polygon() refuses what is not finite
        along, across = x_radius * np.cos(turns), y_radius * np.sin(turns)
        corners = np.stack([x + cos * along - sin * across, y + sin * along + cos * across], -1)
    return polygon(corners)


def numbers(values: dict[str, Any], keys: Iterable[str]) -> list[float]:
    """Return the values of some keys as numbers.

    Raises:
        ShapeError: One is missing or not a finite number.
    """
    found = []
    for key in keys:
        value: Any = values.get(key)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not np.isfinite(float(value)):
            raise ShapeError(f"has {value!r} as {key}, expected a number")
        found.append(float(value))
    return found


def pixel_size(height: float | None, width: float | None) -> tuple[int, int] | None:
    """Return a recorded size, None where the file has none (missing or 0)."""
    if not height or not width or not np.isfinite([height, width]).all():
        return None
    return round(height), round(width)
