"""Properties that only a GPU can show: equal bits, no step that waits, memory as predicted."""

import dataclasses
from pathlib import Path

import pytest
import torch

from model_example import with_ignored
from segsweep.config.training_config import TrainingConfig
from segsweep.data.dataset import ProcessedSet
from segsweep.training import checkpoint
from segsweep.training.fit import fit
from segsweep.training.hardware_report import random_images
from segsweep.training.losses import LOSSES
from segsweep.training.memory import predict
from segsweep.training.trainer import Trainer

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="NOT CHECKED: this machine has no CUDA GPU"
)


@pytest.fixture
def cuda_config(config: TrainingConfig) -> TrainingConfig:
    return dataclasses.replace(config, device="cuda")


def test_repeated_and_resumed_trainings_have_the_same_bits(
    cuda_config: TrainingConfig, nuclei: ProcessedSet, tmp_path: Path
) -> None:
    first = fit(cuda_config, nuclei)
    interrupted = Trainer(cuda_config, nuclei)
    interrupted.run_epoch()
    checkpoint.save(tmp_path, interrupted.inputs, interrupted.state())
    for other in (fit(cuda_config, nuclei), fit(cuda_config, nuclei, tmp_path)):
        assert other.history == first.history
        assert all(torch.equal(t, other.weights[n]) for n, t in first.weights.items())


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("has_ignored", [False, True])
def test_no_step_waits_for_the_gpu(
    cuda_config: TrainingConfig, nuclei: ProcessedSet, loss: str, has_ignored: bool
) -> None:
    data = with_ignored(nuclei) if has_ignored else nuclei
    trainer = Trainer(dataclasses.replace(cuda_config, loss=loss), data)
    indices = trainer.train_loader.batch_indices(1, trainer.batch_size, 4)
    params = trainer.augmentation_params(1, indices)
    batches = list(trainer.train_loader.batches(indices))
    trainer.engine.train_step(batches[0], params[0], 0.001)
    torch.cuda.set_sync_debug_mode("error")
    try:
        for batch, batch_params in zip(batches[1:], params[1:], strict=True):
            trainer.engine.train_step(batch, batch_params, 0.001)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("batch_size", [16, 64])
@pytest.mark.parametrize("norm", ["none", "batch", "group"])
def test_memory_is_as_predicted(cuda_config: TrainingConfig, batch_size: int, norm: str) -> None:
    large = dataclasses.replace(
        cuda_config, batch_size=batch_size, base_channels=32, norm=norm, input_shape=(256, 256, 1)
    )
    trainer = Trainer(large, random_images(large))
    torch.cuda.reset_peak_memory_stats()
    trainer.run_epoch()
    autocast = str(trainer.engine.autocast).removeprefix("torch.")
    predicted = predict(large, autocast, trainer.images_on_device()).tensors
    assert torch.cuda.max_memory_allocated() == pytest.approx(predicted, rel=0.1)
