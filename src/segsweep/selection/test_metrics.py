"""Metrics of the selected network on the test split, for each image and on average.

Only the window that holds the image is evaluated, not its padding. Ignored pixels are background in
both masks; where an ignored area cuts an object, its border is part of the outline. Distances are
in pixels of the original image, or in mm where the pixel size is known for every image of the
split.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import bootstrap

from segsweep.core.errors import UserError
from segsweep.core.formatting import format_number
from segsweep.core.overlap import confusion_counts, dice, iou
from segsweep.data.dataset import ProcessedSet, truth_and_counted
from segsweep.data.resize import WINDOW_COLUMNS, Window
from segsweep.selection.labels import WITH_IGNORED
from segsweep.selection.surface_distances import surface_distances

OVERLAPS = ("dice", "iou")
DISTANCES = ("hausdorff95", "mean_surface_distance")
COLUMNS = ("name", "group", *OVERLAPS, *DISTANCES, "unit")
"""Dice and IoU in 0 to 1, distances in `unit`; a distance is None where one mask is empty."""

PIXEL_MM = ("pixel_height_mm", "pixel_width_mm")
MIN_GROUPS = 5
TOO_FEW = "too few groups for an interval"
CONFIDENCE = 0.95
RESAMPLES = 10_000
GROUPS_AT_ONCE = 1 << 22
"""Groups that are drawn in one batch of the bootstrap; about 100 MB."""


def image_rows(
    data: ProcessedSet, split: str, predicted: np.ndarray, sources: Sequence[Mapping[str, str]]
) -> list[dict[str, Any]]:
    """Return a row (COLUMNS) for each image of a split; a tile counts as an image.

    Args:
        data: The processed set.
        split: The name of the split.
        predicted: Masks of the split's images in its order, uint8 (images, height, width), 0 or 1.
        sources: The rows of `sources.csv`.

    Raises:
        UserError: The sources are not those of `data`.
    """
    if [source.get("name") for source in sources] != data.names:
        raise UserError(
            "sources.csv: its names differ from those of manifest.csv, expected the same names in "
            "the same order; run snakemake again"
        )
    members = [i for i, name in enumerate(data.splits) if name == split]
    unit = "mm" if all(_pixel_mm(sources[i]) for i in members) else "px"
    rows = []
    for i, mask in zip(members, predicted, strict=True):
        window = Window(*(int(sources[i][column]) for column in WINDOW_COLUMNS))
        _, (true_mask,) = data.read([i])
        truth, counted = truth_and_counted(true_mask[window.target])
        found = mask[window.target].astype(bool) & counted
        counts = confusion_counts(found, truth)
        distances = surface_distances(found, truth, _pixel_size(sources[i], window, unit))
        rows.append(
            {
                "name": data.names[i],
                "group": data.groups[i],
                "dice": float(dice(counts)),
                "iou": float(iou(counts)),
                **dict(zip(DISTANCES, distances or (None, None), strict=True)),
                "unit": unit,
            }
        )
    return rows


def summarize(
    rows: Sequence[Mapping[str, Any]], sources: Sequence[Mapping[str, str]], seed: int = 0
) -> dict[str, Any]:
    """Return the content of `summary.json`: counts, and the mean of each metric with its interval.

    The mean of a distance is over the images in which it is defined; `undefined` counts the others
    and `undefined_in` names them. `pixel_size_known` counts the images with a known pixel size.

    Args:
        rows: The result of `image_rows`.
        sources: The rows of `sources.csv`.
        seed: The seed of the bootstrap.
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


def count_ignored(data: ProcessedSet, split: str) -> dict[str, int]:
    """Return the number of images of a split with ignored pixels, for `summary.json`.

    The dictionary is empty if there are none.
    """
    members = [i for i, name in enumerate(data.splits) if name == split]
    count = sum(data.has_ignored([i]) for i in members)
    return {WITH_IGNORED: count} if count else {}


def format_summary(summary: Mapping[str, Any]) -> str:
    """Return a summary as one line."""
    line = f"Dice {_format_mean(summary['dice'], '')}"
    line += f", Hausdorff 95 {_format_mean(summary['hausdorff95'], ' ' + summary['unit'])}"
    if 0 < summary["pixel_size_known"] < summary["images"]:
        line += (
            f" (in pixels, because the pixel size is known for {summary['pixel_size_known']} of "
            f"{summary['images']} images only)"
        )
    if summary["undefined"]:
        line += f" (undefined in {summary['undefined']} images, where one of two masks is empty)"
    line += f"; {summary['images']} images of {summary['groups']} groups"
    if WITH_IGNORED in summary:
        line += f", {summary[WITH_IGNORED]} of them without their ignored pixels"
    return f"{line} ({TOO_FEW})" if summary["dice"]["interval"] == TOO_FEW else line


def bootstrap_interval(
    values: Sequence[float], groups: Sequence[str], seed: int = 0
) -> list[float] | str:
    """Return the 95 % interval of the mean by a percentile bootstrap over groups.

    Images of one group are correlated, so whole groups are drawn with replacement (cluster
    bootstrap; Field and Welsh, J. R. Stat. Soc. B 69, 2007). With fewer than 5 groups the result is
    a text that says so.
    """
    names, member = np.unique(np.array(groups, dtype=object), return_inverse=True)
    if len(names) < MIN_GROUPS:
        return TOO_FEW
    resampled = bootstrap(
        (np.bincount(member, values), np.bincount(member)),
        lambda sums, sizes, axis: sums.sum(axis) / sizes.sum(axis),
        paired=True,
        vectorized=True,
        n_resamples=RESAMPLES,
        batch=max(1, GROUPS_AT_ONCE // len(names)),
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    return [float(end) for end in resampled.confidence_interval]


def _mean(rows: Sequence[Mapping[str, Any]], name: str, seed: int) -> dict[str, Any]:
    defined = [row for row in rows if row[name] is not None]
    values, groups = [row[name] for row in defined], [row["group"] for row in defined]
    mean = float(np.mean(values)) if values else None
    return {"mean": mean, "interval": bootstrap_interval(values, groups, seed)}


def _format_mean(metric: Mapping[str, Any], unit: str) -> str:
    if metric["mean"] is None:
        return "undefined"
    mean = f"{format_number(metric['mean'])}{unit}"
    if metric["interval"] == TOO_FEW:
        return mean
    low, high = metric["interval"]
    return f"{mean} (95 % interval {format_number(low)} to {format_number(high)})"


def _pixel_mm(source: Mapping[str, str]) -> tuple[float, float] | None:
    height, width = (source[column] for column in PIXEL_MM)
    return (float(height), float(width)) if height and width else None


def _pixel_size(source: Mapping[str, str], window: Window, unit: str) -> tuple[float, float]:
    """Return the height and the width of a processed pixel, in `unit`."""
    height, width = (_pixel_mm(source) or (1.0, 1.0)) if unit == "mm" else (1.0, 1.0)
    return (
        height * window.height / window.target_height,
        width * window.width / window.target_width,
    )
