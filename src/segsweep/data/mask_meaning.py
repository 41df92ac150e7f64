"""Decide from the values of masks which of them are foreground, background and ignored."""

from collections import Counter
from collections.abc import Sequence

from segsweep.data.issues import InvalidImageError
from segsweep.data.mask_checks import check_palettes, in_masks, values_of
from segsweep.data.mask_colours import TRANSPARENT, WHITE_BIT, Value
from segsweep.data.mask_rule import (
    MAX_NAMED,
    SAME_WHITE,
    MaskRule,
    MaskSettings,
    check_is_no_image,
    format_value,
    has_grey_edges,
    largest_number,
    numbers_in,
    value_order,
)
from segsweep.data.mask_shapes import EDGE
from segsweep.data.mask_values import MaskFacts


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
        check_palettes(pages)
        return _decide_binary(pages, settings)
    if any(page.lossy for page in pages):
        raise InvalidImageError(
            "mask_value",
            "was compressed with losses (JPEG), which changes numbers and colours at every edge",
            "if there is only one foreground, set preprocess.masks: binary; else export it as PNG "
            "or TIFF from the tool that made it",
        )
    _check_edges(pages, settings)
    if settings.masks == "labels":
        return MaskRule(None, _background_of_labels(pages, settings), settings.ignored)
    check_palettes(pages)
    return MaskRule(settings.listed, settings.background, settings.ignored)


def _check_edges(pages: Sequence[MaskFacts], settings: MaskSettings) -> None:
    """Raise `InvalidImageError` if values along the edges are neither labels nor classes."""
    smoothed = [page for page in pages if page.is_smoothed or _has_mixed_edges([page], settings)]
    if not smoothed:
        return
    way = "set preprocess.masks: binary (colours: first convert the files in Fiji by Image > Type "
    way += "> 8-bit)"
    if settings.masks == "binary":
        way = "make the masks black and white (in Fiji: Image > Type > 8-bit, Image > Adjust > "
        way += "Threshold, Apply)"
    raise InvalidImageError(
        "mask_value",
        f"has {in_masks(smoothed[:1])}; along the edges they lie between those of the areas, as "
        "smoothing, interpolation or JPEG make them, so that they are neither labels nor classes",
        f"if there is only one foreground, {way}; else export the masks again without smoothing, "
        "or remove them and their images",
    )


def _has_mixed_edges(pages: Sequence[MaskFacts], settings: MaskSettings) -> bool:
    """Return whether masks have grey edges; one grey alone may be a border that was drawn."""
    greys = set()
    for page in pages:
        if page.grey_edges is None:
            continue
        low, high = (share * largest_number(page) for share in EDGE)
        numbers = numbers_in(page.pixels)
        greys |= {value for value in numbers if low < value < high and value != settings.ignore}
    edges = sum(page.grey_edges or 0 for page in pages)
    return len(greys) > 1 or (not edges and any(page.grey_edges is not None for page in pages))


def _default_background(counts: Counter[Value], ignored: tuple[Value, ...]) -> tuple[Value, ...]:
    """Return zero and transparent, of which only one may occur if it is not ignored."""
    if all(counts[value] and value not in ignored for value in (0, TRANSPARENT)):
        raise InvalidImageError(
            "mask_value",
            "has black and transparent pixels, and either could be the background",
            "set preprocess.background: [0, transparent], or only one of them",
        )
    return (0, TRANSPARENT)


