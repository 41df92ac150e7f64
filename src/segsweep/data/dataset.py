"""From folders of images and masks to arrays, splits and a manifest of content hashes."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from segsweep.data.arrays import SPLITS
from segsweep.data.images import (
    SUFFIXES,
    ImageError,
    normalise,
    read_grey,
    read_mask,
    resize_image,
    resize_mask,
)
from segsweep.errors import UserError
from segsweep.files import read_csv, replacing, sha256, write_csv, write_json

COLUMNS = (
    "name",
    "split",
    "group",
    "height",
    "width",
    "foreground",
    "image_sha256",
    "mask_sha256",
    "pixels_sha256",
)


@dataclass(frozen=True)
class Source:
    """One image file with its mask and the group that must not be split."""

    name: str
    image: Path
    mask: Path
    group: str


def preprocess(
    raw: Path,
    out: Path,
    input_shape: Sequence[int],
    percentiles: Sequence[float],
    validation_fraction: float,
    test_fraction: float,
    seed: int,
) -> dict[str, Any]:
    """Write `images.npy`, `masks.npy`, `manifest.csv` and `summary.json` to `out`.

    `raw` holds `images/`, `masks/` and, if images belong together, `groups.csv`. The manifest's
    last column hashes the processed pixels, so the file stands for the arrays. Returns the
    summary. Raises `UserError` that names every file that cannot be used, one a line.
    """
    sources = find_pairs(raw)
    split_of = split_groups([s.group for s in sources], validation_fraction, test_fraction, seed)
    height, width = input_shape[0], input_shape[1]
    images = np.empty((len(sources), height, width), np.uint8)
    masks = np.empty_like(images)
    rows, faults = [], []
    for i, source in enumerate(sources):
        try:
            image, mask = _read_pair(source)
        except ImageError as fault:
            faults.append(str(fault))
            continue
        images[i] = resize_image(normalise(image, *percentiles), (height, width))
        masks[i] = resize_mask(mask, (height, width))
        rows.append(
            {
                "name": source.name,
                "split": split_of[source.group],
                "group": source.group,
                "height": image.shape[0],
                "width": image.shape[1],
                "foreground": round(float(masks[i].mean()), 6),
                "image_sha256": sha256(source.image),
                "mask_sha256": sha256(source.mask),
                "pixels_sha256": hashlib.sha256(
                    images[i].tobytes() + masks[i].tobytes()
                ).hexdigest(),
            }
        )
    if faults:
        raise UserError("\n".join(faults))
    out.mkdir(parents=True, exist_ok=True)
    for name, array in (("images.npy", images), ("masks.npy", masks)):
        with replacing(out / name) as aside, aside.open("wb") as file:
            np.save(file, array, allow_pickle=False)
    write_csv(out / "manifest.csv", COLUMNS, rows)
    summary = summarise(rows, [height, width, 1])
    write_json(out / "summary.json", summary)
    return summary


def find_pairs(raw: Path) -> list[Source]:
    """Every image with its mask, by the name without suffix, in order of name."""
    files = {}
    for folder in ("images", "masks"):
        if not (raw / folder).is_dir():
            raise UserError(f"{raw / folder}: no such folder; expected the {folder} there")
        found = [p for p in sorted((raw / folder).iterdir()) if p.suffix.lower() in SUFFIXES]
        files[folder] = {p.stem: p for p in found}
        if not found:
            raise UserError(f"{raw / folder}: found no image files, expected {', '.join(SUFFIXES)}")
        if len(files[folder]) < len(found):
            twice = sorted({p.name for p in found if files[folder][p.stem] != p})
            raise UserError(f"{raw / folder}: two files share the name of {', '.join(twice)}")
    images, masks = files["images"], files["masks"]
    faults = [
        f"{images[s]}: no mask of that name in {raw / 'masks'}" for s in images if s not in masks
    ]
    faults += [
        f"{masks[s]}: no image of that name in {raw / 'images'}" for s in masks if s not in images
    ]
    if faults:
        raise UserError("\n".join(faults))
    groups = _read_groups(raw / "groups.csv", [p.name for p in images.values()])
    return [Source(s, images[s], masks[s], groups[images[s].name]) for s in sorted(images)]


def split_groups(
    groups: Sequence[str], validation_fraction: float, test_fraction: float, seed: int
) -> dict[str, str]:
    """Which split each group falls in; at least one group in each, the same for the same seed."""
    names = sorted(set(groups))
    if len(names) < len(SPLITS):
        raise UserError(
            f"found {len(names)} groups of images, expected at least 3 (training, validation, "
            "test); bring images of more patients, animals or fields of view"
        )
    n_validation = max(1, round(validation_fraction * len(names)))
    n_test = max(1, round(test_fraction * len(names)))
    n_validation = min(n_validation, len(names) - 2)
    n_test = min(n_test, len(names) - 1 - n_validation)
    order = np.random.default_rng(seed).permutation(len(names))
    split_of = {}
    for position, i in enumerate(order):
        held_out = "validation" if position < n_validation else "test"
        split_of[names[i]] = held_out if position < n_validation + n_test else "train"
    return split_of


def summarise(rows: Sequence[dict[str, Any]], input_shape: Sequence[int]) -> dict[str, Any]:
    """Counts and foreground share by split, as `summary.json` holds them."""
    splits = {}
    for split in SPLITS:
        members = [row for row in rows if row["split"] == split]
        splits[split] = {
            "images": len(members),
            "groups": len({row["group"] for row in members}),
            "foreground": round(float(np.mean([row["foreground"] for row in members])), 6),
        }
    return {"images": len(rows), "input_shape": list(input_shape), "splits": splits}


def _read_groups(path: Path, files: Sequence[str]) -> dict[str, str]:
    if not path.exists():
        return {name: Path(name).stem for name in files}
    rows = read_csv(path)
    if not rows or set(rows[0]) != {"image", "group"}:
        raise UserError(
            f"{path}: found the columns {list(rows[0]) if rows else []}, expected image,group"
        )
    groups = {row["image"]: row["group"] for row in rows}
    missing = [name for name in files if not groups.get(name)]
    if missing:
        raise UserError(f"{path}: no group for {', '.join(missing)}; add a row for each")
    return groups


def _read_pair(source: Source) -> tuple[np.ndarray, np.ndarray]:
    try:
        image = read_grey(source.image)
    except ImageError as fault:
        raise ImageError(f"{source.image}: {fault}") from fault
    try:
        mask = read_mask(source.mask)
    except ImageError as fault:
        raise ImageError(f"{source.mask}: {fault}") from fault
    if image.shape != mask.shape:
        sizes = " and ".join(f"{a.shape[1]} x {a.shape[0]}" for a in (image, mask))
        raise ImageError(
            f"{source.image}: image and mask measure {sizes} pixels; expected one size"
        )
    return image, mask
