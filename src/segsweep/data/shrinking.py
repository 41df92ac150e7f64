"""Check that masks keep their foreground when they shrink to the network's size."""

from collections.abc import Sequence

from segsweep.data.image_cache import PreparedImage
from segsweep.data.issues import DataIssue

MAX_LOST_SHARE = 0.5
"""A mask has lost its foreground if more than this share of it is lost."""
MAX_LOST_MASKS = 0.01
"""Largest share of the masks with foreground that may lose theirs with no more than a warning."""

KEEP_PIXELS = (
    "set preprocess.mode: tile, which keeps every pixel, or a larger preprocess.input_shape"
)


def find_lost_foreground(
    images: Sequence[str], prepared: Sequence[PreparedImage]
) -> list[DataIssue]:
    """Return an issue if masks lost their foreground by shrinking, else an empty list.

    Args:
        images: Path of each image.
        prepared: Each image, processed.
    """
    measured = [
        (size, image)
        for image, result in zip(images, prepared, strict=True)
        for size in result.sizes
        if size is not None and size[0] > 0
    ]
    lost_all = [m for m in measured if m[0][1] == 0]
    lost_half = [m for m in measured if 0 < m[0][1] < (1 - MAX_LOST_SHARE) * m[0][0]]
    objects = [int(sum(size[k] for size, _ in measured)) for k in (2, 3)]
    if not lost_all and not lost_half:
        return _find_lost_objects(measured, *objects)
    (before, after, *_), worst = min(
        [*lost_all, *lost_half], key=lambda m: (m[0][1] / m[0][0], -m[0][0])
    )
    is_fault = len(lost_all) + len(lost_half) > MAX_LOST_MASKS * len(measured)
    return [
        DataIssue(
            "shrunk" if is_fault else "few_shrunk",
            worst,
            f"{len(lost_all)} of {len(measured)} masks lost all of their foreground when they "
            f"shrank, {len(lost_half)} more lost over half of it (here {after:,.0f} of "
            f"{before:,.0f} pixels remain); objects in all masks: {objects[0]} before, "
            f"{objects[1]} after",
            KEEP_PIXELS,
        )
    ]


def _find_lost_objects(
    measured: Sequence[tuple[list[float], str]], before: int, after: int
) -> list[DataIssue]:
    """Return a warning if many objects are lost, although most of the foreground is kept."""
    if after >= (1 - MAX_LOST_SHARE) * before:
        return []
    worst = max(measured, key=lambda m: m[0][2] - m[0][3])
    return [
        DataIssue(
            "few_shrunk",
            worst[1],
            f"of {before} objects in all masks, {after} are left after shrinking (here "
            f"{worst[0][3]:.0f} of {worst[0][2]:.0f})",
            KEEP_PIXELS,
        )
    ]
