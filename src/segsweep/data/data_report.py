"""`results/data_report.md` and its statistics, errors and warnings."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from segsweep.core.files import atomic_write, write_text
from segsweep.data.contact_sheet import COLOURS
from segsweep.data.dataset import IGNORED, SPLITS, ProcessedSet, truth_and_counted
from segsweep.data.issues import (
    REPORT,
    DataIssue,
    count_dropped,
    format_as_markdown,
)

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
"""`foreground`: share of the counted pixels (0 to 1). `grey_mean`: of the processed image (0 to 1).
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
        (image,), (mask,) = data.read([i])
        image = image[:rows, :columns] / 255
        truth, counted = truth_and_counted(mask[:rows, :columns])
        original_pixels = int(source["height"]) * int(source["width"]) / (rows * columns)
        labels, objects = ndimage.label(truth, np.ones((3, 3)))
        areas = np.bincount(labels.ravel())[1:] * original_pixels
        area = round(float(np.median(areas)), 1) if objects else None
        spacing = [source["pixel_height_mm"], source["pixel_width_mm"]]
        has_mm = area is not None and all(spacing)
        background = counted & ~truth
        has_both = truth.any() and background.any()
        contrast = float(image[truth].mean() - image[background].mean()) if has_both else None
        yield {
            "name": data.names[i],
            "split": data.splits[i],
            "group": data.groups[i],
            "foreground": round(float(truth[counted].mean()), 6) if counted.any() else None,
            "grey_mean": round(float(image.mean()), 4),
            "contrast": None if contrast is None else round(contrast, 4),
            "objects": objects,
            "object_area_px": area,
            "object_area_mm2": (area or 0) * float(spacing[0]) * float(spacing[1])
            if has_mm
            else None,
        }


def describe_ignored(data: ProcessedSet, sources: Sequence[Mapping[str, str]]) -> str:
    """Return a sentence on the ignored pixels of all images; empty if there are none."""
    images, ignored, pixels = 0, 0, 0
    for i, source in enumerate(sources):
        rows, columns = int(source["target_height"]), int(source["target_width"])
        found = int(np.count_nonzero(data.masks[i, :rows, :columns] == IGNORED))
        images, ignored, pixels = images + (found > 0), ignored + found, pixels + rows * columns
    if not images:
        return ""
    return (
        f"Ignored pixels (preprocess.ignore): {100 * ignored / pixels:.2g} % of all, in {images} "
        f"of {len(sources)} images. They count neither in the loss nor in a score, and are striped "
        "in the picture."
    )


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
    ignored: str = "",
) -> None:
    """Write the report on the processed images.

    Args:
        summary: The content of `summary.json`.
        medians: The result of `medians_by_split`.
        issues: The rows of `problems.csv`.
        path: The Markdown file.
        ignored: The result of `describe_ignored`.
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
        *([ignored, ""] if ignored else []),
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
    assumptions = [issue for issue in issues if issue.severity == "assumption"]
    others = [issue for issue in issues if issue.severity != "assumption"]
    lines += ["## Errors and warnings", ""]
    lines += format_as_markdown(others) or ["None.", ""]
    lines += ["## Assumptions", ""]
    lines += ["What had to be decided about your files, and how to change it.", ""]
    lines += format_as_markdown(assumptions) or ["None.", ""]
    write_text(path, "\n".join(lines))


def draw_statistics(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write a PNG with each statistic of every image, by split, and the medians."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(
        1, len(STATISTICS_TITLES), figsize=(3 * len(STATISTICS_TITLES), 3.4), dpi=100
    )
    rng = np.random.default_rng(0)
    for axis, (column, title) in zip(axes, STATISTICS_TITLES.items(), strict=True):
        for x, split in enumerate(SPLITS):
            values = np.array(
                [r[column] for r in rows if r["split"] == split and r[column] is not None], float
            )
            colour = np.array(COLOURS[split]) / 255
            jittered = x + rng.uniform(-0.25, 0.25, len(values))
            axis.scatter(jittered, values, s=9, color=colour, alpha=0.6, linewidths=0)
            if len(values):
                median = float(np.median(values))
                axis.hlines(median, x - 0.35, x + 0.35, color="black", linewidth=1.5)
        axis.set_xticks(range(len(SPLITS)), SPLITS, fontsize=8)
        axis.set_title(title, fontsize=9)
        axis.tick_params(axis="y", labelsize=8)
        axis.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    with atomic_write(path) as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": None})
    pyplot.close(figure)
