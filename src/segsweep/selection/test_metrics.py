"""How the winner does on the test split, which no search has seen: each image, and all of them.

Only what an image's window shows is judged, never the padding beside it. Distances are in pixels of
the original, or in mm where the size of a pixel is known for every image of the split.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import bootstrap

from segsweep.core.errors import UserError
from segsweep.data.dataset import ProcessedSet
from segsweep.data.resize import WINDOW, Window
from segsweep.selection.surface_distances import surface_distances

OVERLAPS = ("dice", "iou")
DISTANCES = ("hausdorff95", "mean_surface_distance")
COLUMNS = ("name", "group", *OVERLAPS, *DISTANCES, "unit")
"""Dice and IoU in 0 to 1, distances in `unit`; they are None where just one mask is empty."""

PIXEL_MM = ("pixel_height_mm", "pixel_width_mm")
LEAST_GROUPS = 5
TOO_FEW = "too few groups for an interval"
CONFIDENCE = 0.95
DRAWS = 10_000
AT_ONCE = 1 << 22
"""Groups drawn at once, in as many draws as that makes: about 100 MB."""


def judge(
    data: ProcessedSet, split: str, predicted: np.ndarray, sources: Sequence[Mapping[str, str]]
) -> list[dict[str, Any]]:
    """A row of `COLUMNS` for each image of a split.

    `predicted` holds its masks, uint8 (n, height, width), 0 or 1, in the split's order; `sources`
    are the rows of `sources.csv`. A tile counts as an image. Raises `UserError` when the sources
    are not those of `data`.
    """
    if [source.get("name") for source in sources] != data.names:
        raise UserError(
            "sources.csv: its names are not those of manifest.csv, expected the same in the same "
            "order; run preprocess again"
        )
    places = [i for i, of in enumerate(data.splits) if of == split]
    unit = "mm" if all(_pixel_mm(sources[i]) for i in places) else "px"
    rows = []
    for i, guess in zip(places, predicted, strict=True):
        window = Window(*(int(sources[i][column]) for column in WINDOW))
        found, truth = (mask[window.target].astype(bool) for mask in (guess, data.masks[i]))
        apart = surface_distances(found, truth, _spacing(sources[i], window, unit))
        rows.append(
            {
                "name": data.names[i],
                "group": data.groups[i],
                **dict(zip(OVERLAPS, overlap(found, truth), strict=True)),
                **dict(zip(DISTANCES, apart or (None, None), strict=True)),
                "unit": unit,
            }
        )
    return rows


def overlap(one: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """Dice and IoU, in 0 to 1, of two bool masks of one shape; empty on empty is 1."""
    both, either = int(np.count_nonzero(one & other)), int(np.count_nonzero(one | other))
    return (2 * both / (both + either), both / either) if either else (1.0, 1.0)


def summary(
    rows: Sequence[Mapping[str, Any]], sources: Sequence[Mapping[str, str]], seed: int = 0
) -> dict[str, Any]:
    """What `summary.json` holds: counts, and the mean of each number with its 95 % interval.

    `rows` and `sources` are those of `judge`. A distance's mean is over the images in which it is
    defined; `undefined` counts the others, `undefined_in` names them. `pixel_size_known` counts
    images: where that is some but not all, all distances are in px. `seed` is that of the draws.
    """
    by_name = {source["name"]: source for source in sources}
    undefined = [row["name"] for row in rows if None in (row[name] for name in DISTANCES)]
    return {
        "images": len(rows),
        "groups": len({row["group"] for row in rows}),
        **{name: _mean(rows, name, seed) for name in (*OVERLAPS, *DISTANCES)},
        "unit": rows[0]["unit"],
        "pixel_size_known": sum(_pixel_mm(by_name[row["name"]]) is not None for row in rows),
        "undefined": len(undefined),
        "undefined_in": undefined,
    }


def in_a_line(told: Mapping[str, Any]) -> str:
    """The summary as one prints it."""
    said = f"Dice {_in_words(told['dice'], '')}"
    said += f", Hausdorff 95 {_in_words(told['hausdorff95'], ' ' + told['unit'])}"
    if 0 < told["pixel_size_known"] < told["images"]:
        said += f" (of {told['pixel_size_known']} images alone the pixel size is known)"
    if told["undefined"]:
        said += f" (undefined in {told['undefined']}, where one of two masks is empty)"
    said += f"; {told['images']} images of {told['groups']} groups"
    return f"{said} ({TOO_FEW})" if told["dice"]["interval"] == TOO_FEW else said


def interval(values: Sequence[float], groups: Sequence[str], seed: int = 0) -> list[float] | str:
    """The percentile bootstrap's 95 % interval of the mean, whole groups being drawn.

    Images of one group are alike, so it is groups that are drawn with replacement, and all images
    of a drawn group come along (the cluster bootstrap; Field and Welsh, J. R. Stat. Soc. B 69,
    2007). With fewer than 5 groups a sentence that says so.
    """
    names, member = np.unique(np.array(groups, dtype=object), return_inverse=True)
    if len(names) < LEAST_GROUPS:
        return TOO_FEW
    drawn = bootstrap(
        (np.bincount(member, values), np.bincount(member)),
        lambda sums, sizes, axis: sums.sum(axis) / sizes.sum(axis),
        paired=True,
        vectorized=True,
        n_resamples=DRAWS,
        batch=max(1, AT_ONCE // len(names)),
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    return [float(end) for end in drawn.confidence_interval]


def _mean(rows: Sequence[Mapping[str, Any]], name: str, seed: int) -> dict[str, Any]:
    defined = [row for row in rows if row[name] is not None]
    values, groups = [row[name] for row in defined], [row["group"] for row in defined]
    mean = float(np.mean(values)) if values else None
    return {"mean": mean, "interval": interval(values, groups, seed)}


def _in_words(number: Mapping[str, Any], unit: str) -> str:
    if number["mean"] is None:
        return "undefined"
    said = f"{number['mean']:.4g}{unit}"
    if number["interval"] == TOO_FEW:
        return said
    low, high = number["interval"]
    return f"{said} ({low:.4g} to {high:.4g})"


def _pixel_mm(source: Mapping[str, str]) -> tuple[float, float] | None:
    height, width = (source[column] for column in PIXEL_MM)
    return (float(height), float(width)) if height and width else None


def _spacing(source: Mapping[str, str], window: Window, unit: str) -> tuple[float, float]:
    """Height and width of a processed pixel."""
    height, width = (_pixel_mm(source) or (1.0, 1.0)) if unit == "mm" else (1.0, 1.0)
    return (
        height * window.height / window.target_height,
        width * window.width / window.target_width,
    )
