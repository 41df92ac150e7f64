"""The contact sheet of the data report: all images with the outline of their masks, by split."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from skimage.segmentation import find_boundaries

from segsweep.core.files import atomic_write
from segsweep.core.printable import printable
from segsweep.core.thinning import evenly
from segsweep.data.dataset import SPLITS, ProcessedSet, truth_and_counted

COLOURS = {"train": (86, 180, 233), "validation": (230, 159, 0), "test": (204, 121, 167)}
"""Colour-blind safe colours (Okabe and Ito)."""

STRIPES, STRIPE = (161, 161, 170), 4
"""Colour of the stripes over ignored pixels on the contact sheet, and their width in pixels."""

LABEL_COLOUR = (212, 212, 216)

SHEET_COLUMNS, SIDE, GAP, LINE = 8, 128, 6, 22
"""Images in a row of the contact sheet; side of an image, gap and height of a line in pixels."""

MAX_IMAGES = 40
"""Maximum number of images of a split on the contact sheet. Of a larger split, evenly spaced images
are shown, and the caption says so."""


def draw_contact_sheet(data: ProcessedSet, path: Path, note: str = "") -> None:
    """Write a PNG with the images, by split, the outline of their masks, and a note above them."""
    members = {split: [i for i, s in enumerate(data.splits) if s == split] for split in SPLITS}
    shown = {split: evenly(indices, MAX_IMAGES) for split, indices in members.items()}
    rows = {split: -(-len(indices) // SHEET_COLUMNS) for split, indices in shown.items()}
    cell = SIDE + LINE + GAP
    width = SHEET_COLUMNS * (SIDE + GAP) + GAP
    height = sum(LINE + GAP + n * cell for n in rows.values()) + GAP + (LINE if note else 0)
    sheet = Image.new("RGB", (width, height), (24, 24, 27))
    draw = ImageDraw.Draw(sheet)
    title_font, label_font = ImageFont.load_default(15), ImageFont.load_default(10)
    top = GAP
    if note:
        draw.text((GAP, top), note, fill=LABEL_COLOUR, font=label_font)
        top += LINE
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
            draw.text((left, y + SIDE + 2), label, fill=LABEL_COLOUR, font=label_font)
        top += rows[split] * cell
    with atomic_write(path) as temporary:
        sheet.save(temporary, format="PNG")


def _outline(image: np.ndarray, mask: np.ndarray, colour: tuple[int, int, int]) -> Image.Image:
    """Return the image at `SIDE` pixels, with its mask as an outline and ignored pixels striped."""
    scale = SIDE / max(image.shape)
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    small = np.asarray(Image.fromarray(np.asarray(image)).resize(size, Image.Resampling.BILINEAR))
    region = np.asarray(Image.fromarray(np.asarray(mask)).resize(size, Image.Resampling.NEAREST))
    coloured = np.repeat(small[..., None], 3, axis=2)
    truth, counted = truth_and_counted(region)
    coloured[~counted & (np.indices(region.shape).sum(0) // STRIPE % 2 == 0)] = STRIPES
    coloured[find_boundaries(truth, mode="inner")] = colour
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
