"""Predicted memory against what autograd really saves, and what depends on the prediction."""

import dataclasses
import subprocess

import pytest
import torch
import yaml

from project import ROOT, environment, segsweep
from segsweep.config.study import Study
from segsweep.config.training_config import TrainingConfig
from segsweep.core.errors import UserError
from segsweep.pipeline import environment as pipeline_environment
from segsweep.pipeline.environment import select
from segsweep.training.augmentation import AugmentationParams
from segsweep.training.dataloader import Batch
from segsweep.training.engine import Engine
from segsweep.training.hardware_report import (
    SOURCE_FOLDER,
    Measurement,
    probe,
    rows,
    saturating_batch,
    subprocess_environment,
    table,
)
from segsweep.training.memory import largest_batch, predict
from segsweep.training.resource_estimate import check_memory, main_memory, memory_extremes

GB = 10**9


@pytest.fixture
def paper(config: TrainingConfig) -> TrainingConfig:
    """The network and image size of Ronneberger et al. (2015)."""
    return dataclasses.replace(
        config, batch_size=16, base_channels=64, depth=4, input_shape=(256, 256, 1)
    )


def saved_bytes(config: TrainingConfig, autocast: str) -> int:
    """Return the bytes that autograd saves in one step, each storage once, without weights."""
    height, width, _ = config.input_shape
    n = config.batch_size
    engine = Engine(config, torch.device("cpu"), autocast)
    images = torch.randint(256, (n, 1, height, width), dtype=torch.uint8)
    no_symmetry = torch.zeros(n, dtype=torch.int64)
    params = AugmentationParams(no_symmetry, torch.ones(n), torch.zeros(n))
    weights = {p.untyped_storage().data_ptr() for p in engine.network.parameters()}
    storages: dict[int, torch.UntypedStorage] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            storages[storage.data_ptr()] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        batch = Batch(images, (images > 127).to(torch.uint8), False)
        engine.train_step(batch, params, 0.001)
    return sum(storage.nbytes() for storage in storages.values())


@pytest.mark.parametrize("norm", ["none", "batch", "group"])
def test_a_prediction_is_what_autograd_saves_and_some_temporary_tensors(
    config: TrainingConfig, norm: str
) -> None:
    """It also has weights, gradients, moments of Adam, and the largest temporary gradients."""
    small = dataclasses.replace(config, base_channels=16, input_shape=(128, 128, 1), norm=norm)
    autocast = select("cpu").autocast
    saved = saved_bytes(small, autocast)
    engine = Engine(small, torch.device("cpu"), autocast)
    weights = sum(4 * p.numel() for p in engine.network.parameters())
    predicted = predict(small, autocast).tensors
    assert saved + 3 * weights < predicted < 1.25 * (saved + 4 * weights)


def test_memory_is_linear_in_the_batch_and_halves_with_autocast(paper: TrainingConfig) -> None:
    def tensors(batch_size: int, autocast: str = "bfloat16") -> int:
        narrow = dataclasses.replace(paper, batch_size=batch_size, base_channels=16)
        return predict(narrow, autocast).tensors

    per_image = (tensors(64) - tensors(32)) / 32
    assert (tensors(32) - tensors(16)) / 16 == pytest.approx(per_image, rel=0.02)
    assert tensors(64, "float32") > 1.7 * tensors(64)


def test_a_prediction_includes_images_on_the_device_and_the_optimiser(
    paper: TrainingConfig,
) -> None:
    alone = predict(paper, "bfloat16").tensors
    assert predict(paper, "bfloat16", images=1000).tensors == alone + 1000 * 2 * 256 * 256
    sgd = predict(dataclasses.replace(paper, optimizer="sgd"), "bfloat16").tensors
    parameters = 31_042_369
    assert alone - sgd == pytest.approx(4 * parameters, rel=0.05)  # Adam keeps two moments


