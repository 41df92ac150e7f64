"""Whole trainings: reproducible, resumable to the same bits, and failures as results."""

import dataclasses
import itertools
import json
import os
import pickle
import random
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from segsweep.config.training_config import TrainingConfig
from segsweep.core.errors import UserError
from segsweep.data.dataset import ProcessedSet
from segsweep.pipeline import environment
from segsweep.pipeline.environment import select
from segsweep.training import checkpoint, resource_estimate
from segsweep.training import fit as fit_module
from segsweep.training.engine import Engine
from segsweep.training.fit import Outcome, fit, train
from segsweep.training.trainer import Trainer
from segsweep.training.unet import UNet
from unsafe_pickle import Unpickled


def same(first: Outcome, second: Outcome) -> bool:
    return (
        first.metrics == second.metrics
        and first.history == second.history
        and first.images == second.images
        and all(torch.equal(t, second.weights[n]) for n, t in first.weights.items())
    )


def test_a_configuration_decides_the_result(config: TrainingConfig, nuclei: ProcessedSet) -> None:
    first = fit(config, nuclei)
    torch.rand(7)
    assert same(first, fit(config, nuclei))
    assert not same(first, fit(dataclasses.replace(config, seed=1), nuclei))


def test_the_network_learns(config: TrainingConfig, nuclei: ProcessedSet) -> None:
    outcome = fit(dataclasses.replace(config, epochs=8, batch_size=4), nuclei)
    assert outcome.metrics["val_dice_coefficient"] > 0.7


