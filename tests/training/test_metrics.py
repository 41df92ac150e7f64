"""Scores compared with SciPy and scikit-learn, known cases, and the choice of the threshold."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.distance import dice as scipy_dice_distance
from sklearn.metrics import jaccard_score

from segsweep.config.training_config import TrainingConfig
from segsweep.core import overlap
from segsweep.core.files import read_json
from segsweep.data.dataset import ProcessedSet
from segsweep.inference.saved_model import SavedModel
from segsweep.training.engine import EVALUATION_BATCH
from segsweep.training.fit import train
from segsweep.training.metrics import (
    THRESHOLDS,
    choose_threshold,
    confusion_counts,
    dice,
    iou,
    soft_dice,
)

Masks = tuple[torch.Tensor, torch.Tensor]


@pytest.fixture
def masks() -> Masks:
    """Predicted and true masks with 1 to 99 % of foreground."""
    generator = torch.Generator().manual_seed(0)
    shares = torch.tensor([0.01, 0.3, 0.7, 0.99])[:, None, None, None]
    predicted = torch.rand(4, 1, 32, 48, generator=generator) < shares
    truth = torch.rand(4, 1, 32, 48, generator=generator) < shares.flip(0)
    return predicted, truth


def test_dice_and_iou_agree_with_scipy_and_scikit_learn(masks: Masks) -> None:
    counts = confusion_counts(*masks)
    for i, (predicted, truth) in enumerate(zip(*masks, strict=True)):
        p, t = predicted.flatten().numpy(), truth.flatten().numpy()
        assert float(dice(counts)[i]) == pytest.approx(1 - scipy_dice_distance(p, t))
        assert float(iou(counts)[i]) == pytest.approx(jaccard_score(t, p))


def test_arrays_and_tensors_give_the_same_bits(masks: Masks) -> None:
    counts = confusion_counts(*masks)
    arrays = [mask[:, 0].numpy() for mask in masks]
    np.testing.assert_array_equal(overlap.confusion_counts(*arrays), counts)
    for score in (overlap.dice, overlap.iou):
        np.testing.assert_array_equal(score(counts.numpy().astype(float)), score(counts.double()))


def test_perfect_disjoint_and_empty_masks() -> None:
    empty, full = torch.zeros(1, 8, 8, dtype=torch.bool), torch.ones(1, 8, 8, dtype=torch.bool)
    assert float(dice(confusion_counts(full, full))) == 1
    assert float(dice(confusion_counts(empty, full))) == 0
    assert float(dice(confusion_counts(full, empty))) == 0
    both_empty = confusion_counts(empty, empty)
    assert float(dice(both_empty)) == float(iou(both_empty)) == 1


def test_counts_are_exact_beyond_half_precision() -> None:
    full = torch.ones(1, 300, 300, dtype=torch.bool)
    assert confusion_counts(full, full).tolist() == [[90_000, 0, 0]]


def test_counts_refuse_other_than_two_bool_masks_of_one_shape() -> None:
    with pytest.raises(ValueError, match="expected two bool tensors of one shape"):
        confusion_counts(torch.zeros(1, 4, 4), torch.zeros(1, 4, 4, dtype=torch.bool))


def test_soft_dice_of_certain_probabilities_is_nearly_dice(masks: Masks) -> None:
    predicted, truth = masks
    soft = soft_dice(predicted.float(), truth.float())
    np.testing.assert_allclose(soft, dice(confusion_counts(predicted, truth)), atol=0.05)


def counts_at(hits: dict[float, int]) -> torch.Tensor:
    """Return counts of an image with 10 foreground pixels, from true positives by threshold."""
    return torch.tensor([[[hits.get(t, 0), 0, 10 - hits.get(t, 0)]] for t in THRESHOLDS])


def test_among_equal_thresholds_the_nearest_to_a_half_is_chosen() -> None:
    assert choose_threshold(counts_at(dict.fromkeys(THRESHOLDS, 5)))["chosen"] == 0.5
    assert choose_threshold(counts_at({0.1: 9, 0.35: 9, 0.7: 9}))["chosen"] == 0.35
    assert choose_threshold(counts_at({0.4: 9, 0.6: 9}))["chosen"] == 0.4
    threshold = choose_threshold(counts_at({0.95: 9, 0.5: 5}))
    assert threshold["chosen"] == 0.95
    assert threshold["val_dice_coefficient"] == pytest.approx(18 / 19, abs=1e-15)
    assert threshold["val_dice_coefficient_at_half"] == pytest.approx(10 / 15, abs=1e-15)


def test_the_chosen_threshold_has_the_highest_dice_by_counting_pixels(
    config: TrainingConfig, nuclei: ProcessedSet, tmp_path: Path
) -> None:
    train(dataclasses.replace(config, epochs=1), nuclei, tmp_path, "key")
    model = SavedModel.read(tmp_path)
    images, masks, _ = nuclei.split("validation")
    batches = np.split(images, range(EVALUATION_BATCH, len(images), EVALUATION_BATCH))
    with model.load() as engine:
        outputs = [engine.probabilities(torch.from_numpy(b)[:, None])[:, 0] for b in batches]
    probability = torch.cat(outputs).numpy()
    mean_dice = {}
    for threshold in THRESHOLDS:
        predicted = probability >= threshold
        hits = (predicted & (masks > 0)).sum((1, 2))
        mean_dice[threshold] = (2 * hits / (predicted.sum((1, 2)) + masks.sum((1, 2)))).mean()
    highest = pytest.approx(max(mean_dice.values()), abs=1e-12)
    assert model.threshold["val_dice_coefficient"] == highest
    assert mean_dice[model.threshold["chosen"]] == highest
    metrics = read_json(tmp_path / "metrics.json")
    at_half = model.threshold["val_dice_coefficient_at_half"]
    assert at_half == metrics["val_dice_coefficient"]
