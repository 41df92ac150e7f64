"""What the fault tests share: tiny studies in real clones, with a witness of real trainings."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from project import Project, environment

SITE = Path(__file__).with_name("site")
TOOLS = {
    "snakemake": ("snakemake", "--cores", "8", "--resources", "gpu=1"),
    "repro": ("dvc", "repro"),
    "experiment": ("dvc", "exp", "run", "-S", "batch_size=64"),
}


@dataclass
class Witnessed(Project):
    """A project whose real trainings are counted in a file outside the tree."""

    witness: Path = field(default=Path())
    seen: int = 0

    def run(self, *command: str, **settings: Any) -> str:
        env = self.watched() | settings.pop("env", {})
        return super().run(*command, **settings, env=env)

    def start(self, *command: str, **env: str) -> subprocess.Popen[str]:
        """Start a command in a session of its own, so that all it leaves behind can be found."""
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=environment() | self.watched() | env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def watched(self) -> dict[str, str]:
        return {"WITNESS": str(self.witness), "PYTHONPATH": str(SITE)}

    def lines(self) -> list[str]:
        return self.witness.read_text().splitlines() if self.witness.exists() else []

    def trainings(self) -> int:
        """Real trainings since the last question."""
        total = self.lines().count("training")
        new, self.seen = total - self.seen, total
        return new

    def tool(self, name: str, check: bool = True) -> str:
        return self.run(*TOOLS[name], check=check)

    def results(self) -> dict[str, bytes]:
        """Every recorded file of the results, by name."""
        kept = ("metrics.json", "history.csv", "images.csv", "config.yaml", "suggestion.json")
        ends = (".safetensors", "best_config.yaml", "leaderboard.csv", "manifest.csv", "sweep.yaml")
        found = {}
        for top in ("results", "data/processed"):
            for path in sorted((self.folder / top).rglob("*")):
                if "wandb" not in path.parts and (path.name in kept or path.name.endswith(ends)):
                    found[str(path.relative_to(self.folder))] = path.read_bytes()
        return found


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
