"""The processed data set as training reads it: memory-mapped arrays, names, groups and splits."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from segsweep.core.errors import UserError
from segsweep.core.files import parse_csv, read_bytes, read_json

SPLITS = ("train", "validation", "test")

IGNORED = 255
"""Value, in a processed mask, of pixels that count neither in the loss nor in a score."""

COLUMNS = ("name", "group", "split", "pixels_sha256")
"""The columns of the manifest."""

PREPROCESSING_KEYS = ("input_shape", "mode", "percentiles", "stacks", "channel", "nodata")
"""The settings of `preprocess` that determine how an image becomes arrays."""


@dataclass(frozen=True)
class ProcessedSet:
    """The processed images and masks.

    Attributes:
        images: uint8 (n, height, width), 0 to 255.
        masks: uint8 of the same shape: 0, 1 or IGNORED.
        names: Name of each image.
        groups: Group of each image.
        splits: Split of each image (one of `SPLITS`).
        identity: Hash of the manifest, which contains the hashes of all images and masks.
        preprocessing: The settings in `PREPROCESSING_KEYS`, as in the study.
        pixel_hashes: `pixels_hash` of each image, as in the manifest; empty to compare none.
        folder: The folder of the arrays.
        compared: The images that `read` has compared with their hashes.
        opened: The open files of the arrays, with size and time of the last write.
    """

    images: np.ndarray
    masks: np.ndarray
    names: list[str]
    groups: list[str]
    splits: list[str]
    identity: str = ""
    preprocessing: dict[str, Any] = field(default_factory=dict)
    pixel_hashes: list[str] = field(default_factory=list)
    folder: Path = Path()
    compared: set[int] = field(default_factory=set)
    opened: list[tuple[BinaryIO, tuple[int, int]]] = field(default_factory=list)

    @classmethod
    def open(cls, folder: str | Path) -> "ProcessedSet":
        """Memory-map the arrays that `preprocess` wrote to `folder` and read the manifest."""
        folder = Path(folder)
        manifest = read_bytes(folder / "manifest.csv")
        rows = parse_csv(folder / "manifest.csv", manifest)
        try:
            images = np.load(folder / "images.npy", mmap_mode="r", allow_pickle=False)
            masks = np.load(folder / "masks.npy", mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            reason = "not a NumPy array" if "pickle" in str(error) else error
            raise UserError(
                f"{folder}: images.npy or masks.npy cannot be read ({reason}); run snakemake again"
            ) from error
        if (
            images.ndim != 3
            or images.shape != masks.shape
            or {images.dtype, masks.dtype} != {np.dtype(np.uint8)}
        ):
            raise UserError(
                f"{folder}: found images {images.dtype} {images.shape} and masks {masks.dtype} "
                f"{masks.shape}, expected uint8 (n, height, width) for both; run snakemake again"
            )
        missing = {*COLUMNS} - set(rows[0] if rows else {})
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
        names, groups, splits, hashes = ([row[key] for row in rows] for key in COLUMNS)
        identity = hashlib.sha256(manifest).hexdigest()
        preprocessing = read_json(folder / "preprocessing.json")
        return cls(
            images,
            masks,
            names,
            groups,
            splits,
            identity,
            preprocessing,
            hashes,
            folder,
            opened=[_opened(folder / name) for name in ("images.npy", "masks.npy")],
        )

    def check_unchanged(self) -> None:
        """Raise `UserError` if an array was written to in place since it was opened.

        A file that replaces it has no effect, as the old one stays mapped.
        """
        for file, written in self.opened:
            if _size_and_time(file) != written:
                raise UserError(
                    f"{file.name}: was written to during the run; delete {self.folder} and run "
                    "snakemake again"
                )

    def has_ignored(self, index: Sequence[int] | np.ndarray) -> bool:
        """Return whether any of these masks has an ignored pixel."""
        return any((self.masks[i] == IGNORED).any() for i in map(int, index))

    def read(self, index: Sequence[int] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return copies of these images and masks.

        Raises:
            UserError: An image that is read for the first time has another hash than the manifest
                says: the arrays are damaged, or were replaced.
        """
        images, masks = self.images[index], self.masks[index]
        for i, image, mask in zip(map(int, index), images, masks, strict=True):
            if i in self.compared or not self.pixel_hashes:
                continue
            if pixels_hash(image, mask) != self.pixel_hashes[i]:
                raise UserError(
                    f"{self.folder}: found other pixels of {self.names[i]} than manifest.csv says, "
                    "so an array is damaged, or was exchanged during the run; delete the folder "
                    "and run snakemake again"
                )
            self.compared.add(i)
        return images, masks

    def split(self, name: str) -> tuple[np.ndarray, np.ndarray, list[str]]:
        """Return the images, masks and names of one split, as copies in memory."""
        index = [i for i, split in enumerate(self.splits) if split == name]
        return *self.read(index), [self.names[i] for i in index]


def _opened(path: Path) -> tuple[BinaryIO, tuple[int, int]]:
    file = path.open("rb")
    return file, _size_and_time(file)


def _size_and_time(file: BinaryIO) -> tuple[int, int]:
    """Return size and time of the last write; other times change when the file is removed."""
    stat = os.fstat(file.fileno())
    return stat.st_size, stat.st_mtime_ns


def truth_and_counted(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the foreground and the pixels that count, both bool, of a processed mask."""
    return mask == 1, mask != IGNORED


def pixels_hash(image: np.ndarray, mask: np.ndarray) -> str:
    """Return the hash of a processed image and its mask, as in `manifest.csv`."""
    digest = hashlib.sha256(np.ascontiguousarray(image).data)
    digest.update(np.ascontiguousarray(mask).data)
    return digest.hexdigest()
