"""Masks as people have them: grey edges, several codings, transparency, void, thin lines."""

import io
import json
import struct
import zlib
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

from input_cases import (
    COUNT,
    SIZE,
    Case,
    CaseMaker,
    Pixels,
    WayOut,
    save,
    save_tiff,
    white,
)


def masks_by(write: Any, folder: Path, **about: Any) -> Case:
    """Grey images, and masks that `write` makes of the objects.

    `write` takes the objects, the path without suffix and the number of the image. It may return
    another foreground, or foreground and ignored pixels.
    """
    case = Case(folder / "images", folder / "masks", **about)
    (folder / "masks").mkdir(parents=True)
    for i in range(COUNT):
        name = f"c{i:02d}"
        grey, objects = case.add(name)
        save(grey, folder / f"images/{name}.png")
        shown = write(objects, folder / f"masks/{name}", i)
        if isinstance(shown, tuple):
            shown, case.ignored[name] = shown
        if shown is not None:
            case.shown[name] = grey, shown
    return case


def inverting_lut(objects: Pixels, path: Path, number: int) -> None:
    """Saved by ImageJ with an inverting LUT: shown black on white, and 255 are the objects."""
    text = "ImageJ=1.54f\ninverting=true\nmin=0.0\nmax=255.0\n"
    mask = path.with_suffix(".tif")
    save_tiff(white(objects), mask, photometric="miniswhite", description=text)


def white_is_zero(one_bit: bool, objects: Pixels, path: Path, number: int) -> Pixels:
    """Zero is white; two masks are all objects, two have none."""
    seen = objects > 0
    if number in (2, 3, 4, 5):
        seen[:] = number < 4
    pixels = ~seen if one_bit else 255 - white(seen)
    save_tiff(pixels, path.with_suffix(".tif"), photometric="miniswhite")
    return seen


def jpeg(objects: Pixels, path: Path, number: int) -> None:
    save(white(objects), path.with_suffix(".jpg"), quality=90)


def was_jpeg(objects: Pixels, path: Path, number: int) -> None:
    file = io.BytesIO()
    Image.fromarray(white(objects)).save(file, "JPEG", quality=75)
    Image.open(file).save(path.with_suffix(".png"))


def averaged(objects: Pixels, path: Path, number: int) -> Pixels:
    """Drawn at twice the size, half a pixel off, and averaged: 0, 63, 127, 191, 255."""
    twice = np.roll(np.kron(objects > 0, np.ones((2, 2))), (1, 1), (0, 1))
    mask = (twice.reshape(SIZE[0], 2, SIZE[1], 2).mean((1, 3)) * 255).astype(np.uint8)
    save(mask, path.with_suffix(".png"))
    return mask >= 128


def probability(objects: Pixels, path: Path, number: int) -> None:
    save_tiff(gaussian_filter((objects > 0).astype(np.float32), 2), path.with_suffix(".tif"))


def layer(
    background: int, colour: tuple[int, int, int], objects: Pixels, path: Path, _: int
) -> None:
    """A drawn layer on transparent black or white."""
    mask = np.full((*SIZE, 4), background, np.uint8)
    mask[..., 3] = 0
    mask[objects > 0] = (*colour, 255)
    save(mask, path.with_suffix(".png"))


def two_tools(objects: Pixels, path: Path, number: int) -> None:
    save(white(objects) if number % 2 else (objects > 0).astype(np.uint8), path.with_suffix(".png"))


def void(objects: Pixels, path: Path, number: int) -> tuple[Pixels, Pixels]:
    """Pascal VOC: some masks have no object, but an area of 255 that does not count."""
    mask = (objects > 0).astype(np.uint8)
    ignored = np.zeros(SIZE, bool)
    if number % 3 == 0:
        mask[:], ignored[:8] = 0, True
    mask[ignored] = 255
    save(mask, path.with_suffix(".png"))
    return mask == 1, ignored


def numbered(objects: Pixels, path: Path, number: int) -> None:
    """Objects with the numbers 1, 2 and 255."""
    save(np.where(objects == 3, 255, objects).astype(np.uint8), path.with_suffix(".png"))


def two_bits(foreground: tuple[int, ...], objects: Pixels, path: Path, number: int) -> Pixels:
    """PNG with 2 bits per pixel, which Pillow does not write: the numbers 0, 1 and 2."""
    classes = np.where(objects > 0, 1 + objects % 2, 0).astype(np.uint8)
    shifted = classes.reshape(SIZE[0], -1, 4) << np.array([6, 4, 2, 0], np.uint8)
    rows = np.bitwise_or.reduce(shifted, -1)
    header = struct.pack(">IIBBBBB", SIZE[1], SIZE[0], 2, 0, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    png = b"\x89PNG\r\n\x1a\n"
    for name, content in ((b"IHDR", header), (b"IDAT", data), (b"IEND", b"")):
        checked = name + content
        png += struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))
    path.with_suffix(".png").write_bytes(png)
    return np.isin(classes, foreground)


def numpy_with_ignored(objects: Pixels, path: Path, number: int) -> tuple[Pixels, Pixels]:
    """As labelme2voc writes: int32, -1 is ignored."""
    mask = (objects > 0).astype(np.int32)
    mask[:6] = -1
    np.save(path.with_suffix(".npy"), mask)
    return mask == 1, mask == -1


