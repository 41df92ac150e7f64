"""Check that the masks of a data set agree with the study's keys."""

from collections import Counter
from collections.abc import Iterable, Sequence

from segsweep.data.issues import InvalidImageError
from segsweep.data.mask_colours import TRANSPARENT, WHITE_BIT, Value
from segsweep.data.mask_rule import (
    MAX_NAMED,
    WHITES,
    MaskSettings,
    count_values,
    format_value,
    list_values,
    value_order,
)
from segsweep.data.mask_values import MaskFacts

VOID = ((255, 64), (65535, 32767))
"""Values that often mark pixels to ignore, and up to which largest other number they are so far
away from the others that they need not be one of them."""


def check_values(pages: Sequence[MaskFacts], settings: MaskSettings) -> None:
    """Check that all masks of a data set agree with `preprocess.masks`, `background`, `ignore`.

    Raises:
        InvalidImageError: A stated value is in no mask, or a value may mean something else.
    """
    counts = values_of(pages)
    if not any(page.others for page in pages):
        _check_stated_values(pages, counts, settings)
    if settings.masks == "binary":
        return
    _check_void(pages, counts, settings)
    if settings.masks == "labels":
        return
    stated = settings.stated
    negative = [v for v in counts if isinstance(v, int) and v < 0 and v not in stated]
    if negative:
        raise InvalidImageError(
            "mask_coding",
            f"found {in_masks(pages)}; negative numbers usually mark pixels to ignore",
            f"set preprocess.ignore: {negative[0]}, or list them in preprocess.background",
        )


def _check_stated_values(
    pages: Sequence[MaskFacts], counts: Counter[Value], settings: MaskSettings
) -> None:
    """Refuse values in the study that no mask has."""
    has_white_bit = WHITE_BIT in counts

    def is_found(value: Value) -> bool:
        return value in counts or (has_white_bit and value in WHITES)

    listed = settings.listed
    missing = [value for value in listed if not is_found(value)]
    if missing:
        raise InvalidImageError(
            "mask_coding",
            f"preprocess.masks lists {list_values(missing)}, which is in no mask; found "
            f"{in_masks(pages)}",
            "list the values that are foreground",
        )
    has_classes = any(value not in (0, TRANSPARENT, *WHITES) for value in counts)
    if has_white_bit and listed and has_classes and WHITE_BIT not in settings.stated:
        raise InvalidImageError(
            "mask_coding",
            f"found {in_masks(pages)}; white is that of files with 1 bit per pixel, and "
            f"preprocess.masks lists {list_values(listed)}",
            "add white to preprocess.masks, or to preprocess.background",
        )
    if settings.background and not any(is_found(value) for value in settings.background):
        raise InvalidImageError(
            "mask_coding",
            f"preprocess.background is {list_values(settings.background)}, which is in no mask; "
            f"found {in_masks(pages)}",
            "set preprocess.background to the value that is background, or remove this key",
        )
    if settings.ignore is not None and settings.ignore not in counts:
        raise InvalidImageError(
            "mask_coding",
            f"preprocess.ignore is {format_value(settings.ignore)}, which is in no mask; found "
            f"{in_masks(pages)}",
            "set preprocess.ignore to the value of the pixels that do not count, or remove this "
            "key",
        )


def _check_void(pages: Sequence[MaskFacts], counts: Counter[Value], settings: MaskSettings) -> None:
    """Refuse values that may mark pixels to ignore, if the study does not say what they are."""
    stated = settings.stated
    if settings.masks == "labels" and settings.background:
        return  # the study says that all others are objects
    for void, largest in VOID:
        small = [v for v in counts if isinstance(v, int) and 0 < v < void]
        if void not in counts or void in stated or max(small, default=void) > largest:
            continue
        if settings.masks == "labels":
            way = f"if it is an object, preprocess.background: [{0 if counts[0] else '...'}]"
        else:
            listed = ", ".join(map(format_value, settings.listed))
            way = (
                f"preprocess.masks: [{listed}, {void}], or, if it is background, "
                "preprocess.background with all values that are background"
            )
        raise InvalidImageError(
            "mask_coding",
            f"found {in_masks(pages)}; {void} next to small numbers can be a border to ignore, or "
            "the foreground of other masks",
            f"set preprocess.ignore: {void}, or {way}",
        )


def check_palettes(pages: Sequence[MaskFacts]) -> None:
    """Check that a number has the same colour in all palettes, so that it has one meaning.

    Raises:
        InvalidImageError: It has not.
    """
    colours: dict[int, str] = {}
    for page in pages:
        for number, colour in page.palette:
            first = colours.setdefault(number, colour)
            if first != colour:
                raise InvalidImageError(
                    "mask_coding",
                    f"the number {number} is {first} and {colour} in the palettes of different "
                    "masks, so that a number alone has no meaning",
                    f'list the colours that are foreground (preprocess.masks: ["{first}"]), or set '
                    "preprocess.masks: labels if all but the background are",
                )


def values_of(pages: Iterable[MaskFacts]) -> Counter[Value]:
    """Return the number of pixels of each value in all pages."""
    counts: Counter[Value] = Counter()
    for page in pages:
        counts.update(page.pixels)
    return counts


def masks_with(pages: Iterable[MaskFacts]) -> Counter[Value]:
    """Return the number of masks that have each value."""
    return Counter(value for page in pages for value in page.pixels)


def in_masks(pages: Sequence[MaskFacts]) -> str:
    """Return the values with the number of masks that have each."""
    if len(pages) == 1:
        return f"the values {count_values(pages[0])}"
    masks = masks_with(pages)
    shown = sorted(masks, key=value_order)[:MAX_NAMED]
    text = ", ".join(f"{format_value(value)} in {masks[value]}" for value in shown)
    more = f", ... ({len(masks)} values)" if len(masks) > MAX_NAMED else ""
    return f"the values {text}{more} of {len(pages)} masks"
