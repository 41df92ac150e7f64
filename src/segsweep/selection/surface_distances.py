"""How far apart the outlines of two masks are, in the units of a pixel's sides.

The surface of a mask is its pixels that have a side in common with the background, and what lies
beyond the image is background. The definitions are those of Maier-Hein et al. ("Metrics reloaded",
Nature Methods 21, 2024) as MONAI has them. Where masks are empty, MONAI gives NaN or infinity:
here two empty masks are 0 apart, and of one empty mask there is no distance, which is None.
"""

from typing import NamedTuple

import numpy as np
from scipy.ndimage import binary_erosion, distance_transform_edt

PERCENTILE = 95


class SurfaceDistances(NamedTuple):
    """`hausdorff95`: of the distances from each surface to the other, the 95th percentile (linear
    between two values), and of the two directions the larger. `mean`: over the pixels of both
    surfaces alike, the average symmetric surface distance.
    """

    hausdorff95: float
    mean: float


def surface_distances(
    one: np.ndarray, other: np.ndarray, spacing: tuple[float, float] = (1.0, 1.0)
) -> SurfaceDistances | None:
    """The distances between two bool masks of one shape (height, width), in the unit of `spacing`.

    `spacing` is the height and width of a pixel. None where just one of the masks is empty.
    """
    ours, theirs = _surface(one), _surface(other)
    if not (ours.any() or theirs.any()):
        return SurfaceDistances(0.0, 0.0)
    if not (ours.any() and theirs.any()):
        return None
    there = distance_transform_edt(~theirs, sampling=spacing)[ours]
    back = distance_transform_edt(~ours, sampling=spacing)[theirs]
    furthest = max(np.percentile(way, PERCENTILE) for way in (there, back))
    return SurfaceDistances(float(furthest), float(np.concatenate([there, back]).mean()))


def _surface(mask: np.ndarray) -> np.ndarray:
    return mask & ~binary_erosion(mask)
