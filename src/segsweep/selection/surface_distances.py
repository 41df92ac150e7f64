"""Distances between the outlines of two masks.

The surface of a mask is its foreground pixels that share a side with the background; everything
outside the image is background. The definitions are those of Maier-Hein et al. ("Metrics reloaded",
Nature Methods 21, 2024), as implemented in MONAI. MONAI returns NaN or infinity for empty masks;
here the distance of two empty masks is 0, and the distance to one empty mask is undefined (None).
"""

from typing import NamedTuple

import numpy as np
from scipy.ndimage import binary_erosion, distance_transform_edt

PERCENTILE = 95


class SurfaceDistances(NamedTuple):
    """Distances between two surfaces, in the unit of the pixel size.

    Attributes:
        hausdorff95: The larger of the two directed 95th percentiles of the distances from one
            surface to the other (linear interpolation).
        mean: The average symmetric surface distance, over the pixels of both surfaces.
    """

    hausdorff95: float
    mean: float


def surface_distances(
    first: np.ndarray, second: np.ndarray, pixel_size: tuple[float, float] = (1.0, 1.0)
) -> SurfaceDistances | None:
    """Return the distances between two masks, or None where exactly one of them is empty.

    Args:
        first: bool of shape (height, width).
        second: The same shape and type.
        pixel_size: The height and the width of a pixel; the distances have its unit.
    """
    surfaces = _surface(first), _surface(second)
    empty = [not surface.any() for surface in surfaces]
    if all(empty):
        return SurfaceDistances(0.0, 0.0)
    if any(empty):
        return None
    forward = distance_transform_edt(~surfaces[1], sampling=pixel_size)[surfaces[0]]
    backward = distance_transform_edt(~surfaces[0], sampling=pixel_size)[surfaces[1]]
    hausdorff95 = max(np.percentile(distances, PERCENTILE) for distances in (forward, backward))
    return SurfaceDistances(float(hausdorff95), float(np.concatenate([forward, backward]).mean()))


def _surface(mask: np.ndarray) -> np.ndarray:
    return mask & ~binary_erosion(mask)
