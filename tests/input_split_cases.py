"""Folders as people have them: splits, patients, slide tiles and unusual names."""

from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from input_cases import (
    SIZE,
    Case,
    CaseMaker,
    brain_slices,
    breast_ultrasound,
    data_science_bowl,
    excel_groups,
    glands,
    ilastik,
    nnunet,
    save,
    save_tiff,
    two_folders,
    white,
)

NAMES = (
    "Zelle Ä 1.TIF",
    "cell (2).PNG",
    "img#3.png",
    "a, b.png",
    "日本語.png",
    "x[5].png",
    "it's.png",
    "50%.png",
    "d.e.f.png",
    "Größe 10µm.Jpg",
    "-dash.png",
    "{c}.png",
    'q"uote.png',
)


def given_splits(layout: str, folder: Path) -> Case:
    """Folders train, val and test above or below those of images and masks, or in a table."""
    case = Case(folder, assumed={"split_folders"})
    if layout != "above":
        case.images, case.masks = folder / "images", folder / "masks"
    lines = ["image,group,split"]
    for i in range(14):
        name = "train" if i < 8 else "val" if i < 11 else "test"
        split = "validation" if name == "val" else name
        grey, objects = case.add(f"{name}/{i:03d}")
        case.splits[f"{name}/{i:03d}"] = split
        for kind, pixels in (("images", grey), ("masks", white(objects))):
            place = folder / name / kind if layout == "above" else folder / kind / name
            save(pixels, place / f"{i:03d}.png")
        lines.append(f"{name}/{i:03d}.png,{i},{split}")
    if layout == "table":
        (folder / "groups.csv").write_text("\n".join(lines) + "\n")
        case.options, case.assumed = {"groups_file": folder / "groups.csv"}, set()
    return case


def masks_inside(given: bool, folder: Path) -> Case:
    case = Case(folder, folder / "masks" if given else None)
    for i in range(8):
        grey, objects = case.add(f"{i:03d}")
        save_tiff(grey, folder / f"{i:03d}.tif")
        save_tiff(white(objects), folder / "masks" / f"{i:03d}.tif")
    return case


def patients(folder: Path) -> Case:
    """Folders in upper case inside a folder for each patient."""
    case = Case(folder, assumed={"group_folders"})
    for i in range(15):
        patient, name = f"Patient{i // 3}", f"Patient{i // 3}/{i % 3}"
        grey, objects = case.add(name)
        save(grey, folder / patient / "Images" / f"{i % 3}.png")
        save(white(objects), folder / patient / "Masks" / f"{i % 3}.png")
        case.groups[name] = patient
    return case


def slide_tiles(folder: Path) -> Case:
    """Tiles as QuPath names them; the slide is the group."""
    case = Case(folder, assumed={"pairing"}, options={"group_regex": r"(CMU-\d+)"})
    for i in range(12):
        name = f"CMU-{i // 3} [x={96 * i},y=0,w=96,h=64]"
        grey, objects = case.add(name)
        save(np.dstack([grey] * 3), folder / f"{name}.jpg", quality=95)
        save((objects > 0).astype(np.uint8), folder / f"{name}-labelled.png")
        case.groups[name] = f"CMU-{i // 3}"
    return case


def mixed_names(folder: Path) -> Case:
    """Unusual names; 8 and 16 bits, grey, RGBA and palette images."""
    case = Case(folder / "images", folder / "masks")
    for i, file in enumerate(NAMES):
        stem, path = file.rpartition(".")[0], folder / "images" / file
        grey, objects = case.add(stem)
        deep = grey.astype(np.uint16) * 16
        if file.endswith(".TIF"):
            save_tiff(deep, path)
        elif file.endswith(".Jpg"):
            save(np.dstack([grey] * 3), path, quality=95)
        elif i % 4 == 3:
            Image.fromarray(np.dstack([grey] * 3)).quantize(200).save(path)
        else:
            opaque = np.dstack([grey, grey, grey, np.full(SIZE, 255, np.uint8)])
            save((grey, deep, opaque)[i % 4], path)
        save((objects > 0).astype(np.uint8), folder / "masks" / f"{stem}.PNG")
    return case


NAME_CASES: dict[str, CaseMaker] = {
    "brats_slices": brain_slices,
    "busi": breast_ultrasound,
    "double_suffix": partial(
        two_folders, "img/{:03d}.jpg", "ann/{:03d}.jpg.png", assumed=frozenset()
    ),
    "drive gif": partial(
        two_folders, "images/{:02d}_training.tif", "1st_manual/{:02d}_manual1.gif"
    ),
    "drive png": partial(two_folders, "images/{:02d}_training.tif", "converted/{:02d}_manual1.png"),
    "dsb2018": data_science_bowl,
    "excel_groups comma": partial(excel_groups, ","),
    "excel_groups semicolon": partial(excel_groups, ";"),
    "glas": glands,
    "ilastik": ilastik,
    "isic": partial(
        two_folders, "Training_Data/ISIC_{:07d}.jpg", "GroundTruth/ISIC_{:07d}_segmentation.png"
    ),
    "masks_inside_images one": partial(masks_inside, False),
    "masks_inside_images two": partial(masks_inside, True),
    "mixed_names": mixed_names,
    "nnunet_raw": nnunet,
    "presplit above": partial(given_splits, "above"),
    "presplit below": partial(given_splits, "below"),
    "presplit table": partial(given_splits, "table"),
    "qupath": slide_tiles,
    "upper_folders": patients,
}
