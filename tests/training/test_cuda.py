"""What only a GPU can show: the same bits again, no step that waits, memory as predicted."""

import dataclasses
from pathlib import Path

import pytest
import torch

from segsweep.config.training_config import TrainingConfig
from segsweep.data.dataset import ProcessedSet
from segsweep.training import checkpoint
from segsweep.training.fit import fit
from segsweep.training.memory import predict
from segsweep.training.probe import random_images
from segsweep.training.trainer import Trainer

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="NOT CHECKED: this machine has no CUDA GPU"
)


@pytest.fixture
def chosen(config: TrainingConfig) -> TrainingConfig:
    return dataclasses.replace(config, device="cuda")


def test_the_same_bits_again_and_after_a_stop(
    chosen: TrainingConfig, nuclei: ProcessedSet, tmp_path: Path
) -> None:
    whole = fit(chosen, nuclei)
    two = Trainer(chosen, nuclei)
    two.run_epoch()
    checkpoint.save(tmp_path, two.made_from, two.state())
    for other in (fit(chosen, nuclei), fit(chosen, nuclei, tmp_path)):
        assert other.history == whole.history
        assert all(torch.equal(t, other.weights[n]) for n, t in whole.weights.items())


def test_no_step_waits_for_the_gpu(chosen: TrainingConfig, nuclei: ProcessedSet) -> None:
    trainer = Trainer(chosen, nuclei)
    index = trainer.train.steps(1, trainer.batch_size, 4)
    draws = trainer.draws(1, index)
    batches = list(trainer.train.batches(index))
    trainer.engine.step(batches[0], draws[0], 0.001)
    torch.cuda.set_sync_debug_mode("error")
    try:
        for batch, drawn in zip(batches[1:], draws[1:], strict=True):
            trainer.engine.step(batch, drawn, 0.001)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("batch_size", [16, 64])
@pytest.mark.parametrize("norm", ["none", "batch", "group"])
def test_memory_is_as_predicted(chosen: TrainingConfig, batch_size: int, norm: str) -> None:
    large = dataclasses.replace(
        chosen, batch_size=batch_size, base_channels=32, norm=norm, input_shape=(256, 256, 1)
    )
    trainer = Trainer(large, random_images(large))
    torch.cuda.reset_peak_memory_stats()
    trainer.run_epoch()
    autocast = str(trainer.engine.autocast).removeprefix("torch.")
    predicted = predict(large, autocast, trainer.resident_images()).tensors
    assert torch.cuda.max_memory_allocated() == pytest.approx(predicted, rel=0.1)
