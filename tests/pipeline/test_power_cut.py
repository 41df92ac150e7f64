"""What a power cut leaves of written files and of cache entries; on a real file system."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from power_cut import format_image, mounted, needs_loop_device
from segsweep.core.files import write_text
from segsweep.pipeline.cache import CacheEntry

pytestmark = needs_loop_device


def after_power_cut(tmp_path: Path, work: Callable[[], None]) -> Path:
    """Do `work` in an empty file system, cut the power, and return a copy of what is left."""
    image, copy = tmp_path / "disk", tmp_path / "copy"
    format_image(image)
    with mounted(image) as disk:
        here = Path.cwd()
        os.chdir(disk.folder)
        try:
            work()
        finally:
            os.chdir(here)
        disk.cut(copy)
    with mounted(copy) as disk:
        return Path(shutil.copytree(disk.folder, tmp_path / "left"))


def commit_names() -> None:
    """Make the file system write all names of files, which needs not write their content."""
    with Path("other").open("w") as file:
        os.fsync(file.fileno())


def test_a_written_file_is_whole(tmp_path: Path) -> None:
    def work() -> None:
        write_text("durable", "text")
        write_text("checked by its reader", "text", durable=False)
        commit_names()

    left = after_power_cut(tmp_path, work)
    assert (left / "durable").read_text() == "text"
    assert (left / "checked by its reader").read_text() in ("", "text")


def test_a_cache_entry_is_whole_when_its_checkpoints_are_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work() -> None:
        Path("metrics.json").write_text("1")
        Path("wandb").mkdir()
        Path("wandb/log").write_text("a log")
        entry = CacheEntry("key")
        entry.checkpoints.mkdir(parents=True)
        entry.save([Path("metrics.json")], [Path("wandb")])
        commit_names()

    monkeypatch.chdir(after_power_cut(tmp_path, work))
    entry = CacheEntry("key")
    assert not entry.checkpoints.exists()
    assert entry.restore([Path("out/metrics.json")], [Path("out/wandb")])
    assert Path("out/metrics.json").read_text() == "1"
    assert Path("out/wandb/log").read_text() == "a log"
