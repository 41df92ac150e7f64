"""Own images that changed without a change of size: compared with what the real DVC tracks."""

import subprocess
from pathlib import Path

import pytest

from segsweep.data.raw_changes import describe_changes

RAW = Path("data/raw")
IMAGE = RAW / 'images/ünï "quoted".png'


@pytest.fixture(autouse=True)
def _tracked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for file in (IMAGE, RAW / "images/b.png", RAW / "masks/a/1.png"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(file.name)
    for command in ("git init --quiet", "dvc init --quiet", "dvc add --quiet data/raw"):
        subprocess.run(command.split(), check=True)


def test_a_change_of_the_same_size_is_named_with_two_ways_out() -> None:
    assert describe_changes(RAW) is None
    before = IMAGE.read_text()
    IMAGE.write_text(before.upper())
    message = str(describe_changes(RAW))
    assert (
        'found 1 of 3 files that differ from those that data/raw.dvc tracks (images/ünï "'
        in message
    )
    subprocess.run(["dvc", "checkout", "--force", "--quiet", "data/raw.dvc"], check=True)
    assert IMAGE.read_text() == before
    assert describe_changes(RAW) is None
    IMAGE.write_text(before.upper())
    subprocess.run(["dvc", "add", "--quiet", "data/raw"], check=True)
    assert describe_changes(RAW) is None


def test_a_change_is_found_without_the_cache_of_dvc() -> None:
    subprocess.run(["rm", "-r", ".dvc/cache"], check=True)
    assert describe_changes(RAW) is None
    IMAGE.write_text(IMAGE.read_text().upper())
    assert "found some files that differ" in str(describe_changes(RAW))


def test_the_sample_is_not_compared() -> None:
    Path("data/raw.dvc").unlink()
    assert describe_changes(RAW) is None
