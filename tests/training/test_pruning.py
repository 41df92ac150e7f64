"""PruningThresholds: a training that misses one is stopped, and is still the same training."""

import dataclasses
from pathlib import Path

import pytest

from segsweep.config.training_config import TrainingConfig
from segsweep.core.files import read_json, write_json
from segsweep.data.dataset import ProcessedSet
from segsweep.training.fit import fit
from segsweep.training.pruning import NO_PRUNING, PruningThresholds, truncate
from segsweep.training.run import train

FILES = ("metrics.json", "history.csv", "images.csv", "model.safetensors", "model.json")


@pytest.fixture
def config(config: TrainingConfig) -> TrainingConfig:
    return dataclasses.replace(config, epochs=4)


def row(dice: float) -> dict[str, float]:
    return {"val_dice_coefficient": dice}


def test_the_best_so_far_is_held_against_a_bar_and_strictly_the_epoch_itself() -> None:
    history = [row(0.5), row(0.3), row(0.6)]
    assert PruningThresholds(values={2: 0.4}).first_failed_epoch(history, 9) is None
    assert PruningThresholds(values={2: 0.4}, strict=True).first_failed_epoch(history, 9) == 2
    assert PruningThresholds(values={3: 0.7, 1: 0.5}).first_failed_epoch(history, 9) == 3


def test_a_bar_at_the_last_epoch_or_ahead_stops_nothing() -> None:
    assert PruningThresholds(values={3: 0.9}).first_failed_epoch([row(0.1)] * 3, 3) is None
    assert PruningThresholds(values={3: 0.9}).first_failed_epoch([row(0.1)] * 2, 9) is None


def test_a_stopped_training_goes_on_to_the_bits_of_one_left_alone(
    config: TrainingConfig, nuclei: ProcessedSet, tmp_path: Path
) -> None:
    whole = fit(config, nuclei)
    stopped = fit(config, nuclei, tmp_path, bars=PruningThresholds(values={2: 1.0}))
    assert stopped.metrics["status"] == "pruned"
    assert "at least 1 after epoch 2" in stopped.metrics["reason"]
    assert stopped.metrics["epochs"] == 2
    assert stopped.history == whole.history[:2]
    told: list[float] = []
    goes_on = fit(config, nuclei, tmp_path, lambda row: told.append(row["epoch"]))
    assert told == [1, 2, 3, 4]
    assert goes_on.metrics == whole.metrics
    assert goes_on.history == whole.history


def test_a_lower_bar_later_stops_without_training_what_is_known(
    config: TrainingConfig, nuclei: ProcessedSet, tmp_path: Path
) -> None:
    later = fit(config, nuclei, tmp_path, bars=PruningThresholds(values={3: 1.0}))
    told: list[float] = []
    sooner = fit(
        config,
        nuclei,
        tmp_path,
        lambda row: told.append(row["epoch"]),
        PruningThresholds(values={1: 1.0}),
    )
    assert told == [1]
    assert sooner.history == later.history[:1]
    assert sooner.metrics["epochs"] == 1


def test_a_whole_training_is_shortened_to_the_files_of_a_stopped_one(
    config: TrainingConfig, nuclei: ProcessedSet, tmp_path: Path
) -> None:
    bars = PruningThresholds(values={1: 0.0, 2: 1.0})
    train(config, nuclei, tmp_path / "pruned", "key", bars=bars)
    train(config, nuclei, tmp_path / "whole", "key")
    before = [(tmp_path / "whole" / name).read_bytes() for name in FILES]
    truncate(tmp_path / "whole", NO_PRUNING)
    assert [(tmp_path / "whole" / name).read_bytes() for name in FILES] == before
    truncate(tmp_path / "whole", bars)
    for name in FILES:
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "pruned" / name).read_bytes()


def test_a_diverged_training_that_missed_a_bar_before_is_a_stopped_one(
    config: TrainingConfig, nuclei: ProcessedSet, tmp_path: Path
) -> None:
    """The history is the evidence, so it is cut short here to that of a late divergence."""
    train(config, nuclei, tmp_path, "key")
    metrics = read_json(tmp_path / "metrics.json") | {"status": "diverged"}
    write_json(tmp_path / "metrics.json", metrics)
    truncate(tmp_path, PruningThresholds(values={4: 1.0}))
    assert read_json(tmp_path / "metrics.json")["status"] == "pruned"
