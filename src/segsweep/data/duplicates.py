"""The same image twice, exactly or nearly: leakage, if its copies lie in two groups."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from PIL import Image
from scipy.fft import dctn

SIDE, LOW = 32, 8
NEAR = 3
"""Bits of 64 in which the fingerprints of nearly the same images may differ. Fingerprints this
close share at least one of their four quarters, by which candidates are found."""
QUARTERS = 4


def fingerprint(image: np.ndarray) -> int:
    """A perceptual hash (64 bits) of a float32 image: the signs of its lowest frequencies.

    Brightness, contrast, size and compression hardly change it (pHash: Zauner, 2010).
    """
    small = np.asarray(Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BOX))
    low = dctn(small.astype(np.float64), norm="ortho")[:LOW, :LOW].ravel()
    bits = low > np.median(low[1:])
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def exact(contents: Sequence[str], groups: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Positions (first, later) of equal contents in different groups."""
    first: dict[str, int] = {}
    for i, content in enumerate(contents):
        j = first.setdefault(content, i)
        if groups[i] != groups[j]:
            yield j, i


def near(fingerprints: Mapping[int, int], groups: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs of positions in different groups whose fingerprints nearly agree, in order."""
    positions = np.array(list(fingerprints), np.int64)
    prints = np.array(list(fingerprints.values()), np.uint64)
    found: set[tuple[int, int]] = set()
    for quarter in range(QUARTERS):
        keys = (prints >> np.uint64(16 * quarter)).astype(np.uint16)
        order = np.argsort(keys, kind="stable")
        for members in np.split(order, np.flatnonzero(np.diff(keys[order])) + 1):
            for i, one in enumerate(members):
                rest = members[i + 1 :]
                close = rest[np.bitwise_count(prints[rest] ^ prints[one]) <= NEAR]
                found.update((int(positions[one]), int(positions[two])) for two in close)
    return sorted(pair for pair in found if groups[pair[0]] != groups[pair[1]])
