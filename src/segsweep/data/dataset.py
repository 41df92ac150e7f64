"""The processed data set as training reads it: memory-mapped arrays, names, groups and splits."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from segsweep.core.errors import UserError
from segsweep.core.files import read_csv, read_json, sha256

SPLITS = ("train", "validation", "test")

PREPROCESSING_KEYS = ("input_shape", "mode", "percentiles", "stacks")
"""The settings of `preprocess` that determine how an image becomes arrays."""


@dataclass(frozen=True)
class ProcessedSet:
    """The processed images and masks.

    Attributes:
        images: uint8 (n, height, width), 0 to 255.
        masks: uint8 of the same shape, 0 or 1.
        names: Name of each image.
        groups: Group of each image.
        splits: Split of each image (one of `SPLITS`).
        identity: Hash of the manifest, which contains the hashes of all images and masks.
        preprocessing: The settings in `PREPROCESSING_KEYS`, as in the study.
    """

    images: np.ndarray
    masks: np.ndarray
    names: list[str]
    groups: list[str]
    splits: list[str]
    identity: str = ""
    preprocessing: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def open(cls, folder: str | Path) -> "ProcessedSet":
        """Memory-map the arrays that `preprocess` wrote to `folder` and read the manifest."""
        folder = Path(folder)
        rows = read_csv(folder / "manifest.csv")
        try:
            images = np.load(folder / "images.npy", mmap_mode="r", allow_pickle=False)
            masks = np.load(folder / "masks.npy", mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            reason = "not a NumPy array" if "pickle" in str(error) else error
            raise UserError(
                f"{folder}: images.npy or masks.npy cannot be read ({reason}); run snakemake again"
            ) from error
        if images.ndim != 3 or images.shape != masks.shape or images.dtype != np.uint8:
            raise UserError(
                f"{folder}: found images {images.dtype} {images.shape} and masks {masks.shape}, "
                "expected uint8 (n, height, width) for both; run snakemake again"
            )
        missing = {"name", "group", "split"} - set(rows[0] if rows else {})
        if missing:
            raise UserError(
                f"{folder / 'manifest.csv'}: found no column {', '.join(sorted(missing))}; run "
                "snakemake again"
            )
        if not len(rows) == len(images) == len(masks):
            raise UserError(
                f"{folder}: found {len(rows)} rows in manifest.csv, {len(images)} images and "
                f"{len(masks)} masks, expected equal numbers; run snakemake again"
            )
        names, groups, splits = ([row[key] for row in rows] for key in ("name", "group", "split"))
        preprocessing = read_json(folder / "preprocessing.json")
        identity = sha256(folder / "manifest.csv")
        return cls(images, masks, names, groups, splits, identity, preprocessing)

    def split(self, name: str) -> tuple[np.ndarray, np.ndarray, list[str]]:
        """Return the images, masks and names of one split, as copies in memory."""
        index = [i for i, split in enumerate(self.splits) if split == name]
        return self.images[index], self.masks[index], [self.names[i] for i in index]
