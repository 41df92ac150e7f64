"""The store: by key, whole or not at all, and the second of two equal jobs waits."""

import multiprocessing
import os
import time
from pathlib import Path

import pytest

from segsweep.pipeline import cache
from segsweep.pipeline.cache import Entry, key_of, root


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def make(folder: str, text: str) -> list[Path]:
    path = Path(folder) / "metrics.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    (path.parent / "wandb").mkdir(exist_ok=True)
    (path.parent / "wandb" / "run").write_text("log")
    return [path]


def test_what_was_kept_comes_back_under_another_path() -> None:
    entry = Entry("k")
    entry.checkpoints.mkdir(parents=True)
    entry.keep(make("a", "1"), [Path("a/wandb")])
    assert not entry.checkpoints.exists()
    assert Entry("k").copy_out([Path("b/metrics.json")], [Path("b/wandb")])
    assert Path("b/metrics.json").read_text() == "1"
    assert Path("b/wandb/run").read_text() == "log"
    assert not Entry("other").copy_out([Path("c/metrics.json")], [])


def test_a_damaged_entry_is_dropped() -> None:
    entry = Entry("k")
    entry.keep(make("a", "1"), [])
    (entry.folder / "metrics.json").write_text("2")
    assert not entry.copy_out([Path("b/metrics.json")], [])
    assert not entry.folder.exists()


def test_the_key_changes_with_everything_that_decides_the_bits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keys = {
        key_of("fit", [], ["a", "b"]),
        key_of("suggest", [], ["a", "b"]),
        key_of("fit", ["scipy"], ["a", "b"]),
        key_of("fit", [], ["b", "a"]),
    }
    monkeypatch.setattr(cache, "hardware_and_versions", lambda: {"device": "another"})
    keys.add(key_of("fit", [], ["a", "b"]))
    assert len(keys) == 5


def test_the_store_of_an_experiment_is_the_projects(tmp_path: Path) -> None:
    inside = tmp_path / ".dvc/tmp/exps/tmpabc"
    inside.mkdir(parents=True)
    os.chdir(inside)
    assert root() == tmp_path / ".store"


def _hold(seconds: float) -> None:
    with Entry("k").locked():
        Path("held").write_text("")
        time.sleep(seconds)


def test_a_second_holder_waits_and_a_killed_one_frees_the_key() -> None:
    process = multiprocessing.get_context("spawn").Process(target=_hold, args=(60,))
    process.start()
    while not Path("held").exists():
        time.sleep(0.01)
    started = time.monotonic()
    process.kill()
    with Entry("k").locked():
        assert time.monotonic() - started < 30
    process.join()
