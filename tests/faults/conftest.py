"""What the fault tests share: tiny studies in real clones, and how to look at their processes."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from counting_project import Witnessed
from project import Project


@pytest.fixture(scope="session")
def tiny(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shrunk study with three trials of two epochs, committed, to clone from."""
    folder = tmp_path_factory.mktemp("tiny") / "origin"
    subprocess.run(["git", "clone", "--quiet", str(checkout), str(folder)], check=True)
    project = Project(folder)
    project.change_study({"epochs": 2, "sweep": {"trials": 3}})
    project.commit("three trials of two epochs")
    return folder


@pytest.fixture(scope="session")
def fresh(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Witnessed]:
    """Make a fresh clone by name."""

    def make(name: str) -> Witnessed:
        folder = tmp_path_factory.mktemp(name) / "a clone"
        subprocess.run(["git", "clone", "--quiet", str(tiny), str(folder)], check=True)
        project = Witnessed(folder, witness=folder.with_name("witness"))
        project.run("git", "config", "user.name", "tests")
        project.run("git", "config", "user.email", "tests@localhost")
        return project

    return make


@pytest.fixture(scope="session")
def reference(fresh: Callable[[str], Witnessed]) -> dict[str, bytes]:
    """What a run left alone makes."""
    project = fresh("reference")
    project.tool("snakemake")
    assert project.trainings() == 4
    return project.results()


def session_of(pid: int) -> list[int]:
    """The processes alive in the session that `pid` leads."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == pid and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def wait_for(condition: Callable[[], object], seconds: float, what: str) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.05)


def end_session(leader: subprocess.Popen[str]) -> None:
    for pid in session_of(leader.pid):
        os.kill(pid, signal.SIGKILL)
    leader.wait()
