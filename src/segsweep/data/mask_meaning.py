"""Decide from the values of masks which of them are foreground, background and ignored."""

from collections import Counter
from collections.abc import Iterable, Sequence

from segsweep.data.issues import InvalidImageError
from segsweep.data.mask_rule import (
    MAX_NAMED,
    MaskRule,
    MaskSettings,
    check_is_no_image,
    count_values,
    format_value,
    has_grey_edges,
    largest_number,
    list_values,
    value_order,
)
from segsweep.data.mask_values import TRANSPARENT, WHITE_BIT, MaskFacts, Value

MAX_CLASS_NUMBER = 64
"""255 is taken for a class or an object only next to larger numbers than this."""


def decide(pages: Sequence[MaskFacts], settings: MaskSettings) -> MaskRule:
    """Return the rule that follows from the values of masks.

    Args:
        pages: What the pages contain: of one image, or of the whole data set.
        settings: The study's keys.

    Raises:
        InvalidImageError: The meaning of a value is not certain.
    """
    for page in pages:
        check_is_no_image(page)
    if any(page.hidden_colours for page in pages) and values_of(pages)[TRANSPARENT]:
        raise InvalidImageError(
            "mask_value",
            "is wholly transparent but has different colours, while other masks are transparent "
            "in part, so that either could be meant",
            "save these masks without transparency (in Fiji: Image > Type > RGB Color), or remove "
            "them and their images",
        )
    if settings.masks == "binary":
        return _decide_binary(pages, settings)
    if any(page.lossy for page in pages):
        raise InvalidImageError(
            "mask_value",
            "was compressed with losses (JPEG), which changes numbers and colours at every edge",
            "if there is only one foreground, set preprocess.masks: binary; else export it as PNG "
            "or TIFF from the tool that made it",
        )
    if settings.masks == "labels":
        return MaskRule(None, _background_of_labels(pages, settings), _ignored(settings))
    assert not isinstance(settings.masks, str)
    return MaskRule(settings.masks, settings.background, _ignored(settings))


def check_classes(pages: Sequence[MaskFacts], settings: MaskSettings) -> None:
    """Check that all masks of a data set agree with the listed classes (`preprocess.masks: [1]`).

    Raises:
        InvalidImageError: A listed value is in no mask, or 255 may mean something else.
    """
    counts = values_of(pages)
    if settings.masks == "labels" and settings.background is None:
        _check_border_of_labels(pages, counts, settings)
    if isinstance(settings.masks, str):
        return
    if WHITE_BIT not in counts and not any(page.others for page in pages):
        missing = [value for value in settings.masks if value not in counts]
        if missing:
            raise InvalidImageError(
                "mask_coding",
                f"preprocess.masks lists {list_values(missing)}, which is in no mask; found "
                f"{_in_masks(pages)}",
                "list the values that are foreground",
            )
    stated = {*settings.masks, *_ignored(settings), *(settings.background or ())}
    if 255 not in stated and _has_255_next_to_small(counts):
        listed = ", ".join(map(str, settings.masks))
        raise InvalidImageError(
            "mask_coding",
            f"found {_in_masks(pages)}; 255 next to small numbers can be a border to ignore, or "
            "the foreground of other masks",
            f"set preprocess.ignore: 255, or preprocess.masks: [{listed}, 255], or, if it is "
            "background, preprocess.background with all values that are background",
        )
    negative = [v for v in counts if isinstance(v, int) and v < 0 and v not in stated]
    if negative:
        raise InvalidImageError(
            "mask_coding",
            f"found {_in_masks(pages)}; negative numbers usually mark pixels to ignore",
            f"set preprocess.ignore: {negative[0]}, or list them in preprocess.background",
        )


def _has_255_next_to_small(counts: Counter[Value]) -> bool:
    small = [v for v in counts if isinstance(v, int) and 0 < v < 255]
    return 255 in counts and max(small, default=255) <= MAX_CLASS_NUMBER


def _check_border_of_labels(
    pages: Sequence[MaskFacts], counts: Counter[Value], settings: MaskSettings
) -> None:
    """Check that 255 is no border to ignore next to a few objects."""
    if settings.ignore != 255 and _has_255_next_to_small(counts):
        raise InvalidImageError(
            "mask_coding",
            f"found {_in_masks(pages)}; 255 next to small numbers can be a border to ignore, or "
            "an object",
            "set preprocess.ignore: 255, or, if it is an object, preprocess.background: [0]",
        )


def values_of(pages: Iterable[MaskFacts]) -> Counter[Value]:
    """Return the number of pixels of each value in all pages."""
    counts: Counter[Value] = Counter()
    for page in pages:
        counts.update(page.pixels)
    return counts


