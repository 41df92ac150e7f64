"""The meaning of mask values: which are foreground, background and ignored."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from segsweep.data.dataset import IGNORED
from segsweep.data.issues import InvalidImageError
from segsweep.data.mask_colours import WHITE_BIT, Value
from segsweep.data.mask_values import MaskFacts, MaskPage

BACKGROUND, FOREGROUND = 0, 1
"""The values of a processed mask, next to `IGNORED`."""

WHITES = (WHITE_BIT, 1, 255)
"""How a study may name the white of files with 1 bit per pixel."""

SAME_WHITE = 0.9
"""Masks with grey edges have one white: their largest values differ by at most 10 %."""
MAX_STRAY_SHARE, MIN_STRAY = 0.005, 0.1
"""A mask whose largest value is lower has no foreground, if at most 0.5 % of its pixels are not
zero, some of them on its border (the edge of an object outside), and the largest value is at least
10 % of white."""

MAX_NAMED = 8
"""Values that a message names."""


@dataclass(frozen=True)
class MaskSettings:
    """The keys `masks`, `background` and `ignore` of the study's `preprocess`."""

    masks: str | tuple[Value, ...] = "binary"
    background: tuple[Value, ...] | None = None
    ignore: Value | None = None

    @property
    def listed(self) -> tuple[Value, ...]:
        """The values that are listed as foreground."""
        return () if isinstance(self.masks, str) else self.masks

    @property
    def ignored(self) -> tuple[Value, ...]:
        return () if self.ignore is None else (self.ignore,)

    @property
    def stated(self) -> set[Value]:
        """All values that the study names."""
        return {*self.listed, *self.ignored, *(self.background or ())}


@dataclass(frozen=True)
class MaskRule:
    """Which values of a mask are foreground, background and ignored.

    Attributes:
        foreground: The values of the foreground; None: all that are not background.
        background: The values of the background; None: all that are not foreground.
        ignored: The values of pixels that count nowhere.
        threshold: If given, numbers from it on are foreground and all others background.
        is_dark: Whether numbers below the threshold are foreground instead.
    """

    foreground: tuple[Value, ...] | None
    background: tuple[Value, ...] | None
    ignored: tuple[Value, ...] = ()
    threshold: float | None = None
    is_dark: bool = False

    @classmethod
    def from_json(cls, rule: dict[str, Any]) -> "MaskRule":
        values = (rule[key] for key in ("foreground", "background", "ignored"))
        foreground, background, ignored = (None if v is None else tuple(v) for v in values)
        return cls(foreground, background, ignored or (), rule["threshold"], rule["is_dark"])

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def classify(self, value: Value) -> int | None:
        """Return the class of a value, None if the rule does not know it."""
        if value in self.ignored:
            return IGNORED
        if self.threshold is not None and not isinstance(value, str):
            return FOREGROUND if (value >= self.threshold) != self.is_dark else BACKGROUND
        if value == WHITE_BIT:
            return self._classify_white_bit()
        if self.foreground is None:
            return BACKGROUND if value in (self.background or ()) else FOREGROUND
        if value in self.foreground:
            return FOREGROUND
        return BACKGROUND if self.background is None or value in self.background else None

    def _classify_white_bit(self) -> int:
        """Return the class of white in a file of 1 bit: foreground unless the study says else."""
        if any(white in (self.background or ()) for white in WHITES):
            return BACKGROUND
        if self.foreground is None or any(white in self.foreground for white in WHITES):
            return FOREGROUND
        return BACKGROUND if 0 in self.foreground else FOREGROUND

    def apply(self, page: MaskPage) -> np.ndarray:
        """Return a page as uint8 of the same shape with the values 0, 1 and 255 (ignored).

        Raises:
            InvalidImageError: The page has values that the rule does not know.
        """
        check_is_no_image(page.facts)
        if self.threshold is not None and not has_grey_edges(page.facts, 2 * self.threshold):
            raise InvalidImageError(
                "mask_value",
                f"has the values {count_values(page.facts)}, expected 0 and "
                f"{2 * self.threshold:g}, and others only at the edges, as in the other masks",
                "correct the mask, or remove it and its image",
            )
        if page.names is None and self._is_zero_and_foreground(page.facts):
            return (page.codes != 0).astype(np.uint8)
        if page.names is None and page.codes.dtype != np.uint8:
            numbers, indices = np.unique(page.codes, return_inverse=True)
            values: list[Value] = numbers.tolist()
            indices = indices.reshape(page.codes.shape)
        else:
            values, indices = list(page.names or range(256)), page.codes
        classes = [self.classify(value) for value in values]
        if any(self.classify(value) is None for value in page.facts.pixels) or (
            page.facts.others and None in classes
        ):
            known = list_values([*(self.background or ()), *(self.foreground or ())])
            raise InvalidImageError(
                "mask_value",
                f"has the values {count_values(page.facts)}, expected {known} as in the other "
                "masks",
                "correct the mask, remove it and its image, or set preprocess.masks to the list "
                "of values that are foreground",
            )
        table = np.array([c or 0 for c in classes], np.uint8)
        return table.take(indices, mode="clip")

    def _is_zero_and_foreground(self, page: MaskFacts) -> bool:
        """Return whether exactly the values other than zero are foreground."""
        return not page.others and all(
            self.classify(value) == (BACKGROUND if value == 0 else FOREGROUND)
            for value in page.pixels
        )

    def agrees(self, other: "MaskRule", pages: Iterable[MaskFacts]) -> bool:
        """Return whether both rules give all pages the same classes."""
        if self == other:
            return True
        if any(page.others for page in pages):
            return False
        values = {value for page in pages for value in page.pixels}
        return all(self.classify(value) == other.classify(value) for value in values)


