"""Fixtures of the fault tests: tiny studies in real clones, and their processes."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from counting_project import CountingProject
from project import Project


@pytest.fixture(scope="session")
def tiny(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository to clone from: the small study with three trials of two epochs."""
    folder = tmp_path_factory.mktemp("tiny") / "origin"
    subprocess.run(["git", "clone", "--quiet", str(checkout), str(folder)], check=True)
    project = Project(folder)
    project.change_study({"epochs": 2, "sweep": {"trials": 3}})
    project.commit("three trials of two epochs")
    return folder


@pytest.fixture(scope="session")
def fresh(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], CountingProject]:
    """Return a function that makes a fresh clone with a given name."""

    def make(name: str) -> CountingProject:
        folder = tmp_path_factory.mktemp(name) / "a clone"
        subprocess.run(["git", "clone", "--quiet", str(tiny), str(folder)], check=True)
        project = CountingProject(folder, counter=folder.with_name("counter"))
        project.run("git", "config", "user.name", "tests")
        project.run("git", "config", "user.email", "tests@localhost")
        return project

    return make


@pytest.fixture(scope="session")
def reference(fresh: Callable[[str], CountingProject]) -> dict[str, bytes]:
    """Return the results of a run that nothing disturbs."""
    project = fresh("reference")
    project.tool("snakemake")
    assert project.trainings() == 4
    return project.results()


def session_of(pid: int) -> list[int]:
    """Return the living processes of the session that `pid` leads."""
    pids = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == pid and fields[0] != "Z":
            pids.append(int(stat.parent.name))
    return pids


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def wait_for(condition: Callable[[], object], seconds: float, what: str) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what} did not happen within {seconds} s"
        time.sleep(0.05)


def end_session(leader: subprocess.Popen[str]) -> None:
    for pid in session_of(leader.pid):
        os.kill(pid, signal.SIGKILL)
    leader.wait()
