"""Ignored pixels count neither in a loss and its gradient nor in a score."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix, f1_score, jaccard_score, log_loss

from model_example import with_ignored
from segsweep.config.training_config import TrainingConfig
from segsweep.core.files import read_json
from segsweep.data.dataset import IGNORED, ProcessedSet
from segsweep.inference.predict_split import predict_split
from segsweep.inference.saved_model import SavedModel
from segsweep.training.augmentation import augment, draw_params, symmetries
from segsweep.training.dataloader import SplitLoader
from segsweep.training.engine import EVALUATION_BATCH
from segsweep.training.fit import Outcome, fit, train
from segsweep.training.losses import LOSSES
from segsweep.training.metrics import (
    THRESHOLDS,
    confusion_counts,
    counted_pixels,
    dice,
    iou,
    soft_dice,
)
from segsweep.training.trainer import Trainer

CPU = torch.device("cpu")


@pytest.fixture
def masks() -> torch.Tensor:
    """Random masks of 0, 1 and IGNORED; one without foreground, and one that is all ignored."""
    generator = torch.Generator().manual_seed(0)
    masks = torch.randint(2, (6, 1, 12, 20), generator=generator, dtype=torch.uint8)
    masks[4] = 0
    masks[torch.rand(masks.shape, generator=generator) < 0.3] = IGNORED
    masks[5] = IGNORED
    return masks


@pytest.fixture
def logits(masks: torch.Tensor) -> torch.Tensor:
    return 3 * torch.randn(masks.shape, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def ignored(nuclei: ProcessedSet) -> ProcessedSet:
    return with_ignored(nuclei)


def expected_losses(logits: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Return the losses of the counted pixels of one image, (pixels,)."""
    p = 1 / (1 + np.exp(-logits.astype(float)))
    bce = log_loss(truth, p, labels=[0, 1])
    overlap = 1 - (2 * (p * truth).sum() + 1) / (p.sum() + truth.sum() + 1)
    return {"bce": bce, "dice": overlap, "bce_dice": bce + overlap}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_are_those_of_the_counted_pixels(
    name: str, masks: torch.Tensor, logits: torch.Tensor
) -> None:
    losses = LOSSES[name](logits, masks.float(), masks != IGNORED)
    for image, mask, loss in zip(logits[:5], masks[:5], losses, strict=False):
        counted = mask != IGNORED
        expected = expected_losses(image[counted].numpy(), mask[counted].numpy())[name]
        assert float(loss) == pytest.approx(expected, rel=1e-5)
    assert float(losses[5]) == 0, "an image without counted pixels"


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_are_those_of_the_counted_pixels(
    name: str, masks: torch.Tensor, logits: torch.Tensor
) -> None:
    counted = masks != IGNORED
    logits.requires_grad_()
    LOSSES[name](logits, masks.float(), counted).sum().backward()
    assert logits.grad is not None
    assert not logits.grad[~counted].any()
    for i in range(5):
        few = logits.detach()[i][counted[i]][None].requires_grad_()
        LOSSES[name](few, masks[i][counted[i]][None].float()).sum().backward()
        torch.testing.assert_close(logits.grad[i][counted[i]], few.grad[0])


@pytest.mark.parametrize("name", LOSSES)
def test_what_is_predicted_or_drawn_in_ignored_pixels_has_no_effect(
    name: str, masks: torch.Tensor, logits: torch.Tensor
) -> None:
    counted, truth = masks != IGNORED, (masks == 1).float()
    other, misleading = logits.where(counted, 30.0), truth.where(counted, 1.0)
    results = []
    for values, mask in ((logits, truth), (other, misleading)):
        leaf = values.clone().requires_grad_()
        loss = LOSSES[name](leaf, mask, counted)
        loss.sum().backward()
        probability = values.sigmoid()
        counts = confusion_counts(probability >= 0.5, mask.bool(), counted)
        results.append((loss, leaf.grad, soft_dice(probability, mask, counted), counts))
    for first, second in zip(*results, strict=True):
        assert torch.equal(first, second)


def test_counts_agree_with_scikit_learn(masks: torch.Tensor, logits: torch.Tensor) -> None:
    predicted, counted = logits > 0, masks != IGNORED
    counts = confusion_counts(predicted, masks.bool(), counted)
    for i in range(5):
        flat = masks[i][counted[i]].numpy(), predicted[i][counted[i]].numpy()
        (_, wrong), (missed, hits) = confusion_matrix(*flat, labels=[0, 1])
        assert counts[i].tolist() == [hits, wrong, missed]
        assert float(dice(counts)[i]) == pytest.approx(f1_score(*flat), abs=1e-15)
        assert float(iou(counts)[i]) == pytest.approx(jaccard_score(*flat), abs=1e-15)


def test_an_image_without_counted_pixels_has_dice_1(
    masks: torch.Tensor, logits: torch.Tensor
) -> None:
    counts = confusion_counts(logits > 0, masks.bool(), masks != IGNORED)[5]
    assert counts.tolist() == [0, 0, 0]
    assert float(dice(counts)) == float(iou(counts)) == 1
    assert float(soft_dice(logits.sigmoid(), masks, masks != IGNORED)[5]) == 1


def test_without_ignored_pixels_nothing_is_selected(masks: torch.Tensor) -> None:
    assert counted_pixels(masks, False) is None


