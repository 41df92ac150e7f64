"""`segsweep cache gc`: which checkpoints stay."""

import dataclasses
import subprocess
from pathlib import Path

import pytest

from segsweep.config.study import Study
from segsweep.config.training_config import TrainingConfig
from segsweep.core.files import write_yaml
from segsweep.pipeline.cache import CacheEntry
from segsweep.pipeline.cache_gc import find_unreferenced
from segsweep.training import checkpoint
from segsweep.training.checkpoint import Checkpoint


@pytest.fixture(autouse=True)
def _in_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = Path("params.yaml").read_bytes()
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_bytes(study)
    subprocess.run(["git", "init", "-q"], check=True)


def save_checkpoint(key: str, config: TrainingConfig) -> Path:
    folder = CacheEntry(key).checkpoints
    checkpoint.save(folder, {**config.to_dict(), "data": "hash"}, Checkpoint({}, {"history": []}))
    return folder


def test_a_checkpoint_stays_while_a_trial_or_the_single_run_has_its_configuration() -> None:
    single_run = Study.read().training_config()
    trial = dataclasses.replace(single_run, learning_rate=0.0123)
    abandoned = dataclasses.replace(single_run, learning_rate=0.0456)
    write_yaml(Path("results/trials/000/config.yaml"), trial.to_dict())
    save_checkpoint("single-run", single_run)
    save_checkpoint("trial", trial)
    folder = save_checkpoint("abandoned", abandoned)
    assert [entry.path for entry in find_unreferenced()] == [folder]


def test_a_damaged_checkpoint_can_be_deleted() -> None:
    folder = save_checkpoint("key", Study.read().training_config())
    (folder / checkpoint.FILE).write_bytes(b"damaged")
    assert [entry.path for entry in find_unreferenced()] == [folder]
