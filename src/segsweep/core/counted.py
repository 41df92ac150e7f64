"""Numbers of things in messages."""


def counted(count: int, noun: str) -> str:
    """Return `1 page`, or `2 pages`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
