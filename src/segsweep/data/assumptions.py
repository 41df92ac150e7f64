"""State what was decided while reading the images: one issue for each kind of decision."""

from collections.abc import Sequence

from segsweep.data.discovery import Pair
from segsweep.data.image_cache import PreparedImage
from segsweep.data.issues import DataIssue

HOW_TO_CHANGE = {
    "slices": "save the slices that you want as their own files to choose others",
    "channel": "set preprocess.channel to use another",
    "turned": "set preprocess.orientation: upright, or stored, to decide it",
    "negative": "compare the contact sheet; if this is wrong, save the files without this setting",
    "mask_file": "compare the outlines on the contact sheet; if objects and background are "
    "exchanged, set preprocess.background to the value of the background",
}
"""By kind of assumption, how to change it."""


def state_assumptions(pairs: Sequence[Pair], prepared: Sequence[PreparedImage]) -> list[DataIssue]:
    """Return the decisions, each with the number of images and the first of them.

    Args:
        pairs: Each image with its masks.
        prepared: Each image, processed.
    """
    made: dict[tuple[str, str], list[Pair]] = {}
    for pair, result in zip(pairs, prepared, strict=True):
        for note in dict.fromkeys(result.notes):
            made.setdefault(note, []).append(pair)
    issues = []
    for (kind, text), of in made.items():
        file, what = of[0].image, "in"
        if kind == "mask_file":
            file, what = of[0].masks[0], "in the masks of"
        found = f"{text} ({what} {len(of)} of {len(prepared)} images)"
        issues.append(DataIssue(kind, str(file), found, HOW_TO_CHANGE[kind]))
    return issues + _state_missing_pixels([str(pair.image) for pair in pairs], prepared)


def _state_missing_pixels(
    images: Sequence[str], prepared: Sequence[PreparedImage]
) -> list[DataIssue]:
    affected = [i for i, result in enumerate(prepared) if result.without_data]
    if not affected:
        return []
    missing = sum(result.without_data for result in prepared)
    return [
        DataIssue(
            "missing_pixels",
            images[affected[0]],
            f"{missing:,} pixels of {len(affected)} images have no data (NaN, infinity, "
            "GDAL_NODATA, PixelPaddingValue or preprocess.nodata); they do not count for the "
            "percentiles of the grey values and become black",
            "set preprocess.nodata to add values, or leave such images out",
        )
    ]
