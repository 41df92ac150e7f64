"""Find equal and nearly equal images in different groups, which would be leakage."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from PIL import Image
from scipy.fft import dctn

HASHED_SIDE, FREQUENCIES = 32, 8
MAX_DIFFERENT_BITS = 3
"""Perceptual hashes that differ in at most this many of their 64 bits are nearly equal. Such hashes
share at least one of their four 16-bit quarters, by which candidates are found."""
QUARTERS = 4


def perceptual_hash(image: np.ndarray) -> int:
    """Return a 64-bit hash of a 2-D image (uint8 or float32).

    Its bits say which of the lowest spatial frequencies are above their median (pHash: Zauner,
    2010). Brightness, contrast, size and compression hardly change it.
    """
    whole = Image.fromarray(np.ascontiguousarray(image))
    small = np.asarray(whole.resize((HASHED_SIDE, HASHED_SIDE), Image.Resampling.BOX))
    low = dctn(small.astype(np.float64), norm="ortho")[:FREQUENCIES, :FREQUENCIES].ravel()
    bits = low > np.median(low[1:])
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def find_equal(hashes: Sequence[str], groups: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield the indices (first, later) of equal content hashes in different groups."""
    first: dict[str, int] = {}
    for i, content in enumerate(hashes):
        j = first.setdefault(content, i)
        if groups[i] != groups[j]:
            yield j, i


def find_nearly_equal(hashes: Mapping[int, int], groups: Sequence[str]) -> list[tuple[int, int]]:
    """Return the indices (first, later) of nearly equal images in different groups.

    Args:
        hashes: Perceptual hashes by the index of the image.
        groups: The group of each image.

    Returns:
        At most one pair for each later index, with the first index that is nearly equal to it.
    """
    indices_of: dict[int, list[int]] = {}
    for index, bits in sorted(hashes.items()):
        indices = indices_of.setdefault(bits, [])
        # the first index of one group and the first of any other group suffice
        if not indices or (len(indices) == 1 and groups[index] != groups[indices[0]]):
            indices.append(index)
    codes = {group: code for code, group in enumerate(dict.fromkeys(groups))}
    only_group = [codes[groups[i[0]]] if len(i) == 1 else -1 for i in indices_of.values()]
    neighbours = _find_neighbours(
        np.array(list(indices_of), np.uint64), np.array(only_group, np.int64)
    )
    pairs = []
    for index, bits in sorted(hashes.items()):
        others = [i for near in (bits, *neighbours.get(bits, ())) for i in indices_of[near]]
        first = min((i for i in others if groups[i] != groups[index]), default=index)
        if first < index:
            pairs.append((first, index))
    return pairs


def _find_neighbours(hashes: np.ndarray, only_group: np.ndarray) -> dict[int, set[int]]:
    """Return the nearly equal hashes of each hash that has any.

    Args:
        hashes: Different hashes, uint64.
        only_group: The number of the group if a hash occurs in one group only, else -1. Pairs
            within one group are skipped.
    """
    neighbours: dict[int, set[int]] = {}
    for quarter in range(QUARTERS):
        keys = (hashes >> np.uint64(16 * quarter)).astype(np.uint16)
        order = np.argsort(keys, kind="stable")
        for members in np.split(order, np.flatnonzero(np.diff(keys[order])) + 1):
            for i, k in enumerate(members[:-1]):
                bits, others = hashes[k], members[i + 1 :]
                if only_group[k] >= 0:
                    others = others[only_group[others] != only_group[k]]
                differences = np.bitwise_count(hashes[others] ^ bits)
                for near in hashes[others[differences <= MAX_DIFFERENT_BITS]]:
                    neighbours.setdefault(int(bits), set()).add(int(near))
                    neighbours.setdefault(int(near), set()).add(int(bits))
    return neighbours