def _decide_binary(pages: Sequence[MaskFacts], settings: MaskSettings) -> MaskRule:
    counts = values_of(pages)
    ignored = settings.ignored
    background = settings.background or _default_background(counts, ignored)
    known = {*background, *ignored, WHITE_BIT}
    others = sorted((value for value in counts if value not in known), key=value_order)
    if len(others) <= 1 and not any(page.others for page in pages):
        return MaskRule(_checked_foreground(others, settings), background, ignored)
    white = _white_with_grey_edges(pages, ignored)
    if white is not None and _has_mixed_edges(pages, settings):
        if all(value in (0, TRANSPARENT) for value in background):
            return MaskRule(None, None, (), white / 2)
        if all(not isinstance(v, str) and v >= SAME_WHITE * white for v in background):
            return MaskRule(None, None, (), white / 2, True)
    _check_edges(pages, settings)
    classes = [v for v in others if isinstance(v, str) or v >= 0] or others
    lists = [f"[{', '.join(map(format_value, classes[:n]))}]" for n in (1, MAX_NAMED)]
    ways = [
        "if each number or colour is an object, set preprocess.masks: labels",
        "if they are classes, or from different tools, list those that are foreground "
        f"(preprocess.masks: {', or '.join(dict.fromkeys(lists))})",
    ]
    numbers = numbers_in(others)
    if any(value < 0 or value in (255, 65535) for value in numbers):
        void = min(numbers) if min(numbers) < 0 else max(numbers)
        ways.append(
            f"if {format_value(void)} marks pixels that do not count, set preprocess.ignore: "
            f"{format_value(void)} (or the value that does)"
        )
    elif len(others) > 1:
        ways.append("if one marks pixels that do not count, set preprocess.ignore to it")
    if not any(counts[value] for value in background):
        ways.append("if one is the background, set preprocess.background: [...] to it")
    raise InvalidImageError(
        "mask_value",
        f"has {in_masks(pages)}, expected 0 and one other",
        "; ".join(ways),
    )


def _checked_foreground(others: Sequence[Value], settings: MaskSettings) -> tuple[Value, ...]:
    """Return the only value that is not background, if it can be foreground."""
    if others and not isinstance(others[0], str) and others[0] < 0 and not settings.background:
        value = format_value(others[0])
        raise InvalidImageError(
            "mask_value",
            f"has the values {value} and 0; negative numbers can be background or pixels to ignore",
            f"set preprocess.masks: [{value}] if {value} is foreground, preprocess.background: "
            f"[{value}] if it is background",
        )
    return tuple(others)


def _white_with_grey_edges(pages: Sequence[MaskFacts], ignored: tuple[Value, ...]) -> float | None:
    """Return the white of masks with grey edges, None if the masks are something else."""
    if ignored:
        return None
    if not any(page.lossy or page.grey_edges is not None for page in pages):
        return None
    if not all(page.has_only_numbers for page in pages):
        return None
    white = float(max(largest_number(page) for page in pages))
    return white if all(has_grey_edges(page, white) for page in pages) else None


def _background_of_labels(pages: Sequence[MaskFacts], settings: MaskSettings) -> tuple[Value, ...]:
    """Return the background of label images, if it is clear."""
    if settings.background is not None:
        return settings.background
    counts = values_of(pages)
    background = _default_background(counts, settings.ignored)
    with_background = sum(any(page.pixels.get(v) for v in background) for page in pages)
    border: Counter[Value] = Counter()
    for page in pages:
        border.update(dict(page.border))
    (top, count), *_ = border.most_common(1)
    if with_background >= len(pages) / 2 and (
        top in background or count <= sum(border[v] for v in background)
    ):
        negative = [v for v in numbers_in(counts) if v < 0 and v != settings.ignore]
        if negative:
            raise InvalidImageError(
                "mask_value",
                f"has {in_masks(pages)}; negative numbers usually mark pixels to ignore",
                f"set preprocess.ignore: {negative[0]}, or list the background in "
                "preprocess.background",
            )
        return background
    shown = format_value(top)
    todo = f"set preprocess.background: [{shown}], or the value that is background"
    if with_background and top not in background:
        todo = (
            f"set preprocess.background: [{shown}] if 0 is an object, [0, {shown}] if 0 is no "
            "object (such as lines between objects), or [0]"
        )
    raise InvalidImageError(
        "mask_value",
        f"has no clear background: 0 (black) or transparent is in {with_background} of "
        f"{len(pages)} masks, and {shown} is the most frequent value on their borders",
        todo,
    )
