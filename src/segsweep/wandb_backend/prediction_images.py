"""Validation images with their masks and predictions, as W&B shows them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import wandb

from segsweep.core.thinning import evenly
from segsweep.data.dataset import ProcessedSet

CLASSES = {0: "background", 1: "foreground"}


def prediction_images(data: ProcessedSet, predicted: np.ndarray, count: int) -> list[wandb.Image]:
    """Return up to `count` validation images, evenly spaced.

    Args:
        data: The processed set.
        predicted: uint8 (n, height, width), the predicted masks of all validation images.
        count: 1 or more.
    """
    pixels, masks, names = data.split("validation")
    return [
        wandb.Image(
            np.asarray(pixels[i]),
            caption=names[i],
            masks={
                "prediction": {"mask_data": predicted[i], "class_labels": CLASSES},
                "mask": {"mask_data": np.asarray(masks[i]), "class_labels": CLASSES},
            },
        )
        for i in evenly(range(len(names)), max(count, 2))[:count]
    ]


def logged_images(media: Mapping[str, Any], folder: Path) -> list[wandb.Image]:
    """Return the images of a row in a W&B log.

    Args:
        media: What the row has under "predictions".
        folder: The folder `files` of the logged run.
    """
    return [
        wandb.Image(
            str(folder / name),
            caption=caption,
            masks={
                kind: {"path": str(folder / mask["path"]), "class_labels": CLASSES}
                for kind, mask in masks.items()
            },
        )
        for name, caption, masks in zip(
            media["filenames"], media["captions"], media["all_masks"], strict=True
        )
    ]
