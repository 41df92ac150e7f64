"""Numbers and a picture of a processed set: is each split like the others?"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from segsweep.core.files import atomic_write
from segsweep.data.contact_sheet import COLOURS
from segsweep.data.dataset import SPLITS, ProcessedSet

COLUMNS = (
    "name",
    "split",
    "group",
    "foreground",
    "grey_mean",
    "contrast",
    "objects",
    "object_area_px",
    "object_area_mm2",
)
"""`foreground`: share of the pixels (0 to 1). `grey_mean`: of the processed image (0 to 1).
`contrast`: mean inside the mask less mean outside. `objects`: connected parts of the mask (8
neighbours). `object_area_px`: their median area in pixels of the original; in mm² where known."""

TITLES = {
    "foreground": "foreground share",
    "grey_mean": "mean grey value",
    "contrast": "contrast (inside less outside)",
    "objects": "objects per image",
    "object_area_px": "median object (original pixels)",
}


def measure(data: ProcessedSet, sources: Sequence[Mapping[str, str]]) -> Iterator[dict[str, Any]]:
    """A row of `COLUMNS` for each processed image; `sources` are the rows of `sources.csv`."""
    for i, source in enumerate(sources):
        rows, columns = int(source["target_height"]), int(source["target_width"])
        image = data.images[i, :rows, :columns] / 255
        mask = data.masks[i, :rows, :columns].astype(bool)
        pixel = int(source["height"]) * int(source["width"]) / (rows * columns)
        parts, objects = ndimage.label(mask, np.ones((3, 3)))
        areas = np.bincount(parts.ravel())[1:] * pixel
        area = round(float(np.median(areas)), 1) if objects else None
        spacing = [source["pixel_height_mm"], source["pixel_width_mm"]]
        known = area is not None and all(spacing)
        both = mask.any() and not mask.all()
        yield {
            "name": data.names[i],
            "split": data.splits[i],
            "group": data.groups[i],
            "foreground": round(float(mask.mean()), 6),
            "grey_mean": round(float(image.mean()), 4),
            "contrast": round(float(image[mask].mean() - image[~mask].mean()), 4) if both else None,
            "objects": objects,
            "object_area_px": area,
            "object_area_mm2": (area or 0) * float(spacing[0]) * float(spacing[1])
            if known
            else None,
        }


def by_split(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """For each split: images, groups, and the median of every number where it is known."""
    found: dict[str, dict[str, Any]] = {}
    for split in SPLITS:
        members = [row for row in rows if row["split"] == split]
        found[split] = {"images": len(members), "groups": len({row["group"] for row in members})}
        for column in TITLES:
            values = [row[column] for row in members if row[column] is not None]
            found[split][column] = round(float(np.median(values)), 4) if values else None
    return found


def draw(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write a picture (PNG): each number of every image, by split."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(TITLES), figsize=(3 * len(TITLES), 3.4), dpi=100)
    chance = np.random.default_rng(0)
    for axis, (column, title) in zip(axes, TITLES.items(), strict=True):
        for place, split in enumerate(SPLITS):
            values = np.array(
                [r[column] for r in rows if r["split"] == split and r[column] is not None], float
            )
            colour = np.array(COLOURS[split]) / 255
            spread = place + chance.uniform(-0.25, 0.25, len(values))
            axis.scatter(spread, values, s=9, color=colour, alpha=0.6, linewidths=0)
            if len(values):
                middle = float(np.median(values))
                axis.hlines(middle, place - 0.35, place + 0.35, color="black", linewidth=1.5)
        axis.set_xticks(range(len(SPLITS)), SPLITS, fontsize=8)
        axis.set_title(title, fontsize=9)
        axis.tick_params(axis="y", labelsize=8)
        axis.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    with atomic_write(path) as aside:
        figure.savefig(aside, format="png", metadata={"Software": None})
    pyplot.close(figure)
