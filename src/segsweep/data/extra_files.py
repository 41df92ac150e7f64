"""Leave out files next to images that are neither images nor masks, such as overlays."""

import re
from collections.abc import Collection
from pathlib import Path

from segsweep.data.discovery import FoundFiles
from segsweep.data.file_listing import Listing, name_key, relative_stem
from segsweep.data.issues import DataIssue
from segsweep.data.name_patterns import split_name

EXTRA_WORDS = frozenset(
    """
    overlay overlays preview previews thumb thumbs thumbnail thumbnails superpixels viz vis
    visualization visualisation blend
    """.split()  # noqa: SIM905
)
"""Last words of the names of files that only show an image or mask again."""
SEPARATORS = " _-."
"""What may be before such a word."""


def leave_out_overlays(listing: Listing) -> list[DataIssue]:
    """Remove files such as `x_overlay` next to `x` from a listing, and state it."""
    words = {file: re.search(r"[^\W\d_]+\Z", file.stem.casefold()) for file in listing.files}
    if not any(word and word[0] in EXTRA_WORDS for word in words.values()):
        return []
    keys = set(listing.by_key())

    def is_kept(file: Path) -> bool:
        word = words.get(file)
        if word is None or word[0] not in EXTRA_WORDS:
            return True
        shown = name_key(relative_stem(file, listing.folder)).removesuffix(word[0])
        return shown.rstrip(SEPARATORS) not in keys

    left_out = listing.keep(is_kept)
    if not left_out:
        return []
    found = (
        f"{len(left_out)} files such as {left_out[0].name} are left out: their names are those of "
        "other files and a word for a picture that shows them"
    )
    todo = "to use them, import again with --image-pattern and --mask-pattern"
    return [DataIssue("pairing", str(listing.folder), found, todo)]


def leave_out_longer_names(files: FoundFiles, paired: Collection[str]) -> list[Path]:
    """Remove the files from `files.images` that have no mask and the name of a paired image.

    With the images `x` and the masks `x_mask1`, they are called `x_mask2` or `x_flows`.

    Args:
        files: The files of one folder.
        paired: Keys of the images with masks.
    """
    left_out = []
    for key in sorted(files.images.keys() - set(paired)):
        folder, name = split_name(key)
        ends = [cut.start() for cut in re.finditer(r"[\W_]", name)]
        if any(
            folder + name[:end] in paired and re.search(r"[^\W\d_]", name[end:]) for end in ends
        ):
            left_out += files.images.pop(key)
    return left_out
