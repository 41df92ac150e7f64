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
from segsweep.data.mask_shapes import count_grey_edges, is_image
from segsweep.data.readers import read_image

Value = int | float | str
"""A value of a mask: a number, a colour `#rrggbb`, `TRANSPARENT` or `WHITE_BIT`."""

TRANSPARENT = "transparent"
WHITE_BIT = "white"
"""White in masks with 1 bit per pixel, whose number depends on who reads them."""

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
    """

    values: tuple[tuple[Value, int], ...]
    others: int
    border: tuple[tuple[Value, int], ...]
    lossy: bool
    grey_edges: int | None
    is_image: bool = False
    hidden_colours: bool = False

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
        )

    @property
    def pixels(self) -> dict[Value, int]:
        """Number of pixels of each listed value."""
        return dict(self.values)


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


def read_mask_pages(path: Path) -> tuple[DecodedImage, list[MaskPage]]:
    """Read all pages of a mask file, as stored (not turned).

    Raises:
        InvalidImageError: The file cannot be decoded, or has values that no mask has.
    """
    decoded = read_image(path, as_mask=True)
    return decoded, [_mask_page(page, decoded.lossy) for page in decoded.pages]


def _mask_page(page: np.ndarray, lossy: bool) -> MaskPage:
    codes, names = _to_values(page)
    if codes.dtype.kind == "f":
        codes = _to_integers(codes)
    values, counts = _count(codes, names)
    order = np.argsort(-counts, kind="stable")[:MAX_LISTED]
    border = np.concatenate([codes[0], codes[-1], codes[1:-1, 0], codes[1:-1, -1]])
    border_values, border_counts = _count(border, names)
    top = np.argsort(-border_counts, kind="stable")[:4]
    grey_edges = count_grey_edges(codes) if names is None and len(values) > 2 else None
    facts = MaskFacts(
        tuple((values[i], int(counts[i])) for i in order),
        len(values) - len(order),
        tuple((border_values[i], int(border_counts[i])) for i in top),
        lossy,
        grey_edges,
        grey_edges is None and is_image(codes, len(values)),
        page.ndim == 3 and page.shape[-1] in (2, 4) and not page[..., -1].any() and len(values) > 1,
    )
    return MaskPage(codes, names, facts)


def _to_values(page: np.ndarray) -> tuple[np.ndarray, tuple[Value, ...] | None]:
    """Return a page as numbers (names None), or as indices into names of values."""
    if page.dtype == bool:
        return page.astype(np.uint8), (0, WHITE_BIT)
    if page.ndim == 2:
        return page, None
    channels = 1 if page.shape[-1] < 3 else 3
    colour, alpha = page[..., :channels], page[..., channels:]
    is_grey = bool((colour == colour[..., :1]).all())
    transparent = _is_transparent(alpha, colour)
    if is_grey and transparent is None:
        return colour[..., 0], None
    if colour.dtype.itemsize > 1:  # 16-bit colours
        colour = (colour // 257).astype(np.uint8)
    red, green, blue = (colour[..., min(i, channels - 1)].astype(np.int64) for i in range(3))
    packed = red << 16 | green << 8 | blue
    if transparent is not None:
        packed[transparent] = -1
    codes, indices = np.unique(packed, return_inverse=True)
    names = tuple(_name(int(code)) for code in codes)
    return indices.reshape(packed.shape).astype(np.int64), names


def _name(packed: int) -> Value:
    """Return the value of a packed colour: grey is a number."""
    if packed < 0:
        return TRANSPARENT
    red, green, blue = packed >> 16, packed >> 8 & 255, packed & 255
    return red if red == green == blue else f"#{packed:06x}"


def _is_transparent(alpha: np.ndarray, colour: np.ndarray) -> np.ndarray | None:
    """Return which pixels are less than half opaque; None if transparency says nothing."""
    if not alpha.size:
        return None
    opaque = float(np.iinfo(alpha.dtype).max) if alpha.dtype.kind in "ui" else 1.0
    transparent: np.ndarray = alpha[..., 0] < opaque / 2
    if not transparent.any() or (transparent.all() and (colour != colour[:1, :1]).any()):
        return None  # wholly opaque, or a file whose fourth channel is not used
    return transparent


def _to_integers(codes: np.ndarray) -> np.ndarray:
    """Return floating-point values as integers if they are, or if there are only zero and one."""
    if not np.isfinite(codes).all():
        raise InvalidImageError(
            "mask_value",
            "contains NaN or infinity, expected 0 for background and 1 for foreground",
            "replace it by the mask, or remove it and its image",
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
