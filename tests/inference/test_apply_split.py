"""A trained folder applied: as it was judged in training, or one sentence."""

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
from segsweep.inference.apply_split import apply
from segsweep.inference.saved_model import Model
from segsweep.pipeline.environment import select
from segsweep.training.columns import IMAGES
from segsweep.training.engine import Engine
from segsweep.training.run import train
from unsafe_pickle import Unpickled

Train = Callable[[TrainingConfig], Path]


@pytest.fixture
def trained(nuclei: ProcessedSet, tmp_path: Path) -> Train:
    def make(config: TrainingConfig) -> Path:
        train(config, nuclei, tmp_path, "abc")
        return tmp_path

    return make


@pytest.fixture
def short(config: TrainingConfig) -> TrainingConfig:
    return dataclasses.replace(config, epochs=2)


def as_in_training(folder: Path, data: ProcessedSet) -> bool:
    found = apply(Model.read(folder), data, "validation").images
    return [{k: str(row[k]) for k in IMAGES} for row in found] == read_csv(folder / "images.csv")


@pytest.mark.parametrize(
    "change", [{}, {"mixed_precision": False}, {"norm": "none"}, {"norm": "group"}]
)
def test_the_validation_images_come_out_as_in_training(
    trained: Train, short: TrainingConfig, nuclei: ProcessedSet, change: dict[str, object]
) -> None:
    folder = trained(dataclasses.replace(short, **change))
    torch.set_num_threads(2)
    assert as_in_training(folder, nuclei)


@pytest.mark.skipif(
    select("cpu").autocast == "float32", reason="NOT CHECKED: this CPU has no bfloat16"
)
@pytest.mark.parametrize("best", [1, 2])
def test_the_arithmetic_is_that_of_the_best_epoch(
    trained: Train,
    short: TrainingConfig,
    nuclei: ProcessedSet,
    monkeypatch: pytest.MonkeyPatch,
    best: int,
) -> None:
    """The second epoch fails with autocast, and may be a bad one without it."""
    predict, calls = Engine.predict, itertools.count()

    def broken(self: Engine, images: torch.Tensor) -> torch.Tensor:
        logits, training = predict(self, images), self.network.training
        if next(calls) >= 5 + 2 and training and self.uses_autocast:  # steps, validation batches
            return logits + torch.inf
        bad = best == 1 and not training and not self.uses_autocast
        return logits - 1000 if bad else logits

    with monkeypatch.context() as patched:
        patched.setattr(Engine, "predict", broken)
        folder = trained(short)
    metrics = read_json(folder / "metrics.json")
    assert (metrics["float32_since"], metrics["best_epoch"]) == (2, best)
    used: list[torch.dtype] = []
    use = Engine.use
    monkeypatch.setattr(
        Engine, "use", lambda self, autocast: use(self, autocast) or used.append(self.autocast)
    )
    assert as_in_training(folder, nuclei)
    assert used == [torch.float32 if best == 2 else torch.bfloat16]


def test_the_test_split_is_judged_image_by_image_and_nothing_is_learnt(
    trained: Train, short: TrainingConfig, nuclei: ProcessedSet
) -> None:
    folder = trained(short)
    before = (folder / "model.safetensors").read_bytes()
    found = apply(Model.read(folder), nuclei, "test")
    _, masks, names = nuclei.split("test")
    assert (found.predicted.dtype, found.predicted.shape) == (np.uint8, masks.shape)
    assert [row["name"] for row in found.images] == names
    for row, predicted, truth in zip(found.images, found.predicted, masks, strict=True):
        hits, union = np.sum(predicted & truth), np.sum(predicted | truth)
        assert row["true_positives"] == hits
        assert row["false_positives"] == predicted.sum() - hits
        assert row["false_negatives"] == truth.sum() - hits
        assert row["dice"] == pytest.approx(2 * hits / (hits + union), abs=1e-15)
        assert row["iou"] == pytest.approx(hits / union, abs=1e-15)
    again = apply(Model.read(folder), nuclei, "test")
    assert again.images == found.images
    assert np.array_equal(again.predicted, found.predicted)
    assert (folder / "model.safetensors").read_bytes() == before


def test_what_does_not_fit_is_told_in_one_sentence(
    trained: Train, short: TrainingConfig, nuclei: ProcessedSet
) -> None:
    folder = trained(short)
    weights = folder / "model.safetensors"
    kept, told = load_file(weights), read_json(folder / "model.json")

    write_json(folder / "model.json", told | {"config": {**told["config"], "base_channels": 8}})
    with pytest.raises(
        UserError, match=r"found bottleneck\S+ of shape \[16, .*, expected \[32, .* by the model"
    ):
        apply(Model.read(folder), nuclei, "test")
    write_json(folder / "model.json", told)

    kept = {name: each.clone() for name, each in kept.items()}  # what was read is still the file
    save_file({}, weights)
    with pytest.raises(UserError, match="of shape None, expected"):
        apply(Model.read(folder), nuclei, "test")
    save_file(kept | {"foreign": torch.zeros(3)}, weights)
    with pytest.raises(UserError, match=r"found foreign of shape \[3\], expected None"):
        apply(Model.read(folder), nuclei, "test")
    for content in (b"no weights", pickle.dumps(Unpickled(folder / "loaded"))):
        weights.write_bytes(content)
        with pytest.raises(UserError, match="the weights cannot be read"):
            apply(Model.read(folder), nuclei, "test")
    assert not (folder / "loaded").exists()
    weights.unlink()
    with pytest.raises(UserError, match=r"model\.safetensors: the weights cannot be read"):
        apply(Model.read(folder), nuclei, "test")

    failed = told["metrics"] | {"status": "diverged", "reason": "a NaN"}
    write_json(folder / "model.json", told | {"metrics": failed, "threshold": None})
    with pytest.raises(UserError, match=r"found a training that is diverged \(a NaN\)"):
        apply(Model.read(folder), nuclei, "test")
    write_json(folder / "model.json", ["finished"])
    with pytest.raises(UserError, match="is not what a training writes"):
        apply(Model.read(folder), nuclei, "test")
    (folder / "model.json").unlink()
    with pytest.raises(UserError, match=r"holds no model\.json"):
        apply(Model.read(folder), nuclei, "test")


def test_images_of_another_size_and_a_split_without_images_are_refused(
    trained: Train, short: TrainingConfig, nuclei: ProcessedSet
) -> None:
    folder = trained(short)
    half = dataclasses.replace(
        nuclei, images=nuclei.images[:, :32, :32], masks=nuclei.masks[:, :32, :32]
    )
    with pytest.raises(UserError, match="measure 32 x 32, expected 64 x 64"):
        apply(Model.read(folder), half, "test")
    none = dataclasses.replace(nuclei, splits=["train"] * len(nuclei.splits))
    with pytest.raises(UserError, match="no images in its test split"):
        apply(Model.read(folder), none, "test")
