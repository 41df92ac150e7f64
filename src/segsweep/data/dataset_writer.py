"""Write the processed data set: arrays, tables and summary.

- `images.npy`, `masks.npy`: the arrays.
- `manifest.csv`: a row for each processed image. Its last column is the hash of the pixels, so the
  hash of this file identifies the arrays.
- `sources.csv`: a row for each processed image with its origin: file, page, window, grey values,
  pixel size.
- `problems.csv`: the images that were dropped, and warnings.
- `preprocessing.json`: the settings that prediction repeats.
- `summary.json`: counts by split.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from segsweep.config.sections import Preprocess
from segsweep.core.errors import UserError
from segsweep.core.files import atomic_write, write_csv, write_json
from segsweep.data.dataset import PREPROCESSING_KEYS, SPLITS
from segsweep.data.image_cache import PreparedImage, load_arrays
from segsweep.data.issues import DataIssue, count_dropped
from segsweep.data.resize import WINDOW_COLUMNS

ARRAY_FILES = ("images.npy", "masks.npy")
MANIFEST_COLUMNS = ("name", "split", "group", "pixels_sha256")
SOURCE_COLUMNS = (
    "name",
    "image",
    "page",
    "image_height",
    "image_width",
    *WINDOW_COLUMNS,
    "black",
    "white",
    "pixel_height_mm",
    "pixel_width_mm",
    "foreground",
    "image_sha256",
    "mask_sha256",
)
ISSUE_COLUMNS = ("kind", "file", "found", "todo")


def write_dataset(
    out: Path,
    rows: Sequence[dict[str, Any]],
    prepared: Sequence[PreparedImage],
    issues: Sequence[DataIssue],
    settings: Preprocess,
) -> dict[str, Any]:
    """Write all files to `out`. Only one image is in memory at a time.

    Args:
        out: The folder.
        rows: A row for each processed array, in the order of `prepared`.
        prepared: The images.
        issues: What was dropped, and warnings.
        settings: The study's `preprocess`.

    Returns:
        The summary.
    """
    if settings.pixel_size_mm:
        height, width = settings.pixel_size_mm
        pixel_size = {"pixel_height_mm": height, "pixel_width_mm": width}
        rows = [row if row["pixel_height_mm"] else row | pixel_size for row in rows]
    _write_arrays(out, (len(rows), *settings.input_shape[:2]), prepared)
    write_csv(out / "manifest.csv", MANIFEST_COLUMNS, _select(rows, MANIFEST_COLUMNS))
    write_csv(out / "sources.csv", SOURCE_COLUMNS, _select(rows, SOURCE_COLUMNS))
    write_csv(out / "problems.csv", ISSUE_COLUMNS, [asdict(issue) for issue in issues])
    preprocessing = {key: getattr(settings, key) for key in PREPROCESSING_KEYS}
    write_json(out / "preprocessing.json", preprocessing)
    summary = summarise(rows, count_dropped(issues), settings)
    write_json(out / "summary.json", summary)
    return summary


def _write_arrays(out: Path, shape: tuple[int, ...], prepared: Sequence[PreparedImage]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    with ExitStack() as stack:
        temporaries = [stack.enter_context(atomic_write(out / name)) for name in ARRAY_FILES]
        files = [stack.enter_context(temporary.open("wb")) for temporary in temporaries]
        for file in files:
            np.lib.format.write_array_header_1_0(file, header)
        damaged = []
        for image in prepared:
            if (arrays := load_arrays(image)) is None:
                damaged.append(image.cached)
                continue
            for file, array in zip(files, arrays, strict=True):
                file.write(array.tobytes())
        if damaged:
            raise UserError(
                f"{damaged[0]}: found a damaged cached image; all {len(damaged)} damaged ones are "
                "removed; run the same command again"
            )


def _select(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    return ({column: row[column] for column in columns} for row in rows)


def summarise(rows: Sequence[dict[str, Any]], dropped: int, settings: Preprocess) -> dict[str, Any]:
    """Return counts and share of foreground by split, and the main settings."""
    splits = {}
    for split in SPLITS:
        members = [row for row in rows if row["split"] == split]
        share = math.fsum(row["foreground"] for row in members) / len(members)
        splits[split] = {
            "images": len(members),
            "groups": len({row["group"] for row in members}),
            "foreground": round(share, 6),
        }
    return {
        "images": len(rows),
        "dropped": dropped,
        "input_shape": list(settings.input_shape),
        "mode": settings.mode,
        "percentiles": list(settings.percentiles),
        "splits": splits,
    }
