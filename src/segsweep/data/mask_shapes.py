"""Tell masks with grey edges, masks of classes, and images apart by where their values are."""

import numpy as np
from scipy.ndimage import maximum_filter, minimum_filter
from skimage.measure import label

MIN_IMAGE_VALUES = 16
MAX_REGIONS_PER_VALUE = 4
"""A mask with more than `MIN_IMAGE_VALUES` values and more than `MAX_REGIONS_PER_VALUE` connected
regions per value is taken for an image. In a label image a value is one object, which is rarely cut
into several regions."""

EDGE = (0.25, 0.75)
"""Range of the values of grey edges, as shares of the largest value."""
MAX_EDGE_PIXELS = 1.6
MAX_EDGE_SHARE = 0.1
MIN_PEAK_SHARE = 0.9
MIN_WHITE_SHARE = 0.6
MAX_APART_SHARE, MAX_FLAT_SHARE = 0.1, 0.01
"""Limits for a mask with grey edges. Pixels with values in `EDGE` may be at most `MAX_EDGE_PIXELS`
per pixel of outline and `MAX_EDGE_SHARE` of all pixels: about 1 per pixel of outline after JPEG or
anti-aliasing, 3 and more in probability maps and photographs; at most `MAX_APART_SHARE` of them may
be more than two pixels from white. At least `MIN_PEAK_SHARE` of the pixels must be within 5 % of
zero or of the largest value, and at least `MIN_WHITE_SHARE` of the foreground within 10 % of the
largest value. Of the pixels that are neither zero nor the largest value, at most `MAX_FLAT_SHARE`
may be inside an area of one value, as in a mask of classes."""

NEAR, SAME_NEAR = 4, 4
MIN_SMOOTH_SHARE, MIN_SMOOTH_VALUES = 0.1, 2
"""A mask is smoothed if at least `MIN_SMOOTH_SHARE` of the pixels along its edges have a value
between those of two areas at most `NEAR` pixels away, belong to no area of their own value at most
`SAME_NEAR` pixels away, and have at least `MIN_SMOOTH_VALUES` values: one alone may be a border
that was drawn. At most `MAX_LOOKED_AT` pixels are looked at."""
MAX_LOOKED_AT = 20_000


def is_smoothed(codes: np.ndarray, channels: np.ndarray | None = None) -> bool:
    """Return whether edges have values between those of the areas, as interpolation makes them.

    Args:
        codes: Values, 2-D, or indices into `channels`.
        channels: Red, green and blue of each index, (n, 3).
    """
    inside = maximum_filter(codes, 3) == minimum_filter(codes, 3)
    rows, columns = np.nonzero(~inside)
    if not len(rows) or len(rows) > codes.size / 2:  # no edges, or no areas
        return False
    step = 1 + len(rows) // MAX_LOOKED_AT
    rows, columns = rows[::step], columns[::step]
    own = codes[rows, columns]
    table = own[:, None] if channels is None else channels[own]
    low, high = table.copy(), table.copy()
    has_own_area = np.zeros(len(rows), bool)
    height, width = codes.shape
    for down in range(-SAME_NEAR, SAME_NEAR + 1):
        for right in range(-SAME_NEAR, SAME_NEAR + 1):
            at = np.clip(rows + down, 0, height - 1), np.clip(columns + right, 0, width - 1)
            near, is_area = codes[at], inside[at]
            has_own_area |= is_area & (near == own)
            if max(abs(down), abs(right)) <= NEAR:
                value = near[:, None] if channels is None else channels[near]
                value = np.where(is_area[:, None], value, table)
                low, high = np.minimum(low, value), np.maximum(high, value)
    is_mixed = ((low < table) & (table < high)).any(-1) & ~has_own_area
    is_mixed &= ((low < table) & (table < high) | (low == high)).all(-1)
    enough = np.count_nonzero(is_mixed) >= MIN_SMOOTH_SHARE * len(rows)
    return bool(enough and len(np.unique(own[is_mixed])) >= MIN_SMOOTH_VALUES)


def count_grey_edges(codes: np.ndarray) -> int | None:
    """Return the number of pixels between the two peaks; None if there are no two clear peaks."""
    top = int(codes.max())
    if top < MIN_IMAGE_VALUES or codes.min() < 0:  # class numbers are small and have no edges
        return None
    share: np.ndarray = codes.astype(np.float32) / top
    inside = share >= 0.5
    changes = (inside[1:] != inside[:-1], inside[:, 1:] != inside[:, :-1])
    outline = sum(int(np.count_nonzero(change)) for change in changes)
    low, high = EDGE
    grey = (share > low) & (share < high)
    between = int(np.count_nonzero(grey))
    apart = int(np.count_nonzero(grey & (maximum_filter(share, 5) < high))) if between else 0
    peaks = int(np.count_nonzero((share <= 0.05) | (share >= 0.95))) / share.size
    white = int(np.count_nonzero(share >= 0.9)) / max(1, int(np.count_nonzero(inside)))
    has_peaks = (
        between <= min(MAX_EDGE_PIXELS * outline + 4, MAX_EDGE_SHARE * share.size)
        and apart <= MAX_APART_SHARE * between
        and peaks >= MIN_PEAK_SHARE
        and white >= MIN_WHITE_SHARE
        and not _has_classes(codes, top)
    )
    return between if has_peaks else None


def _has_classes(codes: np.ndarray, top: int) -> bool:
    """Return whether the values between zero and `top` look like classes, not like edges.

    Classes are areas of one value, or a few small numbers.
    """
    edges = (codes > 0) & (codes < top)
    values = np.unique(codes[edges])
    has_small, has_large = (values < top / 20).any(), (values > top * 19 / 20).any()
    if len(values) < MIN_IMAGE_VALUES and has_small != has_large:  # JPEG has both
        return True
    flat = edges & (maximum_filter(codes, 3) == minimum_filter(codes, 3))
    return bool(np.count_nonzero(flat) > MAX_FLAT_SHARE * np.count_nonzero(edges))


def is_image(codes: np.ndarray, count: int) -> bool:
    """Return whether `count` values are in so many regions that they are no labels."""
    if count <= MIN_IMAGE_VALUES:
        return False
    numbers = np.unique(codes, return_inverse=True)[1].reshape(codes.shape)
    return bool(label(numbers, connectivity=1, background=-1).max() > MAX_REGIONS_PER_VALUE * count)
