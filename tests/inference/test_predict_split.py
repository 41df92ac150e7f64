"""Predict a split with a saved model: the numbers of the training, or a clear error."""

import dataclasses
import itertools
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from segsweep.config.training_config import TrainingConfig
from segsweep.core.errors import UserError
from segsweep.core.files import read_csv, read_json, write_json
from segsweep.data.dataset import ProcessedSet
from segsweep.inference.predict_split import predict_split
from segsweep.inference.saved_model import SavedModel
from segsweep.pipeline.environment import select
from segsweep.training.columns import IMAGES
from segsweep.training.engine import Engine
from segsweep.training.fit import train
from unsafe_pickle import Unpickled

Train = Callable[[TrainingConfig], Path]


@pytest.fixture
def trained(nuclei: ProcessedSet, tmp_path: Path) -> Train:
    """Trains a configuration and returns its folder."""

    def train_to_folder(config: TrainingConfig) -> Path:
        train(config, nuclei, tmp_path, "abc")
        return tmp_path

    return train_to_folder


@pytest.fixture
def short(config: TrainingConfig) -> TrainingConfig:
    return dataclasses.replace(config, epochs=2)


def equals_training(folder: Path, data: ProcessedSet) -> bool:
    """Return whether the validation images are scored as in the training's images.csv."""
    images = predict_split(SavedModel.read(folder), data, "validation").images
    return [{k: str(row[k]) for k in IMAGES} for row in images] == read_csv(folder / "images.csv")


@pytest.mark.parametrize(
    "change", [{}, {"mixed_precision": False}, {"norm": "none"}, {"norm": "group"}]
)
def test_validation_images_are_scored_as_in_training(
    trained: Train, short: TrainingConfig, nuclei: ProcessedSet, change: dict[str, object]
) -> None:
    folder = trained(dataclasses.replace(short, **change))
    torch.set_num_threads(2)
    assert equals_training(folder, nuclei)


@pytest.mark.skipif(
    select("cpu").autocast == "float32", reason="NOT CHECKED: this CPU has no bfloat16"
)
@pytest.mark.parametrize("best", [1, 2])
def test_the_dtype_is_that_of_the_best_epoch(
    trained: Train,
    short: TrainingConfig,
    nuclei: ProcessedSet,
    monkeypatch: pytest.MonkeyPatch,
    best: int,
) -> None:
    """The second epoch diverges with autocast; in float32 it is better or worse than the first."""
    logits_of, calls = Engine.logits, itertools.count()

    def broken(self: Engine, images: torch.Tensor) -> torch.Tensor:
        logits, training = logits_of(self, images), self.network.training
        if next(calls) >= 5 + 2 and training and self.uses_autocast:  # steps, validation batches
            return logits + torch.inf
        worse = best == 1 and not training and not self.uses_autocast
        return logits - 1000 if worse else logits

    with monkeypatch.context() as patched:
        patched.setattr(Engine, "logits", broken)
        folder = trained(short)
    metrics = read_json(folder / "metrics.json")
    assert (metrics["float32_since"], metrics["best_epoch"]) == (2, best)
    used: list[torch.dtype] = []
    set_autocast = Engine.set_autocast

    def record(self: Engine, autocast: str) -> None:
        set_autocast(self, autocast)
        used.append(self.autocast)

    monkeypatch.setattr(Engine, "set_autocast", record)
    assert equals_training(folder, nuclei)
    assert used == [torch.float32 if best == 2 else torch.bfloat16]


