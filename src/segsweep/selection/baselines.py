"""What a plain threshold reaches on the same split, so that a Dice can be judged.

Otsu (IEEE Trans. SMC 9, 1979) and its extension to several classes, from scikit-image. Which side
of the threshold, and which class, is the object is chosen on the training split; what is reported
is the mean Dice over the validation images.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from skimage.filters import threshold_multiotsu, threshold_otsu

from segsweep.data.dataset import ProcessedSet

COLUMNS = ("method", "foreground", "val_dice_coefficient", "train_dice_coefficient")
CLASSES = (3, 4)

Segment = Callable[[np.ndarray], np.ndarray]


def baselines(data: ProcessedSet) -> list[dict[str, Any]]:
    """One row per method: the best rule on the training split and its Dice on both splits."""
    splits = {name: data.split(name)[:2] for name in ("train", "validation")}
    rows = []
    for method, rules in (("otsu", _otsu_rules()), ("multi_otsu", _multi_otsu_rules())):
        scores = {name: mean_dice(rule, *splits["train"]) for name, rule in rules.items()}
        chosen = max(scores, key=lambda name: scores[name])
        rows.append(
            {
                "method": method,
                "foreground": chosen,
                "val_dice_coefficient": mean_dice(rules[chosen], *splits["validation"]),
                "train_dice_coefficient": scores[chosen],
            }
        )
    return rows


def mean_dice(segment: Segment, images: np.ndarray, masks: np.ndarray) -> float:
    """Mean over images (n, h, w) of the Dice of `segment`; empty against empty is 1."""
    scores = []
    for image, mask in zip(images, masks, strict=True):
        predicted, truth = segment(image), mask.astype(bool)
        size = int(predicted.sum()) + int(truth.sum())
        scores.append(2 * int((predicted & truth).sum()) / size if size else 1.0)
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
    return image > _bounds(image, classes)[-1]


def _darkest(classes: int, image: np.ndarray) -> np.ndarray:
    return image <= _bounds(image, classes)[0]


def _bounds(image: np.ndarray, classes: int) -> np.ndarray:
    """The thresholds between `classes` classes; fewer for an image with fewer grey values."""
    return threshold_multiotsu(image, min(classes, len(np.unique(image))))
