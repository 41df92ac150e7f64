"""A picture of the data: every image with the outline of its mask, by split and group."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from skimage.segmentation import find_boundaries

from segsweep.core.files import atomic_write
from segsweep.data.dataset import SPLITS, ProcessedSet
from segsweep.data.issues import printable

COLUMNS = 8
SIDE = 128
GAP = 6
LINE = 22
COLOURS = {"train": (86, 180, 233), "validation": (230, 159, 0), "test": (204, 121, 167)}
"""Okabe and Ito's colour-blind safe palette."""
PER_SPLIT = 40
"""More images of a split than these are thinned evenly, and the sheet says so."""


def draw(data: ProcessedSet, path: Path) -> None:
    """Write the sheet to `path` (PNG)."""
    sections = {split: [i for i, s in enumerate(data.splits) if s == split] for split in SPLITS}
    shown = {split: _thin(members) for split, members in sections.items()}
    rows = {split: -(-len(members) // COLUMNS) for split, members in shown.items()}
    cell = SIDE + LINE + GAP
    width = COLUMNS * (SIDE + GAP) + GAP
    height = sum(LINE + GAP + n * cell for n in rows.values()) + GAP
    sheet = Image.new("RGB", (width, height), (24, 24, 27))
    pen = ImageDraw.Draw(sheet)
    title, small = ImageFont.load_default(15), ImageFont.load_default(10)
    top = GAP
    for split in SPLITS:
        members, drawn = sections[split], shown[split]
        groups = len({data.groups[i] for i in members})
        note = "" if len(drawn) == len(members) else f", {len(drawn)} of them shown"
        caption = f"{split}: images {len(members)}, groups {groups}{note}"
        pen.text((GAP, top), caption, fill=COLOURS[split], font=title)
        top += LINE + GAP
        for position, i in enumerate(drawn):
            left = GAP + position % COLUMNS * (SIDE + GAP)
            y = top + position // COLUMNS * cell
            sheet.paste(_outlined(data.images[i], data.masks[i], COLOURS[split]), (left, y))
            label = _fitting(printable(data.names[i]), pen, small)
            pen.text((left, y + SIDE + 2), label, fill=(212, 212, 216), font=small)
        top += rows[split] * cell
    with atomic_write(path) as aside:
        sheet.save(aside, format="PNG")


def _thin(members: list[int]) -> list[int]:
    if len(members) <= PER_SPLIT:
        return members
    return [members[i * len(members) // PER_SPLIT] for i in range(PER_SPLIT)]


def _outlined(image: np.ndarray, mask: np.ndarray, colour: tuple[int, int, int]) -> Image.Image:
    scale = SIDE / max(image.shape)
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    small = np.asarray(Image.fromarray(np.asarray(image)).resize(size, Image.Resampling.BILINEAR))
    region = np.asarray(Image.fromarray(np.asarray(mask)).resize(size, Image.Resampling.NEAREST))
    coloured = np.repeat(small[..., None], 3, axis=2)
    coloured[find_boundaries(region, mode="inner")] = colour
    return Image.fromarray(coloured)


def _fitting(
    name: str, pen: ImageDraw.ImageDraw, font: ImageFont.ImageFont | ImageFont.FreeTypeFont
) -> str:
    if pen.textlength(name, font=font) <= SIDE:
        return name
    while pen.textlength("…" + name, font=font) > SIDE:
        name = name[1:]
    return "…" + name
