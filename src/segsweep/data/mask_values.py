"""Read a mask file as values (numbers, colours, transparent) and count them.

What the values mean is decided from all masks of the data set; see `mask_rule`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from segsweep.data.decoded_image import DecodedImage
from segsweep.data.issues import InvalidImageError
from segsweep.data.mask_colours import Value, channels_of, colours_of, to_values
from segsweep.data.mask_shapes import count_grey_edges, is_image, is_smoothed
from segsweep.data.readers import read_image

MAX_LISTED = 1024
"""Values that `MaskFacts` lists, the most frequent first."""


@dataclass(frozen=True)
class MaskFacts:
    """What one page of a mask file contains.

    Attributes:
        values: Each value with its number of pixels, at most `MAX_LISTED`, most frequent first.
        others: Number of values that are not listed.
        border: The most frequent values on the page's border with their numbers of pixels.
        lossy: Whether the file was compressed with losses.
        grey_edges: Number of pixels between 25 % and 75 % of the largest value, if the page has
            two peaks with little between them; None if it has not, or has at most two values.
        is_image: Whether the page looks like an image or a probability map.
        hidden_colours: Whether the page is wholly transparent, but its colours differ. Then its
            colours are its values.
        is_smoothed: Whether pixels along the edges have values between those of the areas.
        palette: The colours of the values, if they are indices into a palette.
    """

    values: tuple[tuple[Value, int], ...]
    others: int
    border: tuple[tuple[Value, int], ...]
    lossy: bool
    grey_edges: int | None
    is_image: bool = False
    hidden_colours: bool = False
    is_smoothed: bool = False
    palette: tuple[tuple[int, str], ...] = ()

    @classmethod
    def from_json(cls, facts: dict[str, Any]) -> "MaskFacts":
        return cls(
            tuple((value, count) for value, count in facts["values"]),
            facts["others"],
            tuple((value, count) for value, count in facts["border"]),
            facts["lossy"],
            facts["grey_edges"],
            facts["is_image"],
            facts["hidden_colours"],
            facts["is_smoothed"],
            tuple((index, colour) for index, colour in facts["palette"]),
        )

    @property
    def pixels(self) -> dict[Value, int]:
        """Number of pixels of each listed value."""
        return dict(self.values)

    @property
    def has_only_numbers(self) -> bool:
        """Whether all values are listed, and none is a colour or transparent."""
        return not self.others and not any(isinstance(value, str) for value, _ in self.values)


@dataclass(frozen=True)
class MaskPage:
    """One page of a mask, 2-D.

    Attributes:
        codes: The numbers of the file, or indices into `names`.
        names: The value of each index; None if the codes are the values.
        facts: What the page contains.
    """

    codes: np.ndarray
    names: tuple[Value, ...] | None
    facts: MaskFacts


def read_mask_pages(
    path: Path, palette_as_colours: bool = False
) -> tuple[DecodedImage, list[MaskPage]]:
    """Read all pages of a mask file, as stored (not turned).

    Args:
        path: The file.
        palette_as_colours: Read palettes as colours, even if index 0 is black.

    Raises:
        InvalidImageError: The file cannot be decoded, or has values that no mask has.
    """
    decoded = read_image(path, as_mask=True)
    pages, palette = decoded.pages, decoded.palette
    if palette_as_colours and palette is not None:
        pages, palette = palette[pages], None
    return decoded, [_mask_page(page, palette, decoded.lossy) for page in pages]


def _mask_page(page: np.ndarray, palette: np.ndarray | None, lossy: bool) -> MaskPage:
    codes, names = to_values(page)
    if codes.dtype.kind == "f":
        codes = _to_integers(codes)
    values, counts = _count(codes, names)
    order = np.argsort(-counts, kind="stable")[:MAX_LISTED]
    border = np.concatenate([codes[0], codes[-1], codes[1:-1, 0], codes[1:-1, -1]])
    border_values, border_counts = _count(border, names)
    top = np.argsort(-border_counts, kind="stable")[:4]
    grey_edges = count_grey_edges(codes) if names is None and len(values) > 2 else None
    is_photograph = grey_edges is None and is_image(codes, len(values))
    facts = MaskFacts(
        tuple((values[i], int(counts[i])) for i in order),
        len(values) - len(order),
        tuple((border_values[i], int(border_counts[i])) for i in top),
        lossy,
        grey_edges,
        is_photograph,
        page.ndim == 3 and page.shape[-1] in (2, 4) and not page[..., -1].any() and len(values) > 1,
        len(values) > 2 and not is_photograph and is_smoothed(codes, channels_of(names)),
        () if palette is None else colours_of(palette, values),
    )
    return MaskPage(codes, names, facts)


def _to_integers(codes: np.ndarray) -> np.ndarray:
    """Return floating-point values as integers if they are, or if there are only zero and one."""
    if not np.isfinite(codes).all():
        raise InvalidImageError(
            "mask_value",
            "contains NaN or infinity, expected 0 for background and 1 for foreground",
            "replace these values by 0 if they are background (in Fiji: Process > Math > Macro, "
            "code=[if(isNaN(v)) v=0]), or remove the mask and its image",
        )
    if (codes == np.rint(codes)).all() and np.abs(codes).max() < 2**62:
        return codes.astype(np.int64)
    top = float(codes.max())
    if top > 0 and ((codes == 0) | (codes == top)).all():
        return (codes == top).astype(np.uint8)
    raise InvalidImageError(
        "mask_is_image",
        f"has {len(np.unique(codes)):,} fractional values between {codes.min():g} and {top:g}, "
        "expected a number for each class",
        "this looks like a probability map; apply a threshold to it (in Fiji: Image > Adjust > "
        "Threshold), or remove it and its image",
    )


def _count(codes: np.ndarray, names: tuple[Value, ...] | None) -> tuple[Sequence[Any], np.ndarray]:
    """Return the values that occur, and the number of pixels of each."""
    if codes.dtype == np.uint8:
        image = Image.fromarray(np.ascontiguousarray(np.atleast_2d(codes)))
        histogram = np.array(image.histogram())  # a third of bincount's time
        numbers = np.flatnonzero(histogram)
        counts = histogram[numbers]
    else:
        numbers, counts = np.unique(codes, return_counts=True)
    if names is not None:
        return [names[i] for i in numbers], counts
    return numbers.tolist(), counts