def test_the_largest_batch_fits_and_the_next_does_not(config: TrainingConfig) -> None:
    small = dataclasses.replace(config, base_channels=8, input_shape=(128, 128, 1))
    largest = largest_batch(small, "bfloat16", 2 * GB)
    assert largest > 16
    for batch, fits in ((largest, True), (largest + 1, False)):
        need = predict(dataclasses.replace(small, batch_size=batch), "bfloat16")
        assert need.fits(2 * GB) == fits
    assert largest_batch(small, "bfloat16", GB // 10) == 0


def test_rows_end_with_the_first_larger_batch_that_does_not_fit(config: TrainingConfig) -> None:
    device = dataclasses.replace(select("cpu"), memory=2 * GB)
    small = dataclasses.replace(config, base_channels=8, input_shape=(128, 128, 1))
    predicted = list(rows(small, [8, 64], device, 0, measured=False))
    assert [row.batch_size for row in predicted][:2] == [8, 64]
    assert [row.fits for row in predicted] == [True] * (len(predicted) - 1) + [False]
    assert "| 8 |" in table(predicted, small, 10, 36, 12)
    assert saturating_batch(predicted) is None
    measured = [
        dataclasses.replace(row, measurement=Measurement(seconds, GB))
        for row, seconds in zip(predicted, (0.8, 3.3), strict=False)
    ]
    assert saturating_batch(measured) == 64  # 19.4 images per second, but 10 with a batch of 8


def test_a_study_that_does_not_fit_is_reported_before_its_first_trial(
    paper: TrainingConfig, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a simulated GPU with 12 GB, the network of the paper fits with 32 images, not 128."""
    gpu = pipeline_environment.Device("cuda", "a GPU", "bfloat16", 12 * GB)
    monkeypatch.setattr(pipeline_environment, "select", lambda wanted: gpu)
    searched = {"batch_size": {"values": [16, 128]}, "dropout": {"min": 0.1, "max": 0.3}}
    least, most = memory_extremes(paper, searched, train=1000)
    assert (least.batch_size, most.batch_size) == (16, 128)
    check_memory(least, most, 1000, 48)
    warning = capsys.readouterr().out
    network = "batch_size 128 with base_channels 64 and depth 4"
    assert f"{network} needs 25.7 GB (predicted)" in warning
    assert "trials with larger ones will end as out_of_memory" in warning
    with pytest.raises(UserError, match="no trial of the study fits in memory: batch_size 128"):
        check_memory(most, most, 1000, 48)
    smaller = memory_extremes(paper, searched, train=36)  # no batch is larger than the split
    check_memory(*smaller, 36, 12)
    assert capsys.readouterr().out == ""


def test_the_extremes_of_a_search_space_follow_from_its_distributions(
    paper: TrainingConfig,
) -> None:
    searched = {
        "batch_size": {"distribution": "q_log_uniform_values", "min": 8, "max": 64, "q": 8},
        "model": {"parameters": {"base_channels": {"values": [32, 16]}}},
        "mixed_precision": {"values": [True, False]},
    }
    least, most = memory_extremes(paper, searched, train=1000)
    assert (least.batch_size, least.base_channels, least.mixed_precision) == (8, 16, True)
    assert (most.batch_size, most.base_channels, most.mixed_precision) == (64, 32, False)


def test_without_mixed_precision_the_prediction_is_for_float32(paper: TrainingConfig) -> None:
    full_precision = dataclasses.replace(paper, mixed_precision=False)
    assert predict(full_precision, "bfloat16") == predict(paper, "float32")


def test_a_batch_is_measured_in_a_separate_process(config: TrainingConfig) -> None:
    measurement = probe(config)
    assert measurement.seconds is not None
    assert measurement.peak is not None
    assert 0 < measurement.seconds < 60
    assert GB // 20 < measurement.peak < 4 * GB


def test_the_separate_process_keeps_the_users_pythonpath(monkeypatch: pytest.MonkeyPatch) -> None:
    """On clusters, environment modules provide packages through PYTHONPATH."""
    monkeypatch.setenv("PYTHONPATH", "/modules/a:/modules/b")
    assert subprocess_environment()["PYTHONPATH"] == f"{SOURCE_FOLDER}:/modules/a:/modules/b"
    monkeypatch.delenv("PYTHONPATH")
    assert subprocess_environment()["PYTHONPATH"] == SOURCE_FOLDER


def test_segsweep_hardware_lists_the_batches_that_fit_48_gb() -> None:
    command = segsweep("hardware", "--memory", "48")
    output = subprocess.run(
        [*command, "--study", "studies/rtx6000ada.yaml", "--data", "nowhere"],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    rows = [line.split("|") for line in output.splitlines() if line.startswith("| ")][1:]
    fits = {int(row[1]): row[3].strip() for row in rows if row[1].strip().isdigit()}
    assert fits == {16: "yes", 32: "yes", 64: "yes", 128: "yes", 256: "no"}
    assert "Nothing was measured" in output


def test_main_memory_covers_the_largest_trial_on_a_cpu_and_the_data() -> None:
    study = yaml.safe_load((ROOT / "params.yaml").read_text())

    def needed(device: str, batches: list[int], train: int = 100, validation: int = 20) -> int:
        study["training"]["device"] = device
        study["sweep"]["parameters"]["batch_size"] = {"values": batches}
        return main_memory(Study.parse(study), train, validation)

    few, many = needed("cpu", [2, 4]), needed("cpu", [2, 64])
    largest = dataclasses.replace(Study.parse(study).training_config(), batch_size=64)
    assert many > predict(largest, "float32").total > few
    assert needed("auto", [2, 4]) == needed("cuda", [2, 64])
    height, width, _ = largest.input_shape
    image_and_mask = 2 * height * width
    for device in ("cpu", "cuda"):
        more = needed(device, [2, 4], 10_000, 2_000) - needed(device, [2, 4])
        assert image_and_mask * 11_880 <= more <= 1.1 * image_and_mask * 11_880
    too_many_for_a_gpu = 10**12 // image_and_mask
    assert needed("cuda", [2], too_many_for_a_gpu) == needed("cuda", [2], 0)
