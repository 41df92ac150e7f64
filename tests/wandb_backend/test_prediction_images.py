"""Validation images as W&B shows them: the names and values of mask pixels."""

import numpy as np
from PIL import Image

from segsweep.data.dataset import IGNORED, ProcessedSet
from segsweep.wandb_backend.prediction_images import prediction_images


def shown_masks(masks: np.ndarray) -> list[tuple[set[int], dict[int, str]]]:
    """Return the values and the class labels of each true mask."""
    names = [str(i) for i in range(len(masks))]
    data = ProcessedSet(np.zeros_like(masks), masks, names, names, ["validation"] * len(masks))
    shown = []
    for image in prediction_images(data, np.zeros_like(masks), len(masks)):
        mask = image._masks["mask"]
        with Image.open(mask._path) as picture:
            shown.append((set(np.unique(picture).tolist()), mask._val["class_labels"]))
    return shown


def test_ignored_pixels_have_a_name_of_their_own_in_all_images() -> None:
    masks = np.zeros((2, 8, 8), np.uint8)
    masks[:, :4, :4] = 1
    labels = {0: "background", 1: "foreground"}
    assert shown_masks(masks) == [({0, 1}, labels)] * 2
    masks[0, 6:] = IGNORED
    labels[IGNORED] = "ignored"
    assert shown_masks(masks) == [({0, 1, IGNORED}, labels), ({0, 1}, labels)]