def _ignored(settings: MaskSettings) -> tuple[Value, ...]:
    return () if settings.ignore is None else (settings.ignore,)


def _default_background(counts: Counter[Value]) -> tuple[Value, ...]:
    """Return zero and transparent, of which only one may occur."""
    if counts[0] and counts[TRANSPARENT]:
        raise InvalidImageError(
            "mask_value",
            "has black and transparent pixels, and either could be the background",
            "set preprocess.background: [0, transparent], or only one of them",
        )
    return (0, TRANSPARENT)


def _decide_binary(pages: Sequence[MaskFacts], settings: MaskSettings) -> MaskRule:
    counts = values_of(pages)
    ignored = _ignored(settings)
    background = settings.background or _default_background(counts)
    known = {*background, *ignored, WHITE_BIT}
    others = sorted((value for value in counts if value not in known), key=value_order)
    if len(others) <= 1 and not any(page.others for page in pages):
        return MaskRule(tuple(others), background, ignored)
    white = _white_with_grey_edges(pages, background, ignored)
    if white is not None:
        return MaskRule(None, None, (), white / 2)
    classes = [v for v in others if isinstance(v, str) or v >= 0] or others
    lists = [f"[{', '.join(map(format_value, classes[:n]))}]" for n in (1, MAX_NAMED)]
    ways = [
        "if each number or colour is an object, set preprocess.masks: labels",
        "if they are classes, or from different tools, list those that are foreground "
        f"(preprocess.masks: {', or '.join(dict.fromkeys(lists))})",
    ]
    numbers = [value for value in others if not isinstance(value, str)]
    if any(value < 0 or value in (255, 65535) for value in numbers):
        void = min(numbers) if min(numbers) < 0 else max(numbers)
        ways.append(
            f"if {format_value(void)} marks pixels that do not count, set preprocess.ignore: "
            f"{format_value(void)}"
        )
    if not any(counts[value] for value in background):
        ways.append("if one is the background, set preprocess.background: [...] to it")
    raise InvalidImageError(
        "mask_value",
        f"has {_in_masks(pages)}, expected 0 and one other",
        "; ".join(ways),
    )


def _white_with_grey_edges(
    pages: Sequence[MaskFacts], background: tuple[Value, ...], ignored: tuple[Value, ...]
) -> float | None:
    """Return the white of masks with grey edges, None if the masks are something else."""
    if ignored or background != (0, TRANSPARENT):
        return None
    if not any(page.lossy or page.grey_edges is not None for page in pages):
        return None
    if any(page.others or any(isinstance(v, str) for v in page.pixels) for page in pages):
        return None
    white = float(max(largest_number(page) for page in pages))
    return white if all(has_grey_edges(page, white) for page in pages) else None


def _background_of_labels(pages: Sequence[MaskFacts], settings: MaskSettings) -> tuple[Value, ...]:
    """Return the background of label images, if it is clear."""
    if settings.background is not None:
        return settings.background
    background = _default_background(values_of(pages))
    with_background = sum(any(page.pixels.get(v) for v in background) for page in pages)
    border: Counter[Value] = Counter()
    for page in pages:
        border.update(dict(page.border))
    (top, count), *_ = border.most_common(1)
    if with_background >= len(pages) / 2 and (
        top in background or count <= sum(border[v] for v in background)
    ):
        numbers = [value for value in values_of(pages) if not isinstance(value, str)]
        negative = [value for value in numbers if value < 0 and value != settings.ignore]
        if negative:
            raise InvalidImageError(
                "mask_value",
                f"has {_in_masks(pages)}; negative numbers usually mark pixels to ignore",
                f"set preprocess.ignore: {negative[0]}, or list the background in "
                "preprocess.background",
            )
        return background
    raise InvalidImageError(
        "mask_value",
        f"has no clear background: 0 (black) or transparent is in {with_background} of "
        f"{len(pages)} masks, and {format_value(top)} is the most frequent value on their borders",
        f"set preprocess.background: [{format_value(top)}], or the value that is background",
    )


def _in_masks(pages: Sequence[MaskFacts]) -> str:
    """Return the values with the number of masks that have each."""
    if len(pages) == 1:
        return f"the values {count_values(pages[0])}"
    masks = Counter(value for page in pages for value in page.pixels)
    shown = sorted(masks, key=value_order)[:MAX_NAMED]
    text = ", ".join(f"{format_value(value)} in {masks[value]}" for value in shown)
    more = f", ... ({len(masks)} values)" if len(masks) > MAX_NAMED else ""
    return f"the values {text}{more} of {len(pages)} masks"
