"""The cache: results by key, complete or not at all, one job at a time for each key."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from project import ROOT
from segsweep.pipeline import cache_keys
from segsweep.pipeline.cache import CacheEntry, cache_root
from segsweep.pipeline.cache_keys import cache_key


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


def test_a_saved_result_is_restored_to_another_path() -> None:
    entry = CacheEntry("k")
    entry.checkpoints.mkdir(parents=True)
    entry.save(make("a", "1"), [Path("a/wandb")])
    assert not entry.checkpoints.exists()
    assert CacheEntry("k").restore([Path("b/metrics.json")], [Path("b/wandb")])
    assert Path("b/metrics.json").read_text() == "1"
    assert Path("b/wandb/run").read_text() == "log"
    assert not CacheEntry("other").restore([Path("c/metrics.json")], [])


def test_a_damaged_entry_is_deleted() -> None:
    entry = CacheEntry("k")
    entry.save(make("a", "1"), [])
    (entry.folder / "metrics.json").write_text("2")
    assert not entry.restore([Path("b/metrics.json")], [])
    assert not entry.folder.exists()


def test_the_key_depends_on_everything_that_decides_the_bits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keys = {
        cache_key("training", [], ["a", "b"]),
        cache_key("suggest", [], ["a", "b"]),
        cache_key("training", ["scipy"], ["a", "b"]),
        cache_key("training", [], ["b", "a"]),
    }
    monkeypatch.setattr(cache_keys, "hardware_and_versions", lambda: {"device": "another"})
    keys.add(cache_key("training", [], ["a", "b"]))
    assert len(keys) == 5


def test_a_dvc_experiment_uses_the_cache_of_its_project(tmp_path: Path) -> None:
    inside = tmp_path / ".dvc/tmp/exps/tmpabc"
    inside.mkdir(parents=True)
    os.chdir(inside)
    assert cache_root() == tmp_path / ".store"


HOLD = """
import time
from segsweep.pipeline.cache import CacheEntry
with CacheEntry("k").locked():
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_killed_process_releases_its_key() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    started = time.monotonic()
    process.kill()
    with CacheEntry("k").locked():
        assert time.monotonic() - started < 30
    process.wait()
