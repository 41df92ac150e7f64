"""Choose one channel of an image that has several, such as fluorescence or satellite bands."""

from segsweep.data.issues import InvalidImageError

Note = tuple[str, str]
"""Kind of an assumption in `ISSUE_KINDS`, and its text."""


def choose_channel(
    count: int, channel: int | None, as_mask: bool, source: str, hint: str = ""
) -> tuple[int, Note]:
    """Return the index of the channel to use, and a note that says which one it is.

    Args:
        count: Number of channels, at least 2.
        channel: `preprocess.channel`, counted from 1.
        as_mask: Whether the file is a mask; `channel` is of images only.
        source: What says that these are channels, such as `ImageJ, axes CYX`.
        hint: What else to do if they are not channels.

    Raises:
        InvalidImageError: There is no such channel, or none was chosen.
    """
    if as_mask:
        raise InvalidImageError(
            "channels",
            f"has {count} channels ({source}), expected one in a mask",
            "save the channel with the mask as its own file (in Fiji: Image > Color > Split "
            f"Channels){hint}",
        )
    if channel is None:
        raise InvalidImageError(
            "channels",
            f"has {count} channels ({source})",
            f"set preprocess.channel: 1 (or {_others(count)}) to use one of them{hint}",
        )
    if channel > count:
        raise InvalidImageError(
            "channels",
            f"has {count} channels ({source}), but preprocess.channel is {channel}",
            f"set preprocess.channel to a number from 1 to {count}",
        )
    return channel - 1, ("channel", f"channel {channel} of {count} ({source})")


def _others(count: int) -> str:
    return ", ".join(map(str, range(2, count + 1))) if count <= 4 else f"up to {count}"
