"""Folders as people have them, with what they show: how names and folders pair images with masks.

`input_file_cases` has kinds of image files, `input_mask_cases` kinds of masks.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image

from random_inputs import scene

SIZE = (64, 96)
COUNT = 8

Pixels = np.ndarray


@dataclass(frozen=True)
class WayOut:
    """An error and what a user does who follows its text.

    Attributes:
        kinds: The kinds of its issues; empty if nothing was found that could be checked.
        text: Part of the text that says what to do.
        preprocess: Keys of `preprocess` that the user then sets.
        options: Options of `segsweep import-data` that the user then gives.
    """

    kinds: set[str]
    text: str
    preprocess: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)


@dataclass
class Case:
    """What a user has and gives.

    Attributes:
        images, masks: The arguments of `segsweep import-data`.
        ways_out: The errors, in order, until the images can be used.
        refused: The error that remains, if the images cannot be used.
        assumed: Kinds of what is assumed in the end, next to the meaning of the mask values.
        preprocess, options: What the user gives from the beginning.
        shown: By name (or page) of an image, its grey values and foreground as a person sees them.
        ignored: By name, the pixels that should not count.
        without_data: Pixels without a grey value.
        groups, splits: By name, the group and the split that are known.
    """

    images: Path
    masks: Path | None = None
    ways_out: list[WayOut] = field(default_factory=list)
    refused: WayOut | None = None
    assumed: set[str] = field(default_factory=set)
    preprocess: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    shown: dict[str, tuple[Pixels, Pixels]] = field(default_factory=dict)
    ignored: dict[str, Pixels] = field(default_factory=dict)
    without_data: Pixels | None = None
    groups: dict[str, str] = field(default_factory=dict)
    splits: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, size: tuple[int, int] = SIZE) -> tuple[Pixels, Pixels]:
        """Return the grey values of a new image and the numbers of its objects."""
        grey, objects = scene(len(self.shown), size)
        self.shown[name] = grey, objects > 0
        return grey, objects


CaseMaker = Callable[[Path], Case]


def save(pixels: Pixels, path: Path, **options: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)


def save_tiff(pixels: Pixels, path: Path, **options: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, pixels, **options)


def white(objects: Pixels) -> Pixels:
    return np.where(objects > 0, 255, 0).astype(np.uint8)


def rgb(grey: Pixels) -> Pixels:
    return np.stack([grey, grey // 2, grey // 3], -1)


def labels_way_out(values: str = "1, 2, 3") -> WayOut:
    found = f"has the values 0, {values}, expected 0 and one other"
    return WayOut({"mask_value"}, found, {"masks": "labels"})


def brain_slices(folder: Path) -> Case:
    """The outer slices of each patient are black, and most masks are empty."""
    drop = WayOut({"constant"}, "preprocess.on_bad: drop", {"on_bad": "drop"})
    case = Case(folder / "images", folder / "masks", [drop], assumed={"group_folders"})
    for i in range(30):
        name = f"BraTS20_{i // 5:03d}/slice_{i % 5:03d}"
        grey, objects = case.add(name)
        if i % 5 not in (1, 2):
            objects[:] = 0
        if i % 5 in (0, 4):
            grey[:] = 0
        save(grey, case.images / f"{name}.png")
        save((objects > 0).astype(np.uint8), folder / "masks" / f"{name}.png")
        case.shown[name] = grey, objects > 0
        case.groups[name] = name.partition("/")[0]
    return case


def breast_ultrasound(folder: Path) -> Case:
    """Classes as folders, of which one has no foreground; two masks of some images."""
    way_out = WayOut({"no_foreground"}, "--group-regex (with '.+' ", {}, {"group_regex": ".+"})
    case = Case(folder, None, [way_out], assumed={"union"})
    for kind in ("benign", "malignant", "normal"):
        for i in range(1, 5):
            name = f"{kind}/{kind} ({i})"
            grey, objects = case.add(name)
            parts = [(objects == 1, "_mask"), (objects == 2, "_mask_1")] if i == 3 else []
            parts = parts or [(objects > 0, "_mask")]
            if kind == "normal":
                parts = [(np.zeros(SIZE, bool), "_mask")]
            for part, ending in parts:
                save(white(part), folder / f"{name}{ending}.png")
            save(np.dstack([grey] * 3), folder / f"{name}.png")
            case.shown[name] = grey, np.any([part for part, _ in parts], axis=0)
    return case


def two_folders(
    image_name: str,
    mask_name: str,
    folder: Path,
    assumed: frozenset[str] = frozenset({"pairing"}),
) -> Case:
    """The names have {} in place of the number, and a folder."""
    case = Case(folder / Path(image_name).parent, folder / Path(mask_name).parent)
    case.assumed = set(assumed)
    for i in range(COUNT):
        image, mask = folder / image_name.format(i), folder / mask_name.format(i)
        grey, objects = case.add(image.stem)
        save(rgb(grey), image)
        save(white(objects), mask)
    if case.images == case.masks:
        case.masks = None
    return case


def data_science_bowl(folder: Path) -> Case:
    """A folder for each image, and a mask for each object."""
    case = Case(folder / "stage1_train", assumed={"union"})
    for i in range(COUNT):
        name = hashlib.sha256(str(i).encode()).hexdigest()
        grey, objects = scene(i, SIZE)
        case.shown[name] = grey, objects > 0
        place = case.images / name
        save(
            np.dstack([grey, grey, grey, np.full(SIZE, 255, np.uint8)]),
            place / f"images/{name}.png",
        )
        for k in np.unique(objects)[1:]:
            save(white(objects == k), place / f"masks/{k}{name[1:]}.png")
    (case.images / "stage1_train_labels.csv").write_text("ImageId,EncodedPixels\n")
    return case


def excel_groups(separator: str, folder: Path) -> Case:
    """A table as Excel saves it: with a byte order mark and CR LF."""
    table = folder / "groups.csv"
    case = Case(folder / "images", folder / "masks", options={"groups_file": table})
    lines = [f"image{separator}group"]
    for i in range(2 * COUNT):
        name = f"Probe {i}"
        grey, objects = case.add(name)
        save(grey, folder / f"images/{name}.png")
        save(white(objects), folder / f"masks/{name}.png")
        case.groups[name] = f"Patient {i // 4}"
        lines.append(f"{name}.png{separator}{case.groups[name]}")
    table.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode())
    return case


def glands(folder: Path) -> Case:
    """BMP with numbered objects next to their images, train and test in one folder."""
    case = Case(folder, None, [labels_way_out()], assumed={"pairing", "group_folders"})
    for name in (*(f"train_{i}" for i in range(1, 8)), *(f"testA_{i}" for i in range(1, 4))):
        grey, objects = case.add(name)
        save(rgb(grey), folder / f"{name}.bmp")
        save(objects, folder / f"{name}_anno.bmp")
    (folder / "Grade.csv").write_text("name,grade\n")
    return case


def ilastik(folder: Path) -> Case:
    """Simple Segmentation: 1 is the first class, 2 the background."""
    way_out = WayOut({"mask_value"}, "set preprocess.background: [...]", {"background": [2]})
    case = Case(folder, None, [way_out], assumed={"pairing"})
    for i in range(COUNT):
        grey, objects = case.add(f"Image {i}")
        save(grey, folder / f"Image {i}.png")
        classes = np.where(objects > 0, 1, 2).astype(np.uint8)
        save(classes, folder / f"Image {i}_Simple Segmentation.png")
    return case


def nnunet(folder: Path) -> Case:
    case = two_folders("imagesTr/cell_{:03d}_0000.png", "labelsTr/cell_{:03d}.png", folder)
    (folder / "dataset.json").write_text(json.dumps({"labels": {"background": 0, "cell": 1}}))
    return case
