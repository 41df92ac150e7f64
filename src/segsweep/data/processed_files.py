"""The processed set on disk: arrays, tables and summary.

`manifest.csv` is what training reads: a row per processed image, whose last column hashes its
pixels, so that the file stands for the arrays. `sources.csv` has as many rows and says where each
came from: file, page, window, grey values, size of a pixel. `problems.csv` has what was dropped or
only noted. `preprocessing.json` has the settings that a prediction must repeat.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from segsweep.core.files import atomic_write, write_csv, write_json
from segsweep.data.dataset import SPLITS
from segsweep.data.issues import Problem, count_dropped
from segsweep.data.prepare import Prepared, load
from segsweep.data.resize import WINDOW

ARRAYS = ("images.npy", "masks.npy")
MANIFEST = ("name", "split", "group", "pixels_sha256")
SOURCES = (
    "name",
    "image",
    "page",
    "image_height",
    "image_width",
    *WINDOW,
    "black",
    "white",
    "pixel_height_mm",
    "pixel_width_mm",
    "foreground",
    "image_sha256",
    "mask_sha256",
)
PROBLEMS = ("kind", "file", "found", "todo")
REPEATED = ("input_shape", "mode", "percentiles", "stacks")
"""The settings of the study that turn an image into arrays."""


def write_set(
    out: Path,
    rows: Sequence[dict[str, Any]],
    prepared: Sequence[Prepared],
    problems: Sequence[Problem],
    study: dict[str, Any],
) -> dict[str, Any]:
    """Write everything, one kept source at a time; `rows` are in the order of `prepared`."""
    if study["pixel_size_mm"]:
        height, width = study["pixel_size_mm"]
        given = {"pixel_height_mm": height, "pixel_width_mm": width}
        rows = [row if row["pixel_height_mm"] else row | given for row in rows]
    shape = (len(rows), *study["input_shape"][:2])
    out.mkdir(parents=True, exist_ok=True)
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    with ExitStack() as stack:
        asides = [stack.enter_context(atomic_write(out / name)) for name in ARRAYS]
        files = [stack.enter_context(aside.open("wb")) for aside in asides]
        for file in files:
            np.lib.format.write_array_header_1_0(file, header)
        for source in prepared:
            for file, array in zip(files, load(source), strict=True):
                file.write(array.tobytes())
    write_csv(out / "manifest.csv", MANIFEST, _only(rows, MANIFEST))
    write_csv(out / "sources.csv", SOURCES, _only(rows, SOURCES))
    write_csv(out / "problems.csv", PROBLEMS, [asdict(problem) for problem in problems])
    write_json(out / "preprocessing.json", {name: study[name] for name in REPEATED})
    summary = summarise(rows, count_dropped(problems), study)
    write_json(out / "summary.json", summary)
    return summary


def _only(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    return ({column: row[column] for column in columns} for row in rows)


def summarise(
    rows: Sequence[dict[str, Any]], dropped: int, study: dict[str, Any]
) -> dict[str, Any]:
    """Counts and foreground share by split, and how large the images are made."""
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
        "input_shape": list(study["input_shape"]),
        "mode": study["mode"],
        "percentiles": list(study["percentiles"]),
        "splits": splits,
    }
