"""`results/data_report.md`: statistics of the processed images by split, and all issues."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from segsweep.core.files import write_text
from segsweep.data.dataset import SPLITS, ProcessedSet
from segsweep.data.issues import REPORT, DataIssue, count_dropped, format_as_markdown

STATISTICS_COLUMNS = (
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
`contrast`: mean grey value of the foreground minus that of the background. `objects`: number of
connected regions of the mask (8 neighbours). `object_area_px`: their median area in pixels of the
original. `object_area_mm2`: the same in mm², where the pixel size is known."""

STATISTICS_TITLES = {
    "foreground": "foreground share",
    "grey_mean": "mean grey value",
    "contrast": "contrast (foreground - background)",
    "objects": "objects per image",
    "object_area_px": "median object area (original pixels)",
}
"""The statistics that the report compares between splits."""


def measure_images(
    data: ProcessedSet, sources: Sequence[Mapping[str, str]]
) -> Iterator[dict[str, Any]]:
    """Yield a row of `STATISTICS_COLUMNS` for each processed image.

    Args:
        data: The processed images.
        sources: The rows of `sources.csv`.
    """
    for i, source in enumerate(sources):
        rows, columns = int(source["target_height"]), int(source["target_width"])
        image = data.images[i, :rows, :columns] / 255
        mask = data.masks[i, :rows, :columns].astype(bool)
        original_pixels = int(source["height"]) * int(source["width"]) / (rows * columns)
        labels, objects = ndimage.label(mask, np.ones((3, 3)))
        areas = np.bincount(labels.ravel())[1:] * original_pixels
        area = round(float(np.median(areas)), 1) if objects else None
        spacing = [source["pixel_height_mm"], source["pixel_width_mm"]]
        has_mm = area is not None and all(spacing)
        has_both = mask.any() and not mask.all()
        contrast = float(image[mask].mean() - image[~mask].mean()) if has_both else None
        yield {
            "name": data.names[i],
            "split": data.splits[i],
            "group": data.groups[i],
            "foreground": round(float(mask.mean()), 6),
            "grey_mean": round(float(image.mean()), 4),
            "contrast": None if contrast is None else round(contrast, 4),
            "objects": objects,
            "object_area_px": area,
            "object_area_mm2": (area or 0) * float(spacing[0]) * float(spacing[1])
            if has_mm
            else None,
        }


def medians_by_split(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return for each split the number of images and groups, and the median of each statistic.

    Args:
        rows: Rows of `STATISTICS_COLUMNS`. Missing values (None) are ignored.
    """
    medians: dict[str, dict[str, Any]] = {}
    for split in SPLITS:
        members = [row for row in rows if row["split"] == split]
        medians[split] = {"images": len(members), "groups": len({row["group"] for row in members})}
        for column in STATISTICS_TITLES:
            values = [row[column] for row in members if row[column] is not None]
            medians[split][column] = round(float(np.median(values)), 4) if values else None
    return medians


def write_data_report(
    summary: Mapping[str, Any],
    medians: Mapping[str, Mapping[str, Any]],
    issues: Sequence[DataIssue],
    path: str | Path = REPORT,
) -> None:
    """Write the report on the processed images.

    Args:
        summary: The content of `summary.json`.
        medians: The result of `medians_by_split`.
        issues: The rows of `problems.csv`.
        path: The Markdown file.
    """
    height, width, _ = summary["input_shape"]
    lines = [
        "# Data report",
        "",
        f"{summary['images']} images of {height} x {width} pixels (mode {summary['mode']}). "
        f"Images left out because of an error: {count_dropped(issues)}.",
        "",
        "![All images with the outline of their masks](data/contact_sheet.png)",
        "",
        "## Splits",
        "",
        "Median over the images of each split. All images of a group are in the same split.",
        "",
        "| | " + " | ".join(medians) + " |",
        "| --- |" + " --- |" * len(medians),
    ]
    for column, title in {"images": "images", "groups": "groups", **STATISTICS_TITLES}.items():
        values = [medians[split][column] for split in medians]
        cells = ["" if value is None else f"{value:g}" for value in values]
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    lines += ["", "![The same statistics for each image](data/statistics.png)", ""]
    lines += ["## Errors and warnings", ""]
    lines += format_as_markdown(issues) or ["None.", ""]
    write_text(path, "\n".join(lines))
