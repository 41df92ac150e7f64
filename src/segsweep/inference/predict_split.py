"""Predict a split of the processed set with a saved model, and score each image.

The dtype is that of the model's best epoch, so on the same kind of machine the validation images
get the same scores as in the training's `images.csv`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from segsweep.config.training_config import TrainingConfig
from segsweep.core.errors import UserError
from segsweep.data.dataset import ProcessedSet
from segsweep.inference.saved_model import SavedModel
from segsweep.pipeline import environment
from segsweep.training.dataloader import SplitLoader
from segsweep.training.engine import EVALUATION_BATCH
from segsweep.training.metrics import THRESHOLD, Evaluation, iou


@dataclass(frozen=True)
class SplitPrediction:
    """Predictions for the n images of a split.

    Attributes:
        images: A row for each image: name; true positives, false positives and false negatives in
            pixels of the processed image; Dice and IoU in 0 to 1.
        predicted: Masks, uint8 (n, height, width), 0 or 1.
    """

    images: list[dict[str, Any]]
    predicted: np.ndarray


def predict_split(
    model: SavedModel, data: ProcessedSet, name: str, threshold: float = THRESHOLD
) -> SplitPrediction:
    """Predict all images of a split; a probability of at least `threshold` is foreground.

    Raises:
        UserError: The weights cannot be read or do not fit the configuration, the images have
            another size, or the device failed.
    """
    with model.load() as engine:
        memory = environment.select(model.config.device).memory
        loader = SplitLoader(data, name, model.config.seed, engine.device, memory)
        _check_size(loader, model.config)
        batches = loader.sequential_batches(EVALUATION_BATCH)
        results = zip(*(engine.eval_step(batch, threshold) for batch in batches), strict=True)
        evaluation = Evaluation(*(torch.cat(column).cpu() for column in results))
    assert evaluation.predicted is not None
    rows = zip(evaluation.per_image(loader.names), iou(evaluation.counts).tolist(), strict=True)
    images = [row | {"iou": score} for row, score in rows]
    return SplitPrediction(images, evaluation.predicted.to(torch.uint8).numpy())


def _check_size(loader: SplitLoader, config: TrainingConfig) -> None:
    if loader.shape != config.input_shape[:2]:
        found, expected = (" x ".join(map(str, s)) for s in (loader.shape, config.input_shape[:2]))
        raise UserError(
            f"found processed images of {found} pixels, expected {expected}, the size on which the "
            "model was trained; use the processed set that it was trained on"
        )
