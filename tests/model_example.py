"""Fixtures of tests/training and tests/inference: a training that takes seconds, and its files."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segsweep.config.sections import Preprocess
from segsweep.config.training_config import TrainingConfig
from segsweep.data.dataset import IGNORED, SPLITS, ProcessedSet
from segsweep.data.preprocess import preprocess
from segsweep.training.fit import train


@pytest.fixture(scope="session")
def config() -> TrainingConfig:
    return TrainingConfig.example()


@pytest.fixture(scope="session")
def cropped_nuclei(nuclei_raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`images/` and `masks/`: the central 64 x 64 pixels of the nuclei sample, not preprocessed."""
    out = tmp_path_factory.mktemp("cropped")
    center = slice(96, 160)
    for kind in ("images", "masks"):
        (out / kind).mkdir()
        for file in (nuclei_raw / kind).iterdir():
            pixels = np.asarray(Image.open(file))[center, center]
            Image.fromarray(pixels).save(out / kind / file.name)
    return out


@pytest.fixture(scope="session")
def model_folder(
    config: TrainingConfig, cropped_nuclei: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The files of a short training on the cropped nuclei, which are not resized."""
    out = tmp_path_factory.mktemp("model")
    settings = Preprocess(input_shape=[64, 64, 1])
    preprocess(cropped_nuclei, out / "data", settings, tmp_path_factory.mktemp("cache"))
    train(dataclasses.replace(config, epochs=2), ProcessedSet.open(out / "data"), out, "key")
    return out


def with_ignored(data: ProcessedSet) -> ProcessedSet:
    """Return a copy with ignored rectangles across foreground and background.

    The first image of each split is wholly ignored, the second not at all.
    """
    masks = np.array(data.masks)
    rng = np.random.default_rng(0)
    height, width = masks.shape[1:]
    for split in SPLITS:
        members = [i for i, name in enumerate(data.splits) if name == split]
        masks[members[0]] = IGNORED
        for i in members[2:]:
            top, left = rng.integers(height // 2), rng.integers(width // 2)
            masks[i, top : top + height // 2, left : left + width // 2] = IGNORED
    return dataclasses.replace(
        data, masks=masks, identity="ignored", pixel_hashes=[], compared=set(), opened=[]
    )
