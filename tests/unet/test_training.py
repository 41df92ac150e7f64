"""The training: pure in its key, the same after a kill, and honest about failure."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from segsweep.data.arrays import ProcessedSet
from segsweep.errors import UserError
from segsweep.unet import training
from segsweep.unet.augment import augment
from segsweep.unet.config import TrainingConfig
from segsweep.unet.dice import bce_dice_loss
from segsweep.unet.network import UNet
from segsweep.unet.run import train
from segsweep.unet.training import Outcome, Trainer, fit


def same(one: Outcome, other: Outcome) -> bool:
    return (
        one.metrics == other.metrics
        and one.history == other.history
        and one.images == other.images
        and all(torch.equal(t, other.weights[n]) for n, t in one.weights.items())
    )


def test_one_configuration_gives_one_result_and_another_seed_another(
    config: TrainingConfig, nuclei: ProcessedSet
) -> None:
    first = fit(config, nuclei)
    torch.rand(7)
    assert same(first, fit(config, nuclei))
    assert not same(first, fit(dataclasses.replace(config, seed=1), nuclei))


def test_it_learns(config: TrainingConfig, nuclei: ProcessedSet) -> None:
    outcome = fit(dataclasses.replace(config, epochs=8, batch_size=4), nuclei)
    assert outcome.metrics["val_dice_coefficient"] > 0.7


def test_a_killed_training_goes_on_to_the_same_bits(
    config: TrainingConfig,
    nuclei: ProcessedSet,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class KillError(Exception):
        pass

    def kill(row: dict[str, float]) -> None:
        if row["epoch"] == 3:
            raise KillError

    whole = fit(config, nuclei)
    with pytest.raises(KillError):
        fit(config, nuclei, tmp_path, kill)
    told: list[float] = []
    trained: list[Trainer] = []
    run_epoch = Trainer.run_epoch
    monkeypatch.setattr(Trainer, "run_epoch", lambda self: trained.append(self) or run_epoch(self))
    resumed = fit(config, nuclei, tmp_path, lambda row: told.append(row["epoch"]))
    assert told == [1, 2, 3]
    assert len(trained) == 1
    assert same(whole, resumed)


@pytest.mark.parametrize("damage", ["truncated", "foreign"])
def test_a_checkpoint_that_cannot_be_trusted_is_not_used(
    config: TrainingConfig, nuclei: ProcessedSet, tmp_path: Path, damage: str
) -> None:
    whole = fit(config, nuclei)
    fit(dataclasses.replace(config, seed=5) if damage == "foreign" else config, nuclei, tmp_path)
    if damage == "truncated":
        file = next(tmp_path.iterdir())
        file.write_bytes(file.read_bytes()[:1000])
    assert same(whole, fit(config, nuclei, tmp_path))


def test_the_metrics_are_the_best_epochs_and_follow_from_the_images(
    config: TrainingConfig, nuclei: ProcessedSet
) -> None:
    outcome = fit(config, nuclei)
    scores = [row["val_dice_coefficient"] for row in outcome.history]
    assert outcome.metrics["val_dice_coefficient"] == max(scores)
    assert outcome.metrics["best_epoch"] == scores.index(max(scores)) + 1
    assert np.mean([row["dice"] for row in outcome.images]) == pytest.approx(max(scores), abs=1e-12)
    _, masks, _ = nuclei.split("validation")
    assert outcome.predictions is not None
    hits = np.sum(outcome.predictions & masks)
    assert sum(row["true_positives"] for row in outcome.images) == hits


def test_a_batch_larger_than_the_split_is_the_whole_split(
    config: TrainingConfig, nuclei: ProcessedSet
) -> None:
    large = fit(dataclasses.replace(config, batch_size=64, epochs=1), nuclei)
    assert large.metrics["effective_batch_size"] == 36
    whole = fit(dataclasses.replace(config, batch_size=36, epochs=1), nuclei)
    assert large.history == whole.history


def test_l2_is_the_sum_of_squared_kernels_added_to_the_loss(
    config: TrainingConfig, nuclei: ProcessedSet
) -> None:
    """The first step of Adam only shows signs of gradients, so the gradients are compared."""
    factor = 0.01
    trainer = Trainer(dataclasses.replace(config, l2_reg=factor, dropout=0.0), nuclei)
    trainer.network.train()
    images, masks = trainer.train.batch(torch.arange(4))
    drawn = augment(images, masks, torch.Generator().manual_seed(1))
    bce_dice_loss(trainer.predict(drawn[0]), drawn[1]).mean().backward()
    without = {
        n: p.grad.clone() for n, p in trainer.network.named_parameters() if p.grad is not None
    }
    weights = {n: p.detach().clone() for n, p in trainer.network.named_parameters()}
    trainer.optimizer.step = lambda *a, **k: None  # type: ignore[method-assign]
    trainer.step(torch.arange(4), torch.Generator().manual_seed(1))
    for name, parameter in trainer.network.named_parameters():
        penalty = 2 * factor * weights[name] if parameter.ndim == 4 else 0
        assert parameter.grad is not None
        torch.testing.assert_close(parameter.grad, without[name] + penalty, msg=name)


def test_divergence_is_a_result(config: TrainingConfig, nuclei: ProcessedSet) -> None:
    outcome = fit(dataclasses.replace(config, learning_rate=1e30), nuclei)
    assert outcome.metrics["status"] == "diverged"
    assert "epoch 1" in outcome.metrics["reason"]
    assert outcome.metrics["val_dice_coefficient"] is None


def test_running_out_of_memory_is_a_result(
    config: TrainingConfig, nuclei: ProcessedSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_large(self: UNet, x: torch.Tensor) -> torch.Tensor:
        raise torch.OutOfMemoryError("tried to allocate 80 GiB")

    monkeypatch.setattr(UNet, "forward", too_large)
    outcome = fit(config, nuclei)
    assert outcome.metrics["status"] == "out_of_memory"
    assert outcome.metrics["reason"] == "batch of 8: tried to allocate 80 GiB"


def test_the_files_are_the_outcome_and_metrics_come_last(
    config: TrainingConfig, nuclei: ProcessedSet, tmp_path: Path
) -> None:
    def before(outcome: Outcome) -> None:
        assert (tmp_path / "model.safetensors").exists()
        assert not (tmp_path / "metrics.json").exists()

    outcome = train(config, nuclei, tmp_path, "abc", before_metrics=before)
    weights = load_file(tmp_path / "model.safetensors")
    assert all(torch.equal(weights[name], tensor) for name, tensor in outcome.weights.items())
    network = UNet(config.base_channels, config.depth, config.dropout)
    network.load_state_dict(weights)
    assert len((tmp_path / "history.csv").read_text().splitlines()) == 1 + config.epochs
    assert '"key": "abc"' in (tmp_path / "metrics.json").read_text()


def test_images_of_another_size_are_refused(config: TrainingConfig, nuclei: ProcessedSet) -> None:
    with pytest.raises(UserError, match="measure 64 x 64, expected input_shape 128 x 128"):
        fit(dataclasses.replace(config, input_shape=(128, 128, 1)), nuclei)


def test_augmentation_keeps_masks_on_their_images() -> None:
    images = torch.rand(16, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    masks = (images > 0.5).float()
    moved, moved_masks = augment(images, masks, torch.Generator().manual_seed(2))
    for i in range(16):
        inside, outside = moved[i][moved_masks[i] == 1], moved[i][moved_masks[i] == 0]
        assert inside.min() > outside.max()
    again = augment(images, masks, torch.Generator().manual_seed(2))
    assert torch.equal(moved, again[0])
    assert not torch.equal(moved, augment(images, masks, torch.Generator().manual_seed(3))[0])


def test_the_step_is_timed_without_touching_the_result(
    config: TrainingConfig, nuclei: ProcessedSet
) -> None:
    alone = fit(config, nuclei)
    assert 0 < training.time_step(config, nuclei) < 60
    assert same(alone, fit(config, nuclei))
