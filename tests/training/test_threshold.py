"""The threshold that would have been best for the validation images."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from segsweep.config.training_config import TrainingConfig
from segsweep.core.files import read_json
from segsweep.data.dataset import ProcessedSet
from segsweep.inference.saved_model import Model
from segsweep.training.engine import EVALUATION_BATCH
from segsweep.training.run import train
from segsweep.training.threshold import GRID, choose


def counts(hits: dict[float, int]) -> torch.Tensor:
    """One image of 10 foreground pixels, of which so many are found at a threshold."""
    return torch.tensor([[[hits.get(t, 0), 0, 10 - hits.get(t, 0)]] for t in GRID])


def test_of_equal_thresholds_the_nearest_to_a_half_is_chosen() -> None:
    assert choose(counts(dict.fromkeys(GRID, 5)))["chosen"] == 0.5
    assert choose(counts({0.1: 9, 0.35: 9, 0.7: 9}))["chosen"] == 0.35
    assert choose(counts({0.4: 9, 0.6: 9}))["chosen"] == 0.4
    told = choose(counts({0.95: 9, 0.5: 5}))
    assert told["chosen"] == 0.95
    assert told["val_dice_coefficient"] == pytest.approx(18 / 19, abs=1e-15)
    assert told["val_dice_coefficient_at_half"] == pytest.approx(10 / 15, abs=1e-15)


def test_it_is_the_best_of_the_grid_by_counting_and_at_a_half_what_was_trained_for(
    config: TrainingConfig, nuclei: ProcessedSet, tmp_path: Path
) -> None:
    train(dataclasses.replace(config, epochs=1), nuclei, tmp_path, "key")
    model = Model.read(tmp_path)
    images, masks, _ = nuclei.split("validation")
    with model.ready() as engine:
        probability = np.concatenate(
            [
                engine.probabilities(torch.from_numpy(part)[:, None])[:, 0].numpy()
                for part in np.split(images, range(EVALUATION_BATCH, len(images), EVALUATION_BATCH))
            ]
        )
    dice = {}
    for threshold in GRID:
        found = probability >= threshold
        each = 2 * (found & (masks > 0)).sum((1, 2)) / (found.sum((1, 2)) + masks.sum((1, 2)))
        dice[threshold] = each.mean()
    told = model.threshold
    assert told["val_dice_coefficient"] == pytest.approx(max(dice.values()), abs=1e-12)
    assert dice[told["chosen"]] == pytest.approx(max(dice.values()), abs=1e-12)
    trained_for = read_json(tmp_path / "metrics.json")["val_dice_coefficient"]
    assert told["val_dice_coefficient_at_half"] == trained_for
