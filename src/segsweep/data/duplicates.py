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
    """A perceptual hash (64 bits) of a 2-D image, uint8 or float32: its lowest frequencies' signs.

    Brightness, contrast, size and compression hardly change it (pHash: Zauner, 2010).
    """
    whole = Image.fromarray(np.ascontiguousarray(image))
    small = np.asarray(whole.resize((SIDE, SIDE), Image.Resampling.BOX))
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
    """Positions (first, later) whose fingerprints nearly agree, in different groups.

    Each later position comes once, with the first that it is like.
    """
    places: dict[int, list[int]] = {}
    for position, bits in sorted(fingerprints.items()):
        firsts = places.setdefault(bits, [])
        # the first of one group and the first of any other are all that later ones need
        if not firsts or (len(firsts) == 1 and groups[position] != groups[firsts[0]]):
            firsts.append(position)
    codes = {group: code for code, group in enumerate(dict.fromkeys(groups))}
    sole = [codes[groups[p[0]]] if len(p) == 1 else -1 for p in places.values()]
    alike = _neighbours(np.array(list(places), np.uint64), np.array(sole, np.int64))
    found = []
    for position, bits in sorted(fingerprints.items()):
        others = [p for near_bits in (bits, *alike.get(bits, ())) for p in places[near_bits]]
        first = min((p for p in others if groups[p] != groups[position]), default=position)
        if first < position:
            found.append((first, position))
    return found


def _neighbours(prints: np.ndarray, sole: np.ndarray) -> dict[int, set[int]]:
    """For each of these different fingerprints those that it nearly agrees with, if any.

    `sole` numbers the group of a fingerprint that is seen in one group alone (else -1): within one
    group nobody asks.
    """
    found: dict[int, set[int]] = {}
    for quarter in range(QUARTERS):
        keys = (prints >> np.uint64(16 * quarter)).astype(np.uint16)
        order = np.argsort(keys, kind="stable")
        for members in np.split(order, np.flatnonzero(np.diff(keys[order])) + 1):
            for i, k in enumerate(members[:-1]):
                one, rest = prints[k], members[i + 1 :]
                if sole[k] >= 0:
                    rest = rest[sole[rest] != sole[k]]
                for two in prints[rest[np.bitwise_count(prints[rest] ^ one) <= NEAR]]:
                    found.setdefault(int(one), set()).add(int(two))
                    found.setdefault(int(two), set()).add(int(one))
    return found