@pytest.mark.parametrize("size", [(16, 16), (12, 20)])
def test_augmentation_keeps_ignored_pixels_exact(size: tuple[int, int]) -> None:
    """Images are brighter in foreground and still brighter in ignored pixels."""
    generator = torch.Generator().manual_seed(0)
    masks = torch.tensor([0, 1, IGNORED], dtype=torch.uint8)
    masks = masks[torch.randint(3, (32, 1, *size), generator=generator)]
    images = 100 * (masks > 0).to(torch.uint8) + 100 * (masks == IGNORED).to(torch.uint8)
    params = draw_params(32, size[0] == size[1], 1.0, generator)
    moved, moved_masks = augment(images, masks, params, symmetries(*size, CPU))
    assert not torch.equal(moved_masks, masks.float())
    assert set(moved_masks.unique().tolist()) == {0, 1, IGNORED}
    for image, mask in zip(moved, moved_masks, strict=True):
        greys = [image[mask == value].unique() for value in (0, 1, IGNORED)]
        assert [len(grey) for grey in greys] == [1, 1, 1]
        assert greys[0] < greys[1] < greys[2]


def test_the_flag_is_of_the_split_and_the_same_wherever_batches_are(
    nuclei: ProcessedSet, ignored: ProcessedSet
) -> None:
    only_test = np.array(nuclei.masks)
    only_test[nuclei.splits.index("test"), 0, 0] = IGNORED
    mixed = dataclasses.replace(nuclei, masks=only_test, pixel_hashes=[])
    for data, split, expected in (
        (ignored, "train", True),
        (mixed, "train", False),
        (mixed, "test", True),
    ):
        for memory in (1 << 40, 1000):
            loader = SplitLoader(data, split, 0, CPU, memory)
            batches = list(loader.sequential_batches(8))
            assert {batch.has_ignored for batch in batches} == {expected}
            stored = torch.cat([batch.masks for batch in batches])[:, 0].numpy()
            np.testing.assert_array_equal(stored, data.masks[loader.rows])


def test_a_step_has_the_loss_of_the_counted_pixels(
    config: TrainingConfig, ignored: ProcessedSet
) -> None:
    """Batch normalisation sees whole images, so the logits are those of the whole batch."""
    trainer = Trainer(dataclasses.replace(config, dropout=0.0, mixed_precision=False), ignored)
    indices = trainer.train_loader.batch_indices(1, trainer.batch_size)
    (params, *_) = trainer.augmentation_params(1, indices)
    batch = next(trainer.train_loader.batches(indices))
    images, masks = augment(batch.images, batch.masks, params, trainer.engine.symmetries)
    trainer.engine.network.train()
    with torch.no_grad():
        logits = trainer.engine.logits(images).numpy()
    counted = masks.numpy() != IGNORED
    losses = [
        expected_losses(one[c], mask[c])[config.loss] if c.any() else 0.0
        for one, mask, c in zip(logits, masks.numpy(), counted, strict=True)
    ]
    loss = trainer.engine.train_step(batch, params, 0.001)
    assert float(loss) == pytest.approx(np.mean(losses), rel=1e-4)


def dice_of_counted(predicted: np.ndarray, masks: np.ndarray) -> list[float]:
    scores = []
    for found, mask in zip(predicted, masks, strict=True):
        p, t = found[mask != IGNORED], mask[mask != IGNORED]
        total = int(p.sum()) + int(t.sum())
        scores.append(2 * int((p & t).sum()) / total if total else 1.0)
    return scores


def test_all_scores_of_a_training_are_of_the_counted_pixels(
    config: TrainingConfig, ignored: ProcessedSet, tmp_path: Path
) -> None:
    outcome = train(dataclasses.replace(config, epochs=2), ignored, tmp_path, "key")
    _, masks, _ = ignored.split("validation")
    assert outcome.predictions is not None
    assert outcome.threshold is not None
    expected = dice_of_counted(outcome.predictions, masks)
    assert [row["dice"] for row in outcome.images] == pytest.approx(expected, abs=1e-15)
    assert outcome.images[0]["dice"] == 1, "wholly ignored"
    mean = pytest.approx(np.mean(expected), abs=1e-12)
    assert read_json(tmp_path / "metrics.json")["val_dice_coefficient"] == mean
    assert outcome.threshold["val_dice_coefficient_at_half"] == mean
    model = SavedModel.read(tmp_path)
    images, _, _ = ignored.split("validation")
    with model.load() as engine:
        probability = torch.cat(
            [
                engine.probabilities(torch.from_numpy(part)[:, None])[:, 0]
                for part in np.split(images, range(EVALUATION_BATCH, len(images), EVALUATION_BATCH))
            ]
        ).numpy()
    by_threshold = {t: np.mean(dice_of_counted(probability >= t, masks)) for t in THRESHOLDS}
    assert outcome.threshold["val_dice_coefficient"] == pytest.approx(max(by_threshold.values()))
    prediction = predict_split(model, ignored, "validation")
    assert [row["dice"] for row in prediction.images] == [row["dice"] for row in outcome.images]


def test_misleading_truth_that_is_ignored_does_no_harm(
    config: TrainingConfig, nuclei: ProcessedSet
) -> None:
    """In the left two thirds of the training masks foreground and background are exchanged."""
    train_rows = [i for i, split in enumerate(nuclei.splits) if split == "train"]
    left = (train_rows, slice(None), slice(nuclei.masks.shape[2] * 2 // 3))

    def best(masks: np.ndarray) -> float:
        data = dataclasses.replace(nuclei, masks=masks, pixel_hashes=[])
        outcome: Outcome = fit(dataclasses.replace(config, epochs=6, batch_size=4), data)
        return float(outcome.metrics["val_dice_coefficient"])

    wrong, void = np.array(nuclei.masks), np.array(nuclei.masks)
    wrong[left] = 1 - wrong[left]
    void[left] = IGNORED
    assert best(void) > best(wrong) + 0.2
