"""Pruning: a training ends early at a threshold, and can resume to the same bits."""

import dataclasses
from pathlib import Path

import pytest

from segsweep.config.training_config import TrainingConfig
from segsweep.core.files import read_json, write_json
from segsweep.data.dataset import ProcessedSet
from segsweep.training.fit import fit, train
from segsweep.training.pruning import NO_PRUNING, PruningThresholds, truncate

FILES = ("metrics.json", "history.csv", "images.csv", "model.safetensors", "model.json")


@pytest.fixture
def config(config: TrainingConfig) -> TrainingConfig:
    return dataclasses.replace(config, epochs=4)


def row(dice: float) -> dict[str, float]:
    return {"val_dice_coefficient": dice}


def test_thresholds_apply_to_the_best_epoch_so_far_or_strictly_to_the_epoch() -> None:
    history = [row(0.5), row(0.3), row(0.6)]
    assert PruningThresholds(values={2: 0.4}).first_failed_epoch(history, 9) is None
    assert PruningThresholds(values={2: 0.4}, strict=True).first_failed_epoch(history, 9) == 2
    assert PruningThresholds(values={3: 0.7, 1: 0.5}).first_failed_epoch(history, 9) == 3


def test_thresholds_at_the_last_epoch_or_later_have_no_effect() -> None:
    assert PruningThresholds(values={3: 0.9}).first_failed_epoch([row(0.1)] * 3, 3) is None
    assert PruningThresholds(values={3: 0.9}).first_failed_epoch([row(0.1)] * 2, 9) is None


def test_a_pruned_training_resumes_to_the_bits_of_an_unpruned_one(
    config: TrainingConfig, nuclei: ProcessedSet, tmp_path: Path
) -> None:
    whole = fit(config, nuclei)
    pruned = fit(config, nuclei, tmp_path, thresholds=PruningThresholds(values={2: 1.0}))
    assert pruned.metrics["status"] == "pruned"
    reason = "val_dice_coefficient was not at least 1 after epoch 2"
    assert pruned.metrics["reason"] == reason
    assert pruned.metrics["epochs"] == 2
    assert pruned.history == whole.history[:2]
    epochs: list[float] = []
    resumed = fit(config, nuclei, tmp_path, lambda row: epochs.append(row["epoch"]))
    assert epochs == [1, 2, 3, 4]
    assert resumed.metrics == whole.metrics
    assert resumed.history == whole.history


def test_an_earlier_threshold_uses_the_epochs_of_the_checkpoint(
    config: TrainingConfig, nuclei: ProcessedSet, tmp_path: Path
) -> None:
    later = fit(config, nuclei, tmp_path, thresholds=PruningThresholds(values={3: 1.0}))
    epochs: list[float] = []
    earlier = fit(
        config,
        nuclei,
        tmp_path,
        lambda row: epochs.append(row["epoch"]),
        PruningThresholds(values={1: 1.0}),
    )
    assert epochs == [1]
    assert earlier.history == later.history[:1]
    assert earlier.metrics["epochs"] == 1


def test_a_whole_training_is_truncated_to_the_files_of_a_pruned_one(
    config: TrainingConfig, nuclei: ProcessedSet, tmp_path: Path
) -> None:
    thresholds = PruningThresholds(values={1: 0.0, 2: 1.0})
    train(config, nuclei, tmp_path / "pruned", "key", thresholds=thresholds)
    train(config, nuclei, tmp_path / "whole", "key")
    before = [(tmp_path / "whole" / name).read_bytes() for name in FILES]
    truncate(tmp_path / "whole", NO_PRUNING)
    assert [(tmp_path / "whole" / name).read_bytes() for name in FILES] == before
    truncate(tmp_path / "whole", thresholds)
    for name in FILES:
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "pruned" / name).read_bytes()


def test_a_diverged_training_that_failed_a_threshold_before_is_truncated(
    config: TrainingConfig, nuclei: ProcessedSet, tmp_path: Path
) -> None:
    """Only the status is changed here: the training has all its epochs and then diverges."""
    train(config, nuclei, tmp_path, "key")
    metrics = read_json(tmp_path / "metrics.json") | {"status": "diverged"}
    write_json(tmp_path / "metrics.json", metrics)
    truncate(tmp_path, PruningThresholds(values={4: 1.0}))
    assert read_json(tmp_path / "metrics.json")["status"] == "pruned"
