"""A training that takes seconds."""

import pytest

from segsweep.unet.config import TrainingConfig


@pytest.fixture
def config() -> TrainingConfig:
    return TrainingConfig(
        batch_size=8,
        learning_rate=0.01,
        dropout=0.1,
        l2_reg=1e-5,
        epochs=3,
        input_shape=(64, 64, 1),
        task="segmentation",
        base_channels=4,
        depth=2,
        norm="batch",
        optimizer="adam",
        scheduler="constant",
        warmup=0.0,
        loss="bce_dice",
        augmentation=1.0,
        steps_per_epoch=None,
        mixed_precision=True,
        deterministic=True,
        seed=0,
        threads=1,
        device="cpu",
    )
