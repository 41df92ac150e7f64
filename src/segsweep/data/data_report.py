"""`results/data_report.md` and its files: statistics, contact sheet, errors and warnings."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage
from skimage.segmentation import find_boundaries

from segsweep.core.files import atomic_write, write_text
from segsweep.core.printable import printable
from segsweep.core.thinning import evenly
from segsweep.data.dataset import SPLITS, ProcessedSet
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

COLOURS = {"train": (86, 180, 233), "validation": (230, 159, 0), "test": (204, 121, 167)}
"""Colour-blind safe colours (Okabe and Ito)."""

SHEET_COLUMNS, SIDE, GAP, LINE = 8, 128, 6, 22
"""Images in a row of the contact sheet; side of an image, gap and height of a line in pixels."""

MAX_IMAGES = 40
"""Maximum number of images of a split on the contact sheet. Of a larger split, evenly spaced images
are shown, and the caption says so."""


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
        image, mask = image[:rows, :columns] / 255, mask[:rows, :columns].astype(bool)
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
    assumptions = [issue for issue in issues if issue.severity == "assumption"]
    others = [issue for issue in issues if issue.severity != "assumption"]
    lines += ["## Errors and warnings", ""]
    lines += format_as_markdown(others) or ["None.", ""]
    lines += ["## Assumptions", ""]
    lines += ["What had to be decided about your files, and how to change it.", ""]
    lines += format_as_markdown(assumptions) or ["None.", ""]
    write_text(path, "\n".join(lines))


def draw_contact_sheet(data: ProcessedSet, path: Path) -> None:
    """Write a PNG with the images, by split, and the outline of their masks."""
    members = {split: [i for i, s in enumerate(data.splits) if s == split] for split in SPLITS}
    shown = {split: evenly(indices, MAX_IMAGES) for split, indices in members.items()}
    rows = {split: -(-len(indices) // SHEET_COLUMNS) for split, indices in shown.items()}
    cell = SIDE + LINE + GAP
    width = SHEET_COLUMNS * (SIDE + GAP) + GAP
    height = sum(LINE + GAP + n * cell for n in rows.values()) + GAP
    sheet = Image.new("RGB", (width, height), (24, 24, 27))
    draw = ImageDraw.Draw(sheet)
    title_font, label_font = ImageFont.load_default(15), ImageFont.load_default(10)
    top = GAP
    for split in SPLITS:
        groups = len({data.groups[i] for i in members[split]})
        is_thinned = len(shown[split]) < len(members[split])
        note = f", {len(shown[split])} images shown" if is_thinned else ""
        caption = f"{split}: images {len(members[split])}, groups {groups}{note}"
        draw.text((GAP, top), caption, fill=COLOURS[split], font=title_font)
        top += LINE + GAP
        for position, i in enumerate(shown[split]):
            left = GAP + position % SHEET_COLUMNS * (SIDE + GAP)
            y = top + position // SHEET_COLUMNS * cell
            (image,), (mask,) = data.read([i])
            sheet.paste(_outline(image, mask, COLOURS[split]), (left, y))
            label = _shorten(printable(data.names[i]), draw, label_font)
            draw.text((left, y + SIDE + 2), label, fill=(212, 212, 216), font=label_font)
        top += rows[split] * cell
    with atomic_write(path) as temporary:
        sheet.save(temporary, format="PNG")


def _outline(image: np.ndarray, mask: np.ndarray, colour: tuple[int, int, int]) -> Image.Image:
    """Return the image at `SIDE` pixels with the outline of the mask."""
    scale = SIDE / max(image.shape)
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    small = np.asarray(Image.fromarray(np.asarray(image)).resize(size, Image.Resampling.BILINEAR))
    region = np.asarray(Image.fromarray(np.asarray(mask)).resize(size, Image.Resampling.NEAREST))
    coloured = np.repeat(small[..., None], 3, axis=2)
    coloured[find_boundaries(region, mode="inner")] = colour
    return Image.fromarray(coloured)


def _shorten(
    name: str, draw: ImageDraw.ImageDraw, font: ImageFont.ImageFont | ImageFont.FreeTypeFont
) -> str:
    """Return the end of a name, as long as the width of an image allows."""
    if draw.textlength(name, font=font) <= SIDE:
        return name
    while draw.textlength("…" + name, font=font) > SIDE:
        name = name[1:]
    return "…" + name


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
