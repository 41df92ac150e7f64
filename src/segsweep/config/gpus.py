"""The memory of usual cards, by name. Sources: the makers' data sheets."""

import difflib

CARDS = {
    "t4": 16,
    "v100": 32,
    "rtx2080ti": 11,
    "rtx3060": 12,
    "rtx3080": 10,
    "rtx3090": 24,
    "rtx4070": 12,
    "rtx4080": 16,
    "rtx4090": 24,
    "rtx5090": 32,
    "rtxa4000": 16,
    "rtxa5000": 24,
    "rtxa6000": 48,
    "rtx6000ada": 48,
    "l4": 24,
    "l40s": 48,
    "a10": 24,
    "a40": 48,
    "a100": 80,
    "h100": 80,
    "h200": 141,
}
"""GB (1e9 bytes); of cards that come with more and with less memory, the more usual."""


def card_memory(name: str) -> int:
    """A card's memory in GB; capitals, spaces and dashes in its name do not count.

    Raises `ValueError` for a card that is not known.
    """
    plain = "".join(c for c in name.lower() if c.isalnum())
    if plain in CARDS:
        return CARDS[plain]
    near = difflib.get_close_matches(plain, CARDS, 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise ValueError(
        f"found {name!r}, expected a card of {', '.join(CARDS)}, or its memory in GB{hint}"
    )
