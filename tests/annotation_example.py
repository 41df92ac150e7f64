"""Write photographs and annotation files as LabelMe, COCO and VGG VIA do, with a known truth."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

HEIGHT, WIDTH = 120, 160
STAR = [
    (80 + radius * np.sin(k * np.pi / 5), 60 - radius * np.cos(k * np.pi / 5))
    for k, radius in enumerate([55.0, 25.0] * 5)
]
"""A polygon that is neither convex nor symmetric top to bottom, as x and y."""


def photo(path: Path, height: int = HEIGHT, width: int = WIDTH, orientation: int = 1) -> Path:
    """Write a photograph with this size as stored, and the orientation in EXIF."""
    path.parent.mkdir(parents=True, exist_ok=True)
    seed = sum(path.name.encode())
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(path, exif=exif)
    return path


def write(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def labelme(*shapes: tuple[str, str, list[Any]], **others: Any) -> dict[str, Any]:
    """Return a LabelMe file with shapes of (class, kind, points)."""
    content = [{"label": c, "shape_type": kind, "points": points} for c, kind, points in shapes]
    return {"version": "5.4", "shapes": content, **others}


def coco(
    *images: tuple[str, list[Any]], height: int = HEIGHT, width: int = WIDTH
) -> dict[str, Any]:
    """Return a COCO file of images (name, annotations); an annotation is a table or an outline."""
    annotations: list[dict[str, Any]] = []
    for number, (_, regions) in enumerate(images):
        for region in regions:
            given = region if isinstance(region, dict) else {"segmentation": region}
            same = {"id": len(annotations), "image_id": number, "category_id": 1, "iscrowd": 0}
            annotations.append(same | given)
    return {
        "images": [
            {"id": number, "file_name": name, "height": height, "width": width}
            for number, (name, _) in enumerate(images)
        ],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "cell"}, {"id": 2, "name": "nucleus"}],
    }


def via(**images: list[tuple[dict[str, Any], dict[str, Any]]]) -> dict[str, Any]:
    """Return VIA annotations of images by stem, with regions of (shape, attributes)."""
    return {
        f"{stem}.jpg-1": {
            "filename": f"{stem}.jpg",
            "size": -1,
            "regions": [
                {"shape_attributes": shape, "region_attributes": attributes}
                for shape, attributes in regions
            ],
            "file_attributes": {},
        }
        for stem, regions in images.items()
    }


def flat(points: list[Any]) -> list[float]:
    """Return points as x, y, x, y, ..."""
    return [float(value) for point in points for value in point]


def shoelace(points: list[Any]) -> float:
    """Return the area of a polygon."""
    x, y = np.array(points, float).T
    return abs(float(x @ np.roll(y, 1) - y @ np.roll(x, 1))) / 2


def truth(points: list[Any], height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """Return which pixels have their centre in a polygon, by the winding of its corners."""
    y, x = np.mgrid[:height, :width] + 0.5
    inside = np.zeros((height, width), bool)
    for (x0, y0), (x1, y1) in zip(points, [*points[1:], points[0]], strict=True):
        crosses = (y0 > y) != (y1 > y)
        with np.errstate(divide="ignore", invalid="ignore"):
            inside ^= crosses & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    return inside


def iou(mask: np.ndarray, other: np.ndarray) -> float:
    mask, other = mask > 0, other > 0
    return float((mask & other).sum() / (mask | other).sum())


def read(path: Path) -> np.ndarray:
    """Return a mask file as stored, which must have only 0 and 255."""
    mask = np.asarray(Image.open(path))
    assert mask.dtype == np.uint8
    assert set(np.unique(mask)) <= {0, 255}
    return mask
