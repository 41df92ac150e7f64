"""Memory told before: against what autograd really saves, and in how it grows."""

import dataclasses
import subprocess
import sys

import pytest
import torch
import yaml

from project import ROOT, environment
from segsweep.config.study import Study
from segsweep.config.training_config import TrainingConfig
from segsweep.core.errors import UserError
from segsweep.pipeline import environment as pipeline_environment
from segsweep.pipeline.environment import select
from segsweep.training.augmentation import Draws
from segsweep.training.engine import Engine
from segsweep.training.hardware_report import rows, saturates, table
from segsweep.training.host_memory import main_memory
from segsweep.training.memory import largest_batch, predict
from segsweep.training.probe import Probed, probe
from segsweep.training.resource_estimate import check_memory, reach

GB = 10**9


@pytest.fixture
def paper(config: TrainingConfig) -> TrainingConfig:
    """The report's network and images."""
    return dataclasses.replace(
        config, batch_size=16, base_channels=64, depth=4, input_shape=(256, 256, 1)
    )


def saved_bytes(config: TrainingConfig, autocast: str) -> int:
    """What autograd saves in one real step, each storage once, without the weights."""
    height, width, _ = config.input_shape
    n = config.batch_size
    engine = Engine(config, torch.device("cpu"), autocast)
    images = torch.randint(256, (n, 1, height, width), dtype=torch.uint8)
    draws = Draws(torch.zeros(n, dtype=torch.int64), torch.ones(n), torch.zeros(n))
    weights = {p.untyped_storage().data_ptr() for p in engine.network.parameters()}
    storages: dict[int, torch.UntypedStorage] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            storages[storage.data_ptr()] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        engine.step((images, (images > 127).to(torch.uint8)), draws, 0.001)
    return sum(storage.nbytes() for storage in storages.values())


@pytest.mark.parametrize("norm", ["none", "batch", "group"])
def test_a_prediction_is_what_autograd_saves_and_a_little_that_passes_by(
    config: TrainingConfig, norm: str
) -> None:
    """Beside what is saved: weights, gradients, Adam's moments, and the widest gradients."""
    chosen = dataclasses.replace(config, base_channels=16, input_shape=(128, 128, 1), norm=norm)
    autocast = select("cpu").autocast
    saved = saved_bytes(chosen, autocast)
    engine = Engine(chosen, torch.device("cpu"), autocast)
    weights = sum(4 * p.numel() for p in engine.network.parameters())
    predicted = predict(chosen, autocast).tensors
    assert saved + 3 * weights < predicted < 1.25 * (saved + 4 * weights)


def test_memory_grows_evenly_with_the_batch_and_halves_with_autocast(paper: TrainingConfig) -> None:
    def tensors(batch_size: int, autocast: str = "bfloat16") -> int:
        narrow = dataclasses.replace(paper, batch_size=batch_size, base_channels=16)
        return predict(narrow, autocast).tensors

    each = (tensors(64) - tensors(32)) / 32
    assert (tensors(32) - tensors(16)) / 16 == pytest.approx(each, rel=0.02)
    assert tensors(64, "float32") > 1.7 * tensors(64)


def test_images_on_the_device_and_optimisers_count(paper: TrainingConfig) -> None:
    bare = predict(paper, "bfloat16").tensors
    assert predict(paper, "bfloat16", images=1000).tensors == bare + 1000 * 2 * 256 * 256
    sgd = predict(dataclasses.replace(paper, optimizer="sgd"), "bfloat16").tensors
    parameters = 31_042_369
    assert bare - sgd == pytest.approx(4 * parameters, rel=0.05)  # Adam keeps two moments