def check_is_no_image(page: MaskFacts) -> None:
    if page.is_image:
        raise InvalidImageError(
            "mask_is_image",
            f"has {len(page.values) + page.others} values, each in many separate regions, expected "
            "a number for each class or object",
            "this looks like an image or a probability map; replace it by the mask, or remove it "
            "and its image",
        )


def largest_number(page: MaskFacts) -> float:
    return max(numbers_in(page.pixels))


def has_grey_edges(page: MaskFacts, white: float) -> bool:
    """Return whether a page has zero and white only, and others only at the edges."""
    if not page.has_only_numbers:
        return False
    top = largest_number(page)
    if top < SAME_WHITE * white:  # no foreground
        stray = sum(count for value, count in page.values if value != 0)
        few = stray <= MAX_STRAY_SHARE * sum(page.pixels.values())
        is_cut = any(value != 0 for value, _ in page.border)
        return top == 0 or (few and is_cut and top >= MIN_STRAY * white)
    if len(page.values) > 2:
        return page.grey_edges is not None
    return all(value == 0 or value >= SAME_WHITE * white for value in numbers_in(page.pixels))


def numbers_in(values: Iterable[Value]) -> list[float]:
    return [value for value in values if not isinstance(value, str)]


def value_order(value: Value) -> tuple[bool, Any]:
    return isinstance(value, str), value


def format_value(value: Value) -> str:
    """Return a value as it is written in params.yaml."""
    if isinstance(value, str):
        return f'"{value}"' if value.startswith("#") else value
    return f"{value:g}" if isinstance(value, float) else str(value)


def list_values(values: Iterable[Value]) -> str:
    return ", ".join(map(format_value, list(values)[:MAX_NAMED]))


def count_values(facts: MaskFacts) -> str:
    """Return the first values of a page in order, and how many there are."""
    shown = sorted(facts.pixels, key=value_order)
    more = f", ... ({len(shown) + facts.others} in all)" if len(shown) > MAX_NAMED - 2 else ""
    return ", ".join(map(format_value, shown[: MAX_NAMED - 2])) + more
