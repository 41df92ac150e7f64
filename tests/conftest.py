"""Shared fixtures: the sample, processed once, and fresh copies of the project."""

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from project import ROOT, Project
from segsweep.config.sections import Preprocess
from segsweep.data.dataset import ProcessedSet
from segsweep.data.preprocess import preprocess
from segsweep.data.sample import write_sample

settings.register_profile("whatever the load", deadline=None)  # no test asserts a time
settings.load_profile("whatever the load")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run whole runs first, as they take minutes, so that no worker waits at the end."""
    items.sort(key=lambda item: "workflow" not in item.path.parts)


@pytest.fixture(scope="session")
def nuclei_raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("nuclei")
    write_sample("nuclei", out)
    return out


@pytest.fixture(scope="session")
def nuclei_processed(nuclei_raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the nuclei sample at 64 x 64 pixels: real images, quick to train on."""
    out = tmp_path_factory.mktemp("processed")
    study = Preprocess(input_shape=[64, 64, 1])
    preprocess(nuclei_raw, out, study, tmp_path_factory.mktemp("kept"))
    return out


@pytest.fixture(scope="session")
def nuclei(nuclei_processed: Path) -> ProcessedSet:
    return ProcessedSet.open(nuclei_processed)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Return a folder that every user may write to, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a git repository with the project's present files and the small study."""
    folder = tmp_path_factory.mktemp("a folder with spaces") / "origin"
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        source, target = ROOT / name, folder / name
        if source.is_symlink() or source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target, follow_symlinks=False)
    project = Project(folder)
    project.shrink_study()
    project.run("git", "init", "--quiet")
    project.commit("the project with a small study")
    return folder


@pytest.fixture(scope="module")
def clones(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Project]:
    """Return a function that makes a clone with a given name, or returns the existing one."""
    base = tmp_path_factory.mktemp("clones in here")

    def make(name: str) -> Project:
        folder = base / name
        if not folder.exists():
            subprocess.run(["git", "clone", "--quiet", str(checkout), str(folder)], check=True)
        return Project(folder)

    return make
