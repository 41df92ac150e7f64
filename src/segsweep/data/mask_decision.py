"""Give the masks of a data set one meaning, decided from the values of all of them."""

from collections import Counter
from collections.abc import Callable, Sequence

from segsweep.data.dataset import IGNORED
from segsweep.data.discovery import Pair
from segsweep.data.image_cache import PreparedImage
from segsweep.data.issues import DataIssue, InvalidImageError
from segsweep.data.mask_checks import check_values, masks_with, values_of
from segsweep.data.mask_colours import Value
from segsweep.data.mask_meaning import decide
from segsweep.data.mask_rule import (
    BACKGROUND,
    FOREGROUND,
    MAX_NAMED,
    MaskRule,
    MaskSettings,
    format_value,
    numbers_in,
)
from segsweep.data.mask_values import MaskFacts

Results = list[PreparedImage | DataIssue]

MASKS = "masks"
"""What issues of all masks name as their file."""

RETRIED = ("mask_value", "mask_is_image")
"""Issues of one mask that the other masks may resolve."""


def apply_one_rule(
    pairs: Sequence[Pair],
    results: Results,
    settings: MaskSettings,
    prepare: Callable[[Sequence[Pair], MaskRule], Results],
) -> tuple[Results, list[DataIssue]]:
    """Decide the meaning of the mask values, and process the images again that had another one.

    Args:
        pairs: The files.
        results: Each image, processed with the meaning that its own masks suggest.
        settings: The study's keys.
        prepare: Processes images by a given rule.

    Returns:
        The results, and issues: the statement of the decision, or why there is none.
    """
    pages = _pages_of(results)
    if not pages:
        return results, []
    try:
        rule = _decide_for_all(pages, settings)
        again = [i for i, result in enumerate(results) if not _follows(result, rule)]
        redone = list(results)
        if again:
            found = prepare([pairs[i] for i in again], rule)
            for i, result in zip(again, found, strict=True):
                redone[i] = result
            _keep_errors(results, redone, pages, settings)
            _decide_for_all(_pages_of(redone), settings)
    except InvalidImageError as error:
        return results, [DataIssue("mask_coding", MASKS, error.found, error.todo)]
    pages = _pages_of(redone)
    return redone, [_state(pages, rule), *_state_grey_edges(pages, rule)]


def _decide_for_all(pages: Sequence[MaskFacts], settings: MaskSettings) -> MaskRule:
    check_values(pages, settings)
    return decide(pages, settings)


def _pages_of(results: Results) -> list[MaskFacts]:
    return [page for r in results if isinstance(r, PreparedImage) for page in r.mask_facts]


def _keep_errors(
    results: Results, redone: Results, pages: Sequence[MaskFacts], settings: MaskSettings
) -> None:
    """Put back the error of each image whose masks do not fit the others, in `redone`.

    Such masks had no part in the decision, and may have values that it does not fit.
    """
    try:
        _decide_for_all(_pages_of(redone), settings)
    except InvalidImageError:
        for i, (before, after) in enumerate(zip(results, redone, strict=True)):
            if isinstance(before, DataIssue) and isinstance(after, PreparedImage):
                try:
                    _decide_for_all([*pages, *after.mask_facts], settings)
                except InvalidImageError:
                    redone[i] = before


def _follows(result: PreparedImage | DataIssue, rule: MaskRule) -> bool:
    if isinstance(result, DataIssue):
        return result.kind not in RETRIED
    return result.rule.agrees(rule, result.mask_facts)


def _state(pages: Sequence[MaskFacts], rule: MaskRule) -> DataIssue:
    """Return the statement which values were taken for what."""
    masks, pixels = masks_with(pages), values_of(pages)
    total = pixels.total()
    parts = []
    titles = {FOREGROUND: "foreground", BACKGROUND: "background", IGNORED: "ignored"}
    for number, title in titles.items():
        values = [value for value in masks if rule.classify(value) == number]
        if not values:
            continue
        share = 100 * sum(pixels[value] for value in values) / total
        parts.append(
            f"{title}: {_named(values, masks, len(pages), rule)}, {share:.3g} % of the pixels"
        )
    return DataIssue(
        "mask_values",
        MASKS,
        "; ".join(parts),
        "if this is wrong, set preprocess.masks, preprocess.background or preprocess.ignore",
    )


def _named(values: list[Value], masks: Counter[Value], count: int, rule: MaskRule) -> str:
    """Return the values of one class, each with the number of masks that have it."""
    if rule.threshold is not None:
        numbers = numbers_in(values)
        return f"{min(numbers)} to {max(numbers)}"
    values = sorted(values, key=lambda value: -masks[value])
    named = ", ".join(
        f"{format_value(value)} (in {masks[value]} of {count} masks)"
        for value in values[:MAX_NAMED]
    )
    more = f" and {len(values) - MAX_NAMED} more values" if len(values) > MAX_NAMED else ""
    return named + more


def _state_grey_edges(pages: Sequence[MaskFacts], rule: MaskRule) -> list[DataIssue]:
    if rule.threshold is None:
        return []
    edges = [page.grey_edges for page in pages if page.grey_edges is not None]
    total = values_of(pages).total()
    return [
        DataIssue(
            "grey_edges",
            MASKS,
            f"{len(edges)} of {len(pages)} masks have grey edges (smoothing or JPEG); pixels "
            f"{'below' if rule.is_dark else 'from'} {rule.threshold:g} "
            f"{'' if rule.is_dark else 'on '}are foreground, which decides the {sum(edges)} pixels "
            f"({100 * sum(edges) / total:.2g} %) between a quarter and three quarters of white",
            "compare the outlines on the contact sheet; if the masks are probabilities, apply your "
            "own threshold to the files",
        )
    ]
