"""Surface distances agree with MONAI where both masks have foreground."""

import math
import warnings
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from monai.metrics import compute_average_surface_distance, compute_hausdorff_distance
from scipy.ndimage import gaussian_filter

from segsweep.selection.surface_distances import surface_distances

SPACINGS = [(1.0, 1.0), (2.5, 0.4)]


def monai_distances(
    first: np.ndarray, second: np.ndarray, spacing: tuple[float, float]
) -> list[float]:
    pair = [torch.from_numpy(mask)[None, None] for mask in (first, second)]
    settings = {"include_background": True, "spacing": list(spacing)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about empty masks
        hausdorff95 = compute_hausdorff_distance(*pair, percentile=95, directed=False, **settings)
        return [
            float(hausdorff95),
            float(compute_average_surface_distance(*pair, symmetric=True, **settings)),
        ]


def pixel(row: int, column: int, shape: tuple[int, int] = (17, 23)) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[row, column] = True
    return mask


def masks() -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs of masks: blobs of many sizes, some at the border, single pixels, full masks, lines."""
    rng = np.random.default_rng(0)
    for smooth in (0.0, 1.0, 3.0):
        for share in (0.1, 0.5, 0.9):
            fields = [gaussian_filter(rng.random((41, 60)), smooth) for _ in range(2)]
            yield tuple(field > np.quantile(field, 1 - share) for field in fields)
    yield pixel(0, 0), pixel(16, 22)
    yield pixel(3, 4), np.ones((17, 23), bool)
    yield np.ones((17, 23), bool), np.ones((17, 23), bool)
    line, column = np.zeros((2, 17, 23), bool)
    line[0], column[:, -1] = True, True
    yield line, column
    yield line, pixel(16, 0)
    yield pixel(0, 5, (1, 9)), pixel(0, 0, (1, 9))


@pytest.mark.parametrize("spacing", SPACINGS)
def test_distances_agree_with_monai(spacing: tuple[float, float]) -> None:
    for first, second in masks():
        distances = surface_distances(first, second, spacing)
        assert distances == pytest.approx(
            monai_distances(first, second, spacing), rel=1e-5, abs=1e-6
        )
        assert distances == pytest.approx(surface_distances(second, first, spacing), rel=1e-12)


def test_pixel_height_and_width_scale_their_own_direction() -> None:
    assert surface_distances(pixel(2, 2), pixel(5, 2), (2.0, 0.5)) == (6.0, 6.0)
    assert surface_distances(pixel(2, 2), pixel(2, 5), (2.0, 0.5)) == (1.5, 1.5)


def test_one_far_pixel_changes_the_mean_and_not_the_95th_percentile() -> None:
    square = np.zeros((40, 40), bool)
    square[5:15, 5:15] = True
    distances = surface_distances(square | pixel(39, 39, (40, 40)), square)
    assert distances is not None
    assert distances.hausdorff95 == 0
    assert distances.mean == pytest.approx(math.hypot(25, 25) / (36 + 1 + 36))


def test_empty_masks_have_no_distance_in_monai() -> None:
    nothing, something = np.zeros((17, 23), bool), pixel(3, 4)
    assert surface_distances(nothing, nothing) == (0.0, 0.0)
    assert np.isnan(monai_distances(nothing, nothing, (1.0, 1.0))).all()
    for first, second in ((nothing, something), (something, nothing)):
        assert surface_distances(first, second) is None
        assert not np.isfinite(monai_distances(first, second, (1.0, 1.0))).any()
