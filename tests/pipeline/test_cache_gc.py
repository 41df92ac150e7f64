"""`segsweep cache gc`: which checkpoints stay."""

import dataclasses
import os
import subprocess
from pathlib import Path

import pytest

from segsweep.config.study import Study
from segsweep.config.training_config import TrainingConfig
from segsweep.core.errors import UserError
from segsweep.core.files import write_yaml
from segsweep.core.temporary_files import temporary_path
from segsweep.pipeline.cache import CacheEntry, cache_root
from segsweep.pipeline.cache_gc import delete, find_unreferenced
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


@pytest.mark.parametrize(
    "damage", [b"", b"\0" * 30, b"\xff", b"[]", b'{"made": []}', b'{"made": {}, "cache_tag": "x"}']
)
def test_a_damaged_record_gives_one_sentence(damage: bytes) -> None:
    record = Path("results/trials/000/provenance.json")
    record.parent.mkdir(parents=True)
    record.write_bytes(damage)
    with pytest.raises(UserError, match=f"{record}: found no provenance record, .* delete"):
        find_unreferenced()


def test_what_killed_processes_left_is_listed_and_what_living_ones_write_is_not() -> None:
    killed = subprocess.run(["sh", "-c", "echo $$"], capture_output=True, text=True).stdout.strip()
    living = temporary_path(CacheEntry("a").folder)
    abandoned = [
        living.with_name(living.name.replace(f"-{os.getpid()}.", f"-{killed}.")),
        cache_root() / "images/x/ab" / temporary_path(Path(f"y.{killed}")).name,
    ]
    abandoned[1] = abandoned[1].with_name(
        abandoned[1].name.replace(f"-{os.getpid()}.", f"-{killed}.")
    )
    for path in (living, *abandoned):
        path.mkdir(parents=True)
    found = find_unreferenced()
    assert [entry.path for entry in found] == abandoned
    delete(found)
    assert living.exists()
    assert find_unreferenced() == []
