"""Turn the pixels of a mask into values: numbers, colours, transparent."""

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import maximum_filter, minimum_filter

from segsweep.data.issues import InvalidImageError

Value = int | float | str
"""A value of a mask: a number, a colour `#rrggbb`, `TRANSPARENT` or `WHITE_BIT`."""

TRANSPARENT = "transparent"
WHITE_BIT = "white"
"""White in masks with 1 bit per pixel, whose number depends on who reads them."""

BYTE, WORD = 255, 65535
"""The largest values of 8 and 16 bits."""


def to_values(page: np.ndarray) -> tuple[np.ndarray, tuple[Value, ...] | None]:
    """Return a page as numbers (2-D, names None), or as indices into names of values.

    Args:
        page: Array (height, width) or (height, width, channels).

    Raises:
        InvalidImageError: The colours have more than 8 bits, or areas differ in transparency.
    """
    if page.ndim == 3 and page.shape[-1] == 1:
        page = page[..., 0]
    if page.dtype == bool and page.ndim == 2:
        return page.astype(np.uint8), (0, WHITE_BIT)
    if page.ndim == 2:
        return page, None
    if page.dtype == bool:
        page = page * np.uint8(BYTE)
    channels = 1 if page.shape[-1] < 3 else 3
    colour, alpha = page[..., :channels], page[..., channels:]
    is_grey = bool((colour == colour[..., :1]).all())
    transparent = _find_transparent(alpha, colour)
    if is_grey and transparent is None:
        return colour[..., 0], None
    colour = _to_bytes(colour)
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


def _to_bytes(colour: np.ndarray) -> np.ndarray:
    """Return colours as uint8 without merging any."""
    if colour.dtype == np.uint8:
        return colour
    is_whole = colour.dtype.kind in "ui" or bool((colour == np.rint(colour)).all())
    if is_whole and colour.min() >= 0:
        if colour.max() <= BYTE:
            return colour.astype(np.uint8)
        for step in (257, 256):  # how programs write 8 bits as 16
            if colour.max() <= WORD and not (colour % step).any():
                return (colour // step).astype(np.uint8)
    if not is_whole:
        raise InvalidImageError(
            "mask_is_image",
            f"has fractions in several channels, from {colour.min():g} to {colour.max():g}",
            "this looks like a probability for each class; save a mask with a number for each "
            "class (for example numpy.argmax over the channels), or remove it and its image",
        )
    raise InvalidImageError(
        "mask_value",
        f"has colours from {colour.min():g} to {colour.max():g}, expected 0 to 255 for red, green "
        "and blue",
        "save it with 8 bits for each colour (in Fiji: Image > Type > RGB Color); if each channel "
        "is a class, save the channel of the foreground as its own file",
    )


def _find_transparent(alpha: np.ndarray, colour: np.ndarray) -> np.ndarray | None:
    """Return which pixels are less than half as opaque as the most opaque area.

    Returns:
        A bool array of the shape of the page; None if transparency says nothing.
    """
    if not alpha.size:
        return None
    alpha = alpha[..., 0]
    top = alpha.max()
    if top == alpha.min() and (top > 0 or (colour != colour[:1, :1]).any()):
        return None  # equally opaque everywhere, or a channel that is not used
    levels = np.unique(alpha[maximum_filter(alpha, 3) == minimum_filter(alpha, 3)])
    levels = levels[levels > 0]
    if len(levels) and levels[0] < levels[-1] / 2:
        raise InvalidImageError(
            "mask_value",
            f"has areas of different transparency (alpha {levels[0]:g} and {levels[-1]:g}), so "
            "that it is not clear which are foreground",
            "make each pixel either opaque or transparent (in GIMP: Layer > Transparency > "
            "Threshold Alpha), or remove the mask and its image",
        )
    transparent: np.ndarray = alpha < top / 2 if top else np.ones(alpha.shape, bool)
    return transparent if transparent.any() else None


def channels_of(names: tuple[Value, ...] | None) -> np.ndarray | None:
    """Return red, green and blue of each value, (n, 3); transparent counts as black."""
    return None if names is None else np.array([_channels(name) for name in names], np.int64)


def _channels(value: Value) -> tuple[int, int, int]:
    if isinstance(value, str):
        code = int(value[1:], 16) if value.startswith("#") else BYTE * 0x10101
        code = 0 if value == TRANSPARENT else code
        return code >> 16, code >> 8 & 255, code & 255
    return int(value), int(value), int(value)


def colours_of(palette: np.ndarray, values: Sequence[int]) -> tuple[tuple[int, str], ...]:
    """Return the colour (`#rrggbb`) of each index that occurs.

    Return none if they all have the same: then the palette is not meant to be seen.
    """
    colours = tuple((value, "#{:02x}{:02x}{:02x}".format(*palette[value])) for value in values)
    return colours if len({colour for _, colour in colours}) > 1 else ()


def grey_as_number(value: Value) -> Value:
    """Return `#808080` as 128, and any other value as it is."""
    if isinstance(value, str) and value.startswith("#") and value[1:3] * 3 == value[1:]:
        return int(value[1:3], 16)
    return value