def test_a_killed_training_resumes_to_the_same_bits(
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
    epochs: list[float] = []
    trained: list[Trainer] = []
    run_epoch = Trainer.run_epoch
    monkeypatch.setattr(Trainer, "run_epoch", lambda self: trained.append(self) or run_epoch(self))
    resumed = fit(config, nuclei, tmp_path, lambda row: epochs.append(row["epoch"]))
    assert epochs == [1, 2, 3]
    assert len(trained) == 1
    assert same(whole, resumed)


@pytest.mark.parametrize("damage", ["truncated", "another training", "a pickle"])
def test_a_checkpoint_that_cannot_be_trusted_is_not_used(
    config: TrainingConfig, nuclei: ProcessedSet, tmp_path: Path, damage: str
) -> None:
    whole = fit(config, nuclei)
    saved_config = dataclasses.replace(config, seed=5) if damage == "another training" else config
    fit(saved_config, nuclei, tmp_path)
    if damage == "truncated":
        file = next(tmp_path.iterdir())
        file.write_bytes(file.read_bytes()[:1000])
    if damage == "a pickle":
        next(tmp_path.iterdir()).write_bytes(pickle.dumps(Unpickled(tmp_path / "loaded")))
    assert same(whole, fit(config, nuclei, tmp_path))
    assert not (tmp_path / "loaded").exists()


def test_a_checkpoint_with_a_flipped_bit_is_not_used(
    config: TrainingConfig, nuclei: ProcessedSet, tmp_path: Path
) -> None:
    trainer = Trainer(config, nuclei)
    trainer.run_epoch()
    checkpoint.save(tmp_path, trainer.inputs, trainer.state())
    file = tmp_path / checkpoint.FILE
    content, intact = file.read_bytes(), checkpoint.load(tmp_path, trainer.inputs)
    assert intact is not None
    header = 8 + int.from_bytes(content[:8], "little")
    chance = random.Random(0)
    places = [chance.randrange(8, header) for _ in range(150)]  # names, history, shapes
    places += [chance.randrange(len(content)) for _ in range(50)]
    refused = 0
    for place in places:
        damaged = bytearray(content)
        damaged[place] ^= 1 << chance.randrange(8)
        file.write_bytes(damaged)
        loaded = checkpoint.load(tmp_path, trainer.inputs)
        refused += loaded is None
        if loaded is not None:  # the bit has no meaning, as in padding
            assert loaded.state == intact.state
            assert loaded.tensors.keys() == intact.tensors.keys()
            assert all(torch.equal(loaded.tensors[k], intact.tensors[k]) for k in loaded.tensors)
    assert refused > 0.9 * len(places)


def test_a_checkpoint_of_other_data_is_not_used(
    config: TrainingConfig, nuclei: ProcessedSet, tmp_path: Path
) -> None:
    swapped = {"train": "train", "validation": "test", "test": "validation"}
    others = [swapped[split] for split in nuclei.splits]
    other = dataclasses.replace(nuclei, splits=others, identity="other")
    fit(config, nuclei, tmp_path)
    assert same(fit(config, other), fit(config, other, tmp_path))


def test_metrics_are_those_of_the_best_epoch_and_follow_from_the_images(
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


def test_a_batch_size_above_the_split_uses_the_whole_split(
    config: TrainingConfig, nuclei: ProcessedSet
) -> None:
    large = fit(dataclasses.replace(config, batch_size=64, epochs=1), nuclei)
    assert large.metrics["effective_batch_size"] == 36
    whole = fit(dataclasses.replace(config, batch_size=36, epochs=1), nuclei)
    assert large.history == whole.history


def test_divergence_is_a_result(config: TrainingConfig, nuclei: ProcessedSet) -> None:
    outcome = fit(dataclasses.replace(config, learning_rate=1e30), nuclei)
    assert outcome.metrics["status"] == "diverged"
    assert "epoch 1" in outcome.metrics["reason"]
    assert outcome.metrics["val_dice_coefficient"] is None


needs_autocast = pytest.mark.skipif(
    select("cpu").autocast == "float32", reason="NOT CHECKED: this CPU has no bfloat16"
)


def break_network(monkeypatch: pytest.MonkeyPatch, from_call: int, always: bool) -> None:
    """Make logits infinite from a call of the network on: with autocast only, or always."""
    logits_of, calls = Engine.logits, itertools.count()

    def broken(self: Engine, images: torch.Tensor) -> torch.Tensor:
        logits = logits_of(self, images)
        fails = next(calls) >= from_call and (always or self.uses_autocast)
        return logits + torch.inf if fails else logits

    monkeypatch.setattr(Engine, "logits", broken)


@needs_autocast
def test_a_loss_that_autocast_breaks_is_trained_in_float32_from_the_last_good_epoch(
    config: TrainingConfig, nuclei: ProcessedSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_hand = Trainer(config, nuclei)
    by_hand.run_epoch()
    by_hand.disable_autocast()
    expected = [by_hand.history[0], by_hand.run_epoch(), by_hand.run_epoch()]
    calls_per_epoch = 5 + 2  # steps and validation batches
    break_network(monkeypatch, calls_per_epoch + 2, always=False)
    outcome = fit(config, nuclei, tmp_path)
    assert outcome.metrics["status"] == "finished"
    assert outcome.metrics["float32_since"] == 2
    assert outcome.history == expected
    assert same(outcome, fit(config, nuclei, tmp_path))


@needs_autocast
def test_a_loss_that_float32_does_not_repair_has_diverged(
    config: TrainingConfig, nuclei: ProcessedSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_network(monkeypatch, 7 + 2, always=True)
    outcome = fit(config, nuclei)
    assert outcome.metrics["status"] == "diverged"
    assert outcome.metrics["reason"] == "the loss was not finite in epoch 2, step 1"
    assert outcome.metrics["float32_since"] == 2
    assert outcome.metrics["best_epoch"] == 1


OUT_OF_MEMORY = """
import json, resource, sys
import numpy as np
from segsweep.data.dataset import ProcessedSet
from segsweep.config.training_config import TrainingConfig
from segsweep.pipeline.environment import select
from segsweep.training.engine import Engine
from segsweep.training.fit import fit
config = TrainingConfig.from_dict(json.loads(sys.argv[1]))
pixels = np.random.default_rng(0).integers(0, 256, (68, 256, 256), np.uint8)
names = [str(i) for i in range(68)]
splits = ["train"] * 64 + ["validation"] * 4
data = ProcessedSet(pixels, (pixels > 127).astype(np.uint8), names, names, splits)
resource.setrlimit(resource.RLIMIT_AS, (2_200_000_000, 2_200_000_000))
print(json.dumps(fit(config, data).metrics))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="NOT CHECKED: only Linux has this memory limit")
def test_out_of_memory_is_a_result_that_names_the_batch_that_fits(
    config: TrainingConfig,
) -> None:
    """In a process that is limited to 2.2 GB, libraries included."""
    large = dataclasses.replace(
        config, batch_size=64, base_channels=16, input_shape=(256, 256, 1), epochs=1
    )
    done = subprocess.run(
        [sys.executable, "-c", OUT_OF_MEMORY, json.dumps(large.to_dict())],
        env=os.environ | {"PYTHONPATH": str(Path(fit_module.__file__).parents[2])},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    torch_message, last = done.stdout.splitlines()
    assert "allocate memory" in torch_message
    metrics = json.loads(last)
    assert metrics["status"] == "out_of_memory"
    reason = re.fullmatch(
        r"a batch of 64 needs (\d\.\d) GB \(predicted\) of 2\.2 GB; a batch of (\d+) would fit",
        metrics["reason"],
    )
    assert reason
    assert float(reason[1]) > 2.2
    assert 1 <= int(reason[2]) < 64


def test_a_failed_gpu_is_an_error_and_no_result(
    config: TrainingConfig, nuclei: ProcessedSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Engine, images: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("CUDA error: unspecified launch failure\nCompile with ...")

    monkeypatch.setattr(Engine, "logits", broken)
    with pytest.raises(UserError, match="the GPU failed"):
        fit(config, nuclei)


@pytest.mark.parametrize(
    "change",
    [
        {"norm": "none", "learning_rate": 0.003},
        {"norm": "group"},
        {"loss": "bce"},
        {"loss": "dice"},
        {"optimizer": "adamw"},
        {"optimizer": "sgd", "learning_rate": 0.1},
        {"scheduler": "cosine", "warmup": 0.2},
        {"augmentation": 0.0},
        {"mixed_precision": False},
        {"steps_per_epoch": 7},
        {"depth": 3, "base_channels": 2},
    ],
    ids=str,
)
def test_every_option_trains_and_resumes_to_the_same_bits(
    config: TrainingConfig, nuclei: ProcessedSet, tmp_path: Path, change: dict[str, object]
) -> None:
    changed = dataclasses.replace(config, **change)
    whole = fit(changed, nuclei)
    assert whole.history[-1]["train_loss"] < whole.history[0]["train_loss"]
    interrupted = Trainer(changed, nuclei)
    interrupted.run_epoch()
    checkpoint.save(tmp_path, interrupted.inputs, interrupted.state())
    assert same(whole, fit(changed, nuclei, tmp_path))
    assert whole.metrics["steps_per_epoch"] == (changed.steps_per_epoch or 5)


def test_float16_trains_with_a_scaled_loss_and_resumes_to_the_same_bits(
    config: TrainingConfig, nuclei: ProcessedSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on GPUs without bfloat16; the initial loss scale is too large for the first step."""
    float16 = dataclasses.replace(select("cpu"), autocast="float16")
    monkeypatch.setattr(environment, "select", lambda wanted: float16)
    sgd = dataclasses.replace(config, optimizer="sgd", learning_rate=0.1)
    whole = fit(sgd, nuclei)
    assert whole.metrics["status"] == "finished"
    assert whole.history[-1]["train_loss"] < whole.history[0]["train_loss"]
    interrupted = Trainer(sgd, nuclei)
    assert interrupted.engine.scaler.is_enabled()
    interrupted.run_epoch()
    checkpoint.save(tmp_path, interrupted.inputs, interrupted.state())
    assert same(whole, fit(sgd, nuclei, tmp_path))


def test_four_images_can_be_overfitted(config: TrainingConfig, nuclei: ProcessedSet) -> None:
    four = [i for i, split in enumerate(nuclei.splits) if split == "train"][:4]
    names = [nuclei.names[i] for i in four] * 2
    splits = ["train"] * 4 + ["validation"] * 4
    images, masks = nuclei.images[four * 2], nuclei.masks[four * 2]
    data = ProcessedSet(images, masks, names, names, splits)
    overfitting = dataclasses.replace(
        config, batch_size=4, epochs=120, base_channels=8, dropout=0.0, augmentation=0.0
    )
    assert fit(overfitting, data).metrics["val_dice_coefficient"] > 0.99


def test_the_files_have_the_outcome_and_metrics_are_written_last(
    config: TrainingConfig, nuclei: ProcessedSet, tmp_path: Path
) -> None:
    earlier = ("metrics.json", "history.csv", "images.csv", "model.safetensors", "model.json")
    for name in earlier:
        (tmp_path / name).write_text("of an earlier training")

    def during(row: dict[str, float]) -> None:
        assert not any((tmp_path / name).exists() for name in earlier)

    def before_metrics(outcome: Outcome) -> None:
        assert (tmp_path / "model.safetensors").exists()
        assert not (tmp_path / "metrics.json").exists()

    outcome = train(config, nuclei, tmp_path, "abc", on_epoch=during, before_metrics=before_metrics)
    weights = load_file(tmp_path / "model.safetensors")
    assert all(torch.equal(weights[name], tensor) for name, tensor in outcome.weights.items())
    network = UNet(config.base_channels, config.depth, config.dropout)
    network.load_state_dict(weights)
    assert len((tmp_path / "history.csv").read_text().splitlines()) == 1 + config.epochs
    assert '"key": "abc"' in (tmp_path / "metrics.json").read_text()


def test_images_of_another_size_are_refused(config: TrainingConfig, nuclei: ProcessedSet) -> None:
    with pytest.raises(UserError, match="found processed images of 64 x 64 pixels, expected 128 x"):
        fit(dataclasses.replace(config, input_shape=(128, 128, 1)), nuclei)


def test_timing_a_step_does_not_change_the_result(
    config: TrainingConfig, nuclei: ProcessedSet
) -> None:
    untimed = fit(config, nuclei)
    assert 0 < resource_estimate.seconds_per_step(config, nuclei) < 60
    assert same(untimed, fit(config, nuclei))