def test_the_test_split_is_scored_per_image_and_the_model_does_not_change(
    trained: Train, short: TrainingConfig, nuclei: ProcessedSet
) -> None:
    folder = trained(short)
    before = (folder / "model.safetensors").read_bytes()
    prediction = predict_split(SavedModel.read(folder), nuclei, "test")
    _, masks, names = nuclei.split("test")
    assert (prediction.predicted.dtype, prediction.predicted.shape) == (np.uint8, masks.shape)
    assert [row["name"] for row in prediction.images] == names
    for row, predicted, truth in zip(prediction.images, prediction.predicted, masks, strict=True):
        hits, union = np.sum(predicted & truth), np.sum(predicted | truth)
        assert row["true_positives"] == hits
        assert row["false_positives"] == predicted.sum() - hits
        assert row["false_negatives"] == truth.sum() - hits
        assert row["dice"] == pytest.approx(2 * hits / (hits + union), abs=1e-15)
        assert row["iou"] == pytest.approx(hits / union, abs=1e-15)
    repeated = predict_split(SavedModel.read(folder), nuclei, "test")
    assert repeated.images == prediction.images
    assert np.array_equal(repeated.predicted, prediction.predicted)
    assert (folder / "model.safetensors").read_bytes() == before


def test_a_damaged_or_unfinished_model_is_refused(
    trained: Train, short: TrainingConfig, nuclei: ProcessedSet
) -> None:
    folder = trained(short)
    weights = folder / "model.safetensors"
    tensors, content = load_file(weights), read_json(folder / "model.json")
    del content["weights_sha256"]  # as in version 0.1.0

    write_json(
        folder / "model.json", content | {"config": {**content["config"], "base_channels": 8}}
    )
    with pytest.raises(
        UserError, match=r"found bottleneck\S+ of shape \[16, .*, expected \[32, .* as model"
    ):
        predict_split(SavedModel.read(folder), nuclei, "test")
    write_json(folder / "model.json", content)

    tensors = {name: tensor.clone() for name, tensor in tensors.items()}  # not mapped to the file
    save_file({}, weights)
    with pytest.raises(UserError, match="of shape None, expected"):
        predict_split(SavedModel.read(folder), nuclei, "test")
    save_file(tensors | {"foreign": torch.zeros(3)}, weights)
    with pytest.raises(UserError, match=r"found foreign of shape \[3\], expected None"):
        predict_split(SavedModel.read(folder), nuclei, "test")
    for damaged in (b"no weights", pickle.dumps(Unpickled(folder / "loaded"))):
        weights.write_bytes(damaged)
        with pytest.raises(UserError, match="the weights cannot be read"):
            predict_split(SavedModel.read(folder), nuclei, "test")
    assert not (folder / "loaded").exists()
    weights.unlink()
    with pytest.raises(UserError, match=r"model\.safetensors: the weights cannot be read"):
        predict_split(SavedModel.read(folder), nuclei, "test")

    failed = content["metrics"] | {"status": "diverged", "reason": "a NaN"}
    write_json(folder / "model.json", content | {"metrics": failed, "threshold": None})
    with pytest.raises(UserError, match=r"found a training with status diverged \(a NaN\)"):
        predict_split(SavedModel.read(folder), nuclei, "test")
    write_json(folder / "model.json", ["finished"])
    with pytest.raises(UserError, match="is not a model description"):
        predict_split(SavedModel.read(folder), nuclei, "test")
    (folder / "model.json").unlink()
    with pytest.raises(UserError, match=r"found no model\.json"):
        predict_split(SavedModel.read(folder), nuclei, "test")


def test_images_of_another_size_and_a_split_without_images_are_refused(
    trained: Train, short: TrainingConfig, nuclei: ProcessedSet
) -> None:
    folder = trained(short)
    half = dataclasses.replace(
        nuclei, images=nuclei.images[:, :32, :32], masks=nuclei.masks[:, :32, :32]
    )
    with pytest.raises(
        UserError, match="found processed images of 32 x 32 pixels, expected 64 x 64"
    ):
        predict_split(SavedModel.read(folder), half, "test")
    without_test = dataclasses.replace(nuclei, splits=["train"] * len(nuclei.splits))
    with pytest.raises(UserError, match="found no images in the test split"):
        predict_split(SavedModel.read(folder), without_test, "test")
