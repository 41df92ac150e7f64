"""Folders of images and masks of random kinds, with what they show."""

import io
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image

from dicom import dicom

Pixels = np.ndarray
Affix = tuple[str, str]


@dataclass
class Input:
    """What a user has.

    Attributes:
        images, masks: The arguments of `segsweep import-data`.
        preprocess: The keys of `preprocess` that fit these files.
        shown: By number of the image, its grey values and foreground as a person sees them.
        ignored: By number, the pixels that should not count.
        splits: By number, the split that the folders give.
        kinds: What was drawn.
    """

    images: Path
    masks: Path | None = None
    preprocess: dict[str, Any] = field(default_factory=dict)
    shown: dict[int, tuple[Pixels, Pixels]] = field(default_factory=dict)
    ignored: dict[int, Pixels] = field(default_factory=dict)
    splits: dict[int, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)


def scene(seed: int, size: tuple[int, int]) -> tuple[Pixels, Pixels]:
    """Return grey values (uint8) and numbers of objects; no symmetry maps it to itself."""
    rng = np.random.default_rng(seed)
    height, width = size
    y, x = np.mgrid[:height, :width]
    grey = 60 + 40 * x / width + 25 * y / height + 4 * rng.standard_normal(size)
    objects = np.zeros(size, np.uint8)
    for number in (1, 2, 3):
        radius = int(rng.integers(5, 10))
        top = int(rng.integers(radius, height // 2 if number < 3 else height - radius))
        left = int(rng.integers(radius, width - radius))
        inside = (y - top) ** 2 + (x - left) ** 2 < radius**2
        objects[inside] = number
        grey[inside] = 185 + 10 * number + 4 * rng.standard_normal(inside.sum())
    return np.clip(grey, 0, 255).astype(np.uint8), objects


# --- image files: a writer takes the path without suffix and grey values, and returns the suffix


def _pillow(suffix: str, mode: str = "L", **options: Any) -> Callable[[Path, Pixels], str]:
    def write(path: Path, grey: Pixels) -> str:
        image = Image.fromarray(grey)
        image = image.quantize(250) if mode == "P" else image.convert(mode)
        image.save(f"{path}{suffix}", **options)
        return suffix

    return write


def _tiff(change: Callable[[Pixels], Pixels], **options: Any) -> Callable[[Path, Pixels], str]:
    def write(path: Path, grey: Pixels) -> str:
        tifffile.imwrite(f"{path}.tif", change(grey), **options)
        return ".tif"

    return write


def _without_data(value: float) -> Callable[[Path, Pixels], str]:
    def write(path: Path, grey: Pixels) -> str:
        pixels = grey.astype(np.float32) / 7 + 300
        pixels[:4, :9] = value
        tag = [(42113, "s", 0, str(value), True)] if np.isfinite(value) else []
        tifffile.imwrite(f"{path}.tif", pixels, extratags=tag)
        return ".tif"

    return write


def _npy(path: Path, grey: Pixels) -> str:
    np.save(f"{path}.npy", grey)
    return ".npy"


def _dicom(**tags: Any) -> Callable[[Path, Pixels], str]:
    def write(path: Path, grey: Pixels) -> str:
        negative = tags.get("PhotometricInterpretation") == "MONOCHROME1"
        dicom(Path(f"{path}.dcm"), 255 - grey if negative else grey, **tags)
        return ".dcm"

    return write


def _dicom_with_padding(path: Path, grey: Pixels) -> str:
    pixels = grey.astype(np.int16) * 4
    pixels[:4, :9] = -2000
    dicom(Path(f"{path}.dcm"), pixels, PixelRepresentation=1, PixelPaddingValue=-2000)
    return ".dcm"


def _nifti(path: Path, grey: Pixels) -> str:
    import nibabel

    nibabel.save(nibabel.Nifti1Image(grey[..., None], np.eye(4)), f"{path}.nii.gz")
    return ".nii.gz"


IMAGE_FILES: dict[str, Callable[[Path, Pixels], str]] = {
    "png": _pillow(".png"),
    "png RGB": _pillow(".png", "RGB"),
    "png RGBA": _pillow(".PNG", "RGBA"),
    "png palette": _pillow(".png", "P"),
    "png 16": lambda path, grey: _pillow(".png", "I;16")(path, grey.astype(np.uint16) * 200),
    "jpeg": _pillow(".jpg", quality=95),
    "bmp": _pillow(".bmp"),
    "webp": _pillow(".webp", "RGB", lossless=True),
    "pgm": _pillow(".pgm"),
    "gif": _pillow(".gif", "P"),
    "tif": _tiff(lambda grey: grey),
    "tif 16": _tiff(lambda grey: grey.astype(">u2") * 16, byteorder=">"),
    "tif float": _tiff(lambda grey: grey.astype(np.float32) / 255),
    "tif white is zero": _tiff(lambda grey: 255 - grey, photometric="miniswhite"),
    "tif planar": _tiff(
        lambda grey: np.stack([grey] * 3), photometric="rgb", planarconfig="separate"
    ),
    "tif nodata": _without_data(-9999.0),
    "tif nan": _without_data(np.nan),
    "npy": _npy,
    "dicom": _dicom(),
    "dicom padding": _dicom_with_padding,
    "dicom negative": _dicom(PhotometricInterpretation="MONOCHROME1"),
    "nifti": _nifti,
}
TURNED_FILES = ("jpeg", "png RGB", "tif")
"""Kinds of image files that can have an orientation."""


# --- masks: a coder takes numbers of objects and whether it is the first half, and returns pixels


def _colours(*colours: tuple[int, ...]) -> Callable[[Pixels], Pixels]:
    return lambda objects: np.array(colours, np.uint8)[(objects > 0).astype(int)]


def _red(grey: Pixels) -> Pixels:
    return grey[..., None] * np.array([1, 0, 0], np.uint8)


def _through_jpeg(objects: Pixels) -> Pixels:
    file = io.BytesIO()
    Image.fromarray((objects > 0) * np.uint8(255)).save(file, "JPEG", quality=80)
    return np.asarray(Image.open(file))


def _supersampled(objects: Pixels) -> Pixels:
    big = np.roll(np.kron(objects > 0, np.ones((2, 2))), (1, 1), (0, 1))
    height, width = objects.shape
    return (big.reshape(height, 2, width, 2).mean((1, 3)) * 255).astype(np.uint8)


def _interpolated(objects: Pixels) -> Pixels:
    height, width = objects.shape
    small = Image.fromarray(objects * np.uint8(60)).resize((width * 3 // 4, height * 3 // 4))
    return np.asarray(small.resize((width, height), Image.Resampling.BILINEAR))


def _blurred(objects: Pixels) -> Pixels:
    from scipy.ndimage import gaussian_filter

    return gaussian_filter((objects > 0).astype(np.float32), 2)


CODINGS: dict[str, tuple[Callable[[Pixels], Pixels], dict[str, Any]]] = {
    "0 and 1": (lambda o: (o > 0).astype(np.uint8), {}),
    "0 and 255": (lambda o: (o > 0) * np.uint8(255), {}),
    "bool": (lambda o: o > 0, {}),
    "objects": (lambda o: o, {"masks": "labels"}),
    "objects 16": (lambda o: o.astype(np.uint16) * 300, {"masks": "labels"}),
    "classes": (lambda o: o, {"masks": [1, 2, 3]}),
    "1 on 2": (lambda o: np.where(o > 0, 1, 2).astype(np.uint8), {"masks": [1]}),
    "red on black": (_colours((0, 0, 0), (255, 0, 0)), {}),
    "red on white": (_colours((255, 255, 255), (255, 0, 0)), {"masks": ["#ff0000"]}),
    "red on transparent": (_colours((255, 255, 255, 0), (255, 0, 0, 255)), {}),
    "white on transparent": (_colours((255, 255, 255, 0), (255, 255, 255, 255)), {}),
    "half transparent": (_colours((255, 0, 0, 0), (255, 0, 0, 102)), {}),
    "red int64": (lambda o: _colours((0, 0, 0), (255, 0, 0))(o).astype(np.int64), {}),
    "red smoothed": (lambda o: _red(_supersampled(o)), {"masks": ["#FF0000"]}),
    "1 bit on white": (lambda o: o == 0, {"background": [255]}),
    "interpolated": (_interpolated, {"masks": "labels"}),
    "jpeg": (_through_jpeg, {}),
    "supersampled": (_supersampled, {}),
    "probability": (_blurred, {}),
    "probability 8": (lambda o: (_blurred(o) * 255).astype(np.uint8), {}),
}
"""By name, how a mask is coded, and the keys of `preprocess` that say so."""

MASK_SUFFIXES: dict[str, tuple[str, ...]] = {
    "bool": (".tif", ".png"),
    "objects 16": (".png", ".tif", ".npy"),
    "jpeg": (".png", ".jpg", ".tif", ".bmp"),
    "red int64": (".npy",),
    "1 bit on white": (".png",),
    "probability": (".tif", ".npy"),
}


def write_mask(path: Path, pixels: Pixels) -> None:
    """Write a mask in the format of its suffix."""
    if path.suffix == ".npy":
        np.save(path, pixels)
    elif path.suffix == ".tif":
        colour = {"photometric": "rgb"} if pixels.ndim == 3 else {}
        if pixels.ndim == 3 and pixels.shape[-1] == 4:
            colour["extrasamples"] = ["unassalpha"]  # type: ignore[assignment]
        tifffile.imwrite(path, pixels, **colour)
    elif path.suffix == ".jpg":
        Image.fromarray(pixels).save(path, quality=80)
    else:
        Image.fromarray(pixels).save(path)


# --- names: a layout gives the places of image and mask below the folder


def _affixes(chance: random.Random) -> tuple[Affix, Affix]:
    prefixes = ("", "", "img", "t", "scan_", "case ")
    suffixes = ("", "_0000", "_training", "-raw", " (1)")
    mask_suffixes = ("", "_manual1", "_seg", "-labelled", "_Simple Segmentation")
    image = chance.choice(prefixes), chance.choice(suffixes)
    mask = chance.choice(["", image[0], "man_seg", "gt_"]), chance.choice(mask_suffixes)
    return image, mask


def draw(seed: int, folder: Path) -> Input:
    """Write images and masks of a random kind, and return what they show."""
    chance = random.Random(seed)
    kind = chance.choice(list(IMAGE_FILES))
    coding = chance.choice(list(CODINGS))
    layout = chance.choice(list(LAYOUTS))
    size = chance.choice([(64, 96), (96, 64), (80, 80)])
    suffix = chance.choice(MASK_SUFFIXES.get(coding, (".png", ".tif", ".npy", ".bmp", ".gif")))
    if coding not in MASK_SUFFIXES and suffix in (".bmp", ".gif"):
        suffix = ".png" if "transparent" in coding or suffix == ".gif" else suffix
    code, keys = CODINGS[coding]
    found = Input(folder, preprocess={"input_shape": [*size, 1], **keys})
    found.kinds = {"image": kind, "mask": coding, "layout": layout, "suffix": suffix}
    second = chance.choice(["", "", "", "mixed", "void"])
    if coding not in ("0 and 1", "classes", "objects"):
        second = ""
    turned = chance.choice([0, 0, 0, 3, 6, 8]) if kind in TURNED_FILES else 0
    mask_upright = chance.random() < 0.5
    found.kinds |= {"second": second, "turned": f"{turned} {mask_upright}" if turned else ""}
    if second == "void" and chance.random() < 0.5:
        found.preprocess["ignore"] = 255
    if chance.random() < 0.2:  # a user who did not read about it
        found.preprocess.pop("masks", None)
    count = chance.randint(6, 10)
    place = LAYOUTS[layout](chance, folder, count, found)
    for i in range(count):
        grey, objects = scene(100 * seed + i, size)
        if chance.random() < 0.1:
            objects[:] = 0  # grey still shows them: a mask without objects
        pixels = code(objects)
        shown = objects > 0
        if coding in ("supersampled", "red smoothed"):
            shown = (pixels if pixels.ndim == 2 else pixels[..., 0]) >= 128
        found.shown[i] = grey, shown
        if second == "mixed" and i % 2:
            pixels = pixels * np.uint8(255) if coding == "0 and 1" else pixels
        if second == "void" and i % 3 == 0:
            pixels = pixels.copy()
            pixels[:6] = 255
            found.ignored[i] = np.zeros(size, bool)
            found.ignored[i][:6] = True
        image_path, mask_paths = place(i)
        for path in (image_path, *mask_paths):
            path.parent.mkdir(parents=True, exist_ok=True)
        stored, stored_mask = grey, pixels
        if turned:
            stored = _turned_back(grey, turned)
            stored_mask = pixels if mask_upright else _turned_back(pixels, turned)
        image_suffix = IMAGE_FILES[kind](image_path, stored)
        if turned:
            _set_orientation(Path(f"{image_path}{image_suffix}"), turned)
        extra = image_suffix if layout == "double suffix" else ""
        for k, mask_path in enumerate(mask_paths):
            part = stored_mask
            if len(mask_paths) > 1:  # one object in each
                part = np.where(
                    _spread(stored_mask, objects, k), stored_mask, coding == "1 bit on white"
                ).astype(stored_mask.dtype)
            write_mask(Path(f"{mask_path}{extra}{suffix}"), part)
    return found


def _spread(mask: Pixels, objects: Pixels, k: int) -> Pixels:
    """Return which pixels belong to the k-th part of a mask."""
    columns = np.arange(mask.shape[1]) * 2 // mask.shape[1]
    inside = np.broadcast_to(columns == k, mask.shape[:2])
    return inside[..., None] if mask.ndim == 3 else inside


_BACK = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}


def _turned_back(pixels: Pixels, orientation: int) -> Pixels:
    """Return what a camera stores with this orientation, so that a viewer shows `pixels`."""
    turns = {3: 2, 6: 1, 8: 3}[orientation]
    return np.ascontiguousarray(np.rot90(pixels, turns))


def _set_orientation(path: Path, orientation: int) -> None:
    if path.suffix == ".tif":
        pixels = tifffile.imread(path)
        tifffile.imwrite(path, pixels, extratags=[(274, "H", 1, orientation, True)])
        return
    with Image.open(path) as image:
        image.load()
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(path, exif=exif, **({"quality": 95} if path.suffix == ".jpg" else {}))


Place = Callable[[int], tuple[Path, list[Path]]]


def _two_folders(chance: random.Random, folder: Path, count: int, found: Input) -> Place:
    found.images, found.masks = folder / "img", folder / "ann"
    return lambda i: (folder / "img" / f"{i:03d}", [folder / "ann" / f"{i:03d}"])


def _affixed(chance: random.Random, folder: Path, count: int, found: Input) -> Place:
    found.images, found.masks = folder / "imagesTr", folder / "labelsTr"
    (prefix, suffix), (mask_prefix, mask_suffix) = _affixes(chance)
    return lambda i: (
        found.images / f"{prefix}{i:03d}{suffix}",
        [folder / "labelsTr" / f"{mask_prefix}{i:03d}{mask_suffix}"],
    )


def _one_folder(ending: str) -> Callable[[random.Random, Path, int, Input], Place]:
    def layout(chance: random.Random, folder: Path, count: int, found: Input) -> Place:
        return lambda i: (folder / f"cell {i:03d}", [folder / f"cell {i:03d}{ending}"])

    return layout


def _several_masks(chance: random.Random, folder: Path, count: int, found: Input) -> Place:
    return lambda i: (folder / f"x{i:03d}", [folder / f"x{i:03d}{e}" for e in ("_mask", "_mask_1")])


def _patients(chance: random.Random, folder: Path, count: int, found: Input) -> Place:
    return lambda i: (
        folder / f"Patient{i // 2}" / "Images" / f"{i:03d}",
        [folder / f"Patient{i // 2}" / "Masks" / f"{i:03d}"],
    )


def _masks_inside(chance: random.Random, folder: Path, count: int, found: Input) -> Place:
    if chance.random() < 0.5:
        found.masks = folder / "masks"
    return lambda i: (folder / f"{i:03d}", [folder / "masks" / f"{i:03d}"])


def _split_folders(outside: bool) -> Callable[[random.Random, Path, int, Input], Place]:
    def layout(chance: random.Random, folder: Path, count: int, found: Input) -> Place:
        names = chance.choice([("train", "val", "test"), ("Training", "Validation", "Testing")])
        part = [0] * (count - 4) + [1, 1, 2, 2]
        order = ("train", "validation", "test")
        found.splits = {i: order[part[i]] for i in range(count)}
        if not outside:
            found.images, found.masks = folder / "images", folder / "masks"

        def place(i: int) -> tuple[Path, list[Path]]:
            split = names[part[i]]
            pair = [
                folder / split / kind if outside else folder / kind / split
                for kind in ("images", "masks")
            ]
            return pair[0] / f"{i:03d}", [pair[1] / f"{i:03d}"]

        return place

    return layout


LAYOUTS: dict[str, Callable[[random.Random, Path, int, Input], Place]] = {
    "two folders": _two_folders,
    "double suffix": _two_folders,
    "affixes": _affixed,
    "_mask": _one_folder("_mask"),
    "-labelled": _one_folder("-labelled"),
    "several masks": _several_masks,
    "patients": _patients,
    "masks inside": _masks_inside,
    "split/images": _split_folders(True),
    "images/split": _split_folders(False),
}