def triangles(folder: Path) -> Case:
    """LabelMe JSON next to photographs."""
    case = Case(folder, assumed={"annotations"})
    for i in range(COUNT):
        grey, _ = case.add(f"{i:03d}")
        points = [[10, 10], [50, 10], [50, 60]]
        shape = {"label": "cell", "points": points, "shape_type": "polygon"}
        document = {"version": "5.0", "shapes": [shape], "imagePath": f"{i:03d}.jpg"}
        save(np.dstack([grey] * 3), folder / f"{i:03d}.jpg", quality=95)
        (folder / f"{i:03d}.json").write_text(json.dumps(document))
        drawn = Image.new("1", SIZE[::-1])
        ImageDraw.Draw(drawn).polygon([(x, y) for x, y in points], fill=1)
        case.shown[f"{i:03d}"] = grey, np.asarray(drawn)
    return case


def hairlines(some_wide: bool, folder: Path) -> Case:
    """Lines of 2 pixels in images of 8 times the network's size."""
    way_out = WayOut({"shrunk"}, "set preprocess.mode: tile", {"mode": "tile"})
    case = Case(folder / "images", folder / "masks", [way_out])
    for i in range(6):
        rng = np.random.default_rng(i)
        line = Image.new("L", (768, 512))
        draw = ImageDraw.Draw(line)
        y = rng.integers(60, 450, 9)
        draw.line([(96 * k, int(v)) for k, v in enumerate(y)], fill=255, width=2)
        if some_wide and i % 3 == 0:
            draw.line([(300, 0), (380, 512)], fill=255, width=20)
        mask = np.asarray(line)
        grey = np.where(mask > 0, 110, rng.integers(120, 180, mask.shape)).astype(np.uint8)
        case.shown[f"slab{i}"] = grey, mask > 0
        save(grey, folder / f"images/slab{i}.png")
        save(mask, folder / f"masks/slab{i}.png")
    return case


EDGES, FILES = {"grey_edges"}, {"mask_file"}
IGNORE_255 = WayOut({"mask_coding"}, "set preprocess.ignore: 255", {"ignore": 255})
OBJECT_255 = WayOut({"mask_coding"}, "preprocess.background: [0]", {"background": [0]})
IGNORE_NEGATIVE = WayOut({"mask_value"}, "set preprocess.ignore: -1", {"ignore": -1})
LIST_BOTH = WayOut({"mask_coding"}, "[1, 255]", {"masks": [1, 255]})
LIST_ONE = WayOut({"mask_value"}, "(preprocess.masks: [1], or [1, 2])", {"masks": [1]})
LIST_TWO = WayOut({"mask_value"}, "(preprocess.masks: [1], or [1, 2])", {"masks": [1, 2]})
THRESHOLD = WayOut({"mask_is_image"}, "apply a threshold to it (in Fiji")
RED, WHITE = (255, 0, 0), (255, 255, 255)
MASK_CASES: dict[str, CaseMaker] = {
    "imagej_inverting_lut": partial(masks_by, inverting_lut, assumed=FILES),
    "jpeg_to_png": partial(masks_by, was_jpeg, assumed=EDGES),
    "kvasir_jpg": partial(masks_by, jpeg, assumed=EDGES),
    "labelme_ignore": partial(masks_by, numpy_with_ignored, ways_out=[IGNORE_NEGATIVE]),
    "labelme_json": triangles,
    "miniswhite_1bit": partial(masks_by, partial(white_is_zero, True), assumed=FILES),
    "miniswhite_uniform": partial(masks_by, partial(white_is_zero, False), assumed=FILES),
    "labels with 255": partial(
        masks_by, numbered, ways_out=[OBJECT_255], preprocess={"masks": "labels"}
    ),
    "mixed_01_255 binary": partial(masks_by, two_tools, ways_out=[LIST_BOTH]),
    "mixed_01_255 [1]": partial(
        masks_by, two_tools, ways_out=[LIST_BOTH], preprocess={"masks": [1]}
    ),
    "probability_tif": partial(masks_by, probability, refused=THRESHOLD),
    "rgba_masks a": partial(masks_by, partial(layer, 0, RED)),
    "rgba_masks b": partial(masks_by, partial(layer, 255, RED)),
    "rgba_masks c": partial(masks_by, partial(layer, 255, WHITE)),
    "supersampled": partial(masks_by, averaged, assumed=EDGES),
    "thin_lost": partial(hairlines, True),
    "thin_lost_all": partial(hairlines, False),
    "two_bit_grey [1]": partial(masks_by, partial(two_bits, (1,)), ways_out=[LIST_ONE]),
    "two_bit_grey [1, 2]": partial(masks_by, partial(two_bits, (1, 2)), ways_out=[LIST_TWO]),
    "voc_void_only": partial(masks_by, void, ways_out=[IGNORE_255]),
    "voc_void_only [1]": partial(masks_by, void, ways_out=[IGNORE_255], preprocess={"masks": [1]}),
    "voc_void_only labels": partial(
        masks_by, void, ways_out=[IGNORE_255], preprocess={"masks": "labels"}
    ),
}