def test_the_largest_batch_is_the_last_that_fits(config: TrainingConfig) -> None:
    small = dataclasses.replace(config, base_channels=8, input_shape=(128, 128, 1))
    found = largest_batch(small, "bfloat16", 2 * GB)
    assert found > 16
    for batch, fits in ((found, True), (found + 1, False)):
        need = predict(dataclasses.replace(small, batch_size=batch), "bfloat16")
        assert need.fits(2 * GB) == fits
    assert largest_batch(small, "bfloat16", GB // 10) == 0


def test_the_rows_end_with_the_first_larger_batch_that_does_not_fit(config: TrainingConfig) -> None:
    device = dataclasses.replace(select("cpu"), memory=2 * GB)
    small = dataclasses.replace(config, base_channels=8, input_shape=(128, 128, 1))
    found = list(rows(small, [8, 64], device, 0, measured=False))
    assert [row.batch_size for row in found][:2] == [8, 64]
    assert [row.fits for row in found] == [True] * (len(found) - 1) + [False]
    assert "| 8 |" in table(found, small, 10, 36, 12)
    assert saturates(found) is None
    timed = [
        dataclasses.replace(row, probed=Probed(seconds, GB))
        for row, seconds in zip(found, (0.8, 3.3), strict=False)
    ]
    assert saturates(timed) == 64  # 19.4 images a second, with 8 but 10


def test_a_study_that_cannot_fit_says_so_before_its_first_trial(
    paper: TrainingConfig, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a card of 12 GB, told of by hand: the report's network fits with 32 images, not 128."""
    card = pipeline_environment.Device("cuda", "a card", "bfloat16", 12 * GB)
    monkeypatch.setattr(pipeline_environment, "select", lambda wanted: card)
    searched = {"batch_size": {"values": [16, 128]}, "dropout": {"min": 0.1, "max": 0.3}}
    least, most = reach(paper, searched, train=1000)
    assert (least.batch_size, most.batch_size) == (16, 128)
    check_memory(least, most, 1000, 48)
    said = capsys.readouterr().out
    assert "batch_size 128 with base_channels 64 and depth 4 takes 25.7 GB by prediction" in said
    assert "larger trials will end as out_of_memory" in said
    with pytest.raises(UserError, match="no trial of the study fits in memory: batch_size 128"):
        check_memory(most, most, 1000, 48)
    check_memory(*reach(paper, searched, train=36), 36, 12)  # no batch goes beyond the 36 images
    assert capsys.readouterr().out == ""


def test_the_reach_of_a_sweep_is_read_as_its_distributions_are(paper: TrainingConfig) -> None:
    searched = {
        "batch_size": {"distribution": "q_log_uniform_values", "min": 8, "max": 64, "q": 8},
        "model": {"parameters": {"base_channels": {"values": [32, 16]}}},
        "mixed_precision": {"values": [True, False]},
    }
    least, most = reach(paper, searched, train=1000)
    assert (least.batch_size, least.base_channels, least.mixed_precision) == (8, 16, True)
    assert (most.batch_size, most.base_channels, most.mixed_precision) == (64, 32, False)


def test_without_mixed_precision_float32_is_predicted(paper: TrainingConfig) -> None:
    plain = dataclasses.replace(paper, mixed_precision=False)
    assert predict(plain, "bfloat16") == predict(paper, "float32")


def test_a_batch_is_tried_for_real_in_a_process_of_its_own(config: TrainingConfig) -> None:
    probed = probe(config)
    assert probed.seconds is not None
    assert probed.peak is not None
    assert 0 < probed.seconds < 60
    assert GB // 20 < probed.peak < 4 * GB


def test_the_script_says_which_batches_of_the_reports_study_fit_48_gb() -> None:
    script = [sys.executable, "workflow/scripts/hardware.py", "--memory", "48"]
    told = subprocess.run(
        [*script, "--study", "studies/rtx6000ada.yaml", "--data", "nowhere"],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    rows = [line.split("|") for line in told.splitlines() if line.startswith("| ")][1:]
    fits = {int(row[1]): row[3].strip() for row in rows if row[1].strip().isdigit()}
    assert fits == {16: "yes", 32: "yes", 64: "yes", 128: "yes", 256: "no"}
    assert "Nothing was measured" in told


def test_main_memory_holds_the_largest_trial_and_the_data_and_on_a_gpu_the_data_alone() -> None:
    read = yaml.safe_load((ROOT / "params.yaml").read_text())

    def needed(device: str, batches: list[int], train: int = 100, validation: int = 20) -> int:
        read["training"]["device"] = device
        read["sweep"]["parameters"]["batch_size"] = {"values": batches}
        return main_memory(Study.parse(read), train, validation)

    few, many = needed("cpu", [2, 4]), needed("cpu", [2, 64])
    largest = dataclasses.replace(Study.parse(read).training_config(), batch_size=64)
    assert many > predict(largest, "float32").total > few
    assert needed("auto", [2, 4]) == needed("cuda", [2, 64])
    height, width, _ = largest.input_shape
    image_and_mask = 2 * height * width
    for device in ("cpu", "cuda"):
        more = needed(device, [2, 4], 10_000, 2_000) - needed(device, [2, 4])
        assert image_and_mask * 11_880 <= more <= 1.1 * image_and_mask * 11_880
    never_on_a_card = 10**12 // image_and_mask
    assert needed("cuda", [2], never_on_a_card) == needed("cuda", [2], 0)
