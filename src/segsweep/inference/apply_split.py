"""A finished training applied to a split: what its network makes of each image.

The arithmetic is the one in which the best epoch was measured, so on the same kind of machine the
validation images come out as the training left them in `images.csv`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from segsweep.config.training_config import TrainingConfig
from segsweep.core.errors import UserError
from segsweep.data.dataset import ProcessedSet
from segsweep.inference.saved_model import Model
from segsweep.pipeline import environment
from segsweep.training.dataloader import Split
from segsweep.training.engine import EVALUATION_BATCH, THRESHOLD
from segsweep.training.evaluation import Evaluation
from segsweep.training.metrics import iou


@dataclass(frozen=True)
class Applied:
    """`images`: a row for each (name; true positives, false positives and false negatives in pixels
    of the processed image; Dice and IoU in 0 to 1). `predicted`: their masks, uint8 (n, height,
    width), 0 or 1.
    """

    images: list[dict[str, Any]]
    predicted: np.ndarray


def apply(model: Model, data: ProcessedSet, name: str, threshold: float = THRESHOLD) -> Applied:
    """What the network makes of the split `name` of `data`, foreground being p >= `threshold`.

    Raises `UserError` when the weights cannot be read or do not fit, when the images have another
    size, and when the device fails.
    """
    with model.ready() as engine:
        memory = environment.select(model.config.device).memory
        split = Split(data, name, model.config.seed, engine.device, memory)
        _check_size(split, model.config)
        batches = split.in_order(EVALUATION_BATCH)
        judged = zip(*(engine.judge(batch, threshold) for batch in batches), strict=True)
        found = Evaluation(*(torch.cat(column).cpu() for column in judged))
    assert found.predicted is not None
    rows = zip(found.per_image(split.names), iou(found.count).tolist(), strict=True)
    images = [row | {"iou": score} for row, score in rows]
    return Applied(images, found.predicted.to(torch.uint8).numpy())


def _check_size(split: Split, config: TrainingConfig) -> None:
    if split.shape != config.input_shape[:2]:
        found, expected = (" x ".join(map(str, s)) for s in (split.shape, config.input_shape[:2]))
        raise UserError(
            f"the processed images measure {found}, expected {expected}, on which the network was "
            "trained; apply it to the processed set that it was trained on"
        )
