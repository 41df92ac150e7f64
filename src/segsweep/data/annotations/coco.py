"""Read COCO's JSON of object instances: one file for all images, with polygons or run lengths."""

from pathlib import Path
from typing import Any

from segsweep.config.validation import validate
from segsweep.data.annotations.regions import (
    AnnotatedImage,
    Record,
    Region,
    RunLengths,
    ShapeError,
    pixel_size,
    polygon,
)

FORMAT = "COCO"
MAX_RUN_CHARACTERS = 7
"""Characters of one number in compressed run lengths; 7 x 5 bits are enough for 32-bit numbers."""

_Id = int | str


class _Image(Record):
    id: _Id
    file_name: str
    height: float | None = None
    width: float | None = None


class _Annotation(Record):
    image_id: _Id
    id: _Id | None = None
    category_id: _Id | None = None
    segmentation: Any = None
    iscrowd: int | bool | None = 0


class _Category(Record):
    id: _Id
    name: str


class _File(Record):
    images: list[_Image]
    annotations: list[_Annotation]
    categories: tuple[_Category, ...] = ()


def is_coco(content: Any) -> bool:
    return isinstance(content, dict) and "images" in content and "annotations" in content


def read_coco(content: Any, source: Path) -> list[AnnotatedImage]:
    """Return all images of a file, also those without annotations.

    Raises:
        ValueError: Keys are missing or have other types, or an annotation has no image.
    """
    file = validate(_File, content)
    classes = {category.id: category.name for category in file.categories}
    regions: dict[_Id, list[Region]] = {image.id: [] for image in file.images}
    if len(regions) < len(file.images):
        raise ValueError("images: found two with one id, expected an id for each")
    for number, annotation in enumerate(file.annotations):
        if annotation.image_id not in regions:
            raise ValueError(
                f"annotations.{number}: found the image_id {annotation.image_id}, expected an id "
                "of the list images"
            )
        regions[annotation.image_id].append(_region(annotation, number, classes))
    return [
        AnnotatedImage(
            source,
            FORMAT,
            image.file_name,
            tuple(regions[image.id]),
            pixel_size(image.height, image.width),
        )
        for image in file.images
    ]


def _region(annotation: _Annotation, number: int, classes: dict[_Id, str]) -> Region:
    identity = number if annotation.id is None else annotation.id
    category = annotation.category_id
    label = "" if category is None else classes.get(category, f"category {category}")
    name = f"annotation {identity} (class {label})"
    drawn, crowd = annotation.segmentation, bool(annotation.iscrowd)
    try:
        if isinstance(drawn, dict):
            return Region((label,), name, run_lengths=_run_lengths(drawn), crowd=crowd)
        if not drawn:
            raise ShapeError("has no outline, expected polygons or run lengths (segmentation)")
        outlines = tuple(_polygon(values) for values in drawn)
        return Region((label,), name, outlines, crowd=crowd)
    except (ShapeError, TypeError) as error:
        found = str(error) if isinstance(error, ShapeError) else "has no list of polygons"
        return Region((label,), name, problem=found, crowd=crowd)


def _polygon(values: Any) -> Any:
    """Return the corners of a polygon that is stored as x, y, x, y, ..."""
    if not isinstance(values, list) or len(values) % 2:
        raise ShapeError("has a polygon that is not a list of x and y in turn")
    return polygon(list(zip(values[::2], values[1::2], strict=True)))


def _run_lengths(drawn: dict[str, Any]) -> RunLengths:
    size, counts = drawn.get("size"), drawn.get("counts")
    if not isinstance(size, list) or len(size) != 2 or not all(type(s) is int for s in size):
        raise ShapeError(f"has run lengths of the size {size!r}, expected [height, width]")
    if isinstance(counts, str):
        counts = decode_counts(counts)
    if not isinstance(counts, list) or not all(type(c) is int and c >= 0 for c in counts):
        raise ShapeError("has run lengths (counts) that are not whole numbers from 0")
    if sum(counts) != size[0] * size[1]:
        raise ShapeError(
            f"has run lengths of {sum(counts):,} pixels in all, expected {size[0] * size[1]:,}"
        )
    return RunLengths((size[0], size[1]), tuple(counts))


def decode_counts(text: str) -> list[int]:
    """Return run lengths that COCO has compressed to text.

    pycocotools does this too, but then leaves the rest of a mask undefined if the text is too
    short, so the sum of the lengths must be known first.

    Raises:
        ShapeError: The text is not of this form.
    """
    counts: list[int] = []
    value, digits = 0, 0
    for character in text:
        bits = ord(character) - 48  # 5 bits of a number, and whether more follow
        if not 0 <= bits < 64 or digits == MAX_RUN_CHARACTERS:
            raise ShapeError("has compressed run lengths that cannot be decoded")
        value |= (bits & 31) << (5 * digits)
        digits += 1
        if not bits & 32:
            if bits & 16:  # negative
                value -= 1 << (5 * digits)
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value, digits = 0, 0
    if digits:
        raise ShapeError("has compressed run lengths that cannot be decoded")
    return counts
