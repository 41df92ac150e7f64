"""Dice of plain thresholding on the same split, to compare trained networks with.

Methods: Otsu's threshold (IEEE Trans. SMC 9, 1979) and its extension to several classes, both from
scikit-image. The side of the threshold, or the class, that is the foreground is chosen on the
training split; the result is the mean Dice over the validation images. As a network does, a method
sees the whole image; ignored pixels are left out of the Dice only.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from skimage.filters import threshold_multiotsu, threshold_otsu

from segsweep.core.overlap import confusion_counts, dice
from segsweep.data.dataset import ProcessedSet, truth_and_counted

COLUMNS = ("method", "foreground", "val_dice_coefficient", "train_dice_coefficient")
CLASSES = (3, 4)

Segment = Callable[[np.ndarray], np.ndarray]
"""Segments a grey image, (height, width), into a bool mask of the same shape."""


def baselines(data: ProcessedSet) -> list[dict[str, Any]]:
    """Return one row (COLUMNS) for each method."""
    splits = {name: data.split(name)[:2] for name in ("train", "validation")}
    rows = []
    for method, rules in (("otsu", _otsu_rules()), ("multi_otsu", _multi_otsu_rules())):
        train_dice = {name: mean_dice(rule, *splits["train"]) for name, rule in rules.items()}
        foreground = max(train_dice, key=lambda name: train_dice[name])
        rows.append(
            {
                "method": method,
                "foreground": foreground,
                "val_dice_coefficient": mean_dice(rules[foreground], *splits["validation"]),
                "train_dice_coefficient": train_dice[foreground],
            }
        )
    return rows


def mean_dice(segment: Segment, images: np.ndarray, masks: np.ndarray) -> float:
    """Return the mean Dice of a method over images and masks, (images, height, width) each."""
    scores = []
    for image, mask in zip(images, masks, strict=True):
        truth, counted = truth_and_counted(mask)
        scores.append(float(dice(confusion_counts(segment(image) & counted, truth))))
    return float(np.mean(scores))


def _otsu_rules() -> dict[str, Segment]:
    return {
        "brighter": lambda image: image > threshold_otsu(image),
        "darker": lambda image: image <= threshold_otsu(image),
    }


def _multi_otsu_rules() -> dict[str, Segment]:
    rules: dict[str, Segment] = {}
    for classes in CLASSES:
        rules[f"brightest of {classes}"] = partial(_brightest, classes)
        rules[f"darkest of {classes}"] = partial(_darkest, classes)
    return rules


def _brightest(classes: int, image: np.ndarray) -> np.ndarray:
    return image > _thresholds(image, classes)[-1]


def _darkest(classes: int, image: np.ndarray) -> np.ndarray:
    return image <= _thresholds(image, classes)[0]


def _thresholds(image: np.ndarray, classes: int) -> np.ndarray:
    """Return the thresholds between classes; fewer for an image with fewer grey values."""
    return threshold_multiotsu(image, min(classes, len(np.unique(image))))
