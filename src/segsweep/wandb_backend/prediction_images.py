"""Validation images with their masks and predictions, as W&B shows them."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import wandb
from PIL import Image

from segsweep.core.printable import escape_controls
from segsweep.core.thinning import evenly
from segsweep.data.dataset import IGNORED, ProcessedSet

CLASSES = {0: "background", 1: "foreground"}


def prediction_images(data: ProcessedSet, predicted: np.ndarray, count: int) -> list[wandb.Image]:
    """Return up to `count` validation images, evenly spaced.

    Args:
        data: The processed set.
        predicted: uint8 (n, height, width), the predicted masks of all validation images.
        count: 1 or more.
    """
    pixels, masks, names = data.split("validation")
    return _images(
        (pixels[i], names[i], {"prediction": predicted[i], "mask": masks[i]})
        for i in evenly(range(len(names)), max(count, 2))[:count]
    )


def logged_images(row: Mapping[str, Any], folder: Path) -> list[wandb.Image]:
    """Return the prediction images of a row in a W&B log; most rows have none.

    Args:
        row: Values by dotted names, such as "predictions.filenames".
        folder: The folder `files` of the logged run.
    """
    names = ("filenames", "captions", "all_masks")
    columns = (row.get(f"predictions.{name}", []) for name in names)
    return _images(
        (
            _read(folder / name),
            caption,
            {kind: _read(folder / mask["path"]) for kind, mask in masks.items()},
        )
        for name, caption, masks in zip(*columns, strict=True)
    )


def _images(rows: Iterable[tuple[np.ndarray, str, Mapping[str, np.ndarray]]]) -> list[wandb.Image]:
    """Return the images of pixels, caption and masks by kind.

    All have the same class labels, as W&B keeps those of the last image for all.
    """
    rows = list(rows)
    has_ignored = any((mask == IGNORED).any() for _, _, masks in rows for mask in masks.values())
    labels = CLASSES | {IGNORED: "ignored"} if has_ignored else CLASSES
    return [
        wandb.Image(
            np.asarray(pixels),
            caption=escape_controls(caption),
            masks={
                kind: {"mask_data": np.asarray(mask), "class_labels": labels}
                for kind, mask in masks.items()
            },
        )
        for pixels, caption, masks in rows
    ]


def _read(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)
