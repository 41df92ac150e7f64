"""Figures of the processed images: the contact sheet and the plot of the statistics."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from skimage.segmentation import find_boundaries

from segsweep.core.files import atomic_write
from segsweep.core.thinning import evenly
from segsweep.data.data_report import STATISTICS_TITLES
from segsweep.data.dataset import SPLITS, ProcessedSet
from segsweep.data.issues import printable

COLOURS = {"train": (86, 180, 233), "validation": (230, 159, 0), "test": (204, 121, 167)}
"""Colour-blind safe colours (Okabe and Ito)."""

COLUMNS = 8
MAX_IMAGES = 40
"""Largest number of images of a split on the sheet. Of a larger split, evenly spaced images are
shown, and the caption says so."""
SIDE = 128
GAP = 6
LINE = 22


def draw_contact_sheet(data: ProcessedSet, path: Path) -> None:
    """Write a PNG with the images, by split, and the outline of their masks."""
    members = {split: [i for i, s in enumerate(data.splits) if s == split] for split in SPLITS}
    shown = {split: evenly(indices, MAX_IMAGES) for split, indices in members.items()}
    rows = {split: -(-len(indices) // COLUMNS) for split, indices in shown.items()}
    cell = SIDE + LINE + GAP
    width = COLUMNS * (SIDE + GAP) + GAP
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
            left = GAP + position % COLUMNS * (SIDE + GAP)
            y = top + position // COLUMNS * cell
            sheet.paste(_outline(data.images[i], data.masks[i], COLOURS[split]), (left, y))
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
