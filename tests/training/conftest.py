"""A training that takes seconds, and what one leaves."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segsweep.config.sections import Preprocess
from segsweep.config.training_config import TrainingConfig
from segsweep.data.dataset import ProcessedSet
from segsweep.data.preprocess import preprocess
from segsweep.training.run import train


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
def cells(nuclei_raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`images/` and `masks/`: the middle 64 x 64 pixels of the nuclei, unprocessed."""
    out = tmp_path_factory.mktemp("cells")
    middle = slice(96, 160)
    for kind in ("images", "masks"):
        (out / kind).mkdir()
        for file in (nuclei_raw / kind).iterdir():
            pixels = np.asarray(Image.open(file))[middle, middle]
            Image.fromarray(pixels).save(out / kind / file.name)
    return out


@pytest.fixture(scope="session")
def model_folder(
    config: TrainingConfig, cells: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The files of a short training on the cells, which were not resized."""
    out = tmp_path_factory.mktemp("model")
    study = Preprocess(input_shape=[64, 64, 1]).model_dump()
    preprocess(cells, out / "data", study, tmp_path_factory.mktemp("kept"))
    train(dataclasses.replace(config, epochs=2), ProcessedSet.open(out / "data"), out, "key")
    return out
