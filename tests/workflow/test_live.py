"""What DVC shows of a running training, and that a killed one is never taken for a result.

The training is paused by SIGSTOP while it is inspected, so the test does not depend on timing.
"""

import csv
import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from counting_project import CountingProject
from faults.conftest import command_of, end_session, session_of, wait_for
from project import Project

EPOCHS = 40
TRAINING = ["workflow/scripts/train.py"]
RESULT = ("metrics.json", "history.csv", "images.csv", "model.safetensors")


@pytest.fixture(scope="module")
def project(clones: Callable[[str], Project], tmp_path_factory: pytest.TempPathFactory) -> Project:
    clone = clones("live")
    found = CountingProject(clone.folder, counter=tmp_path_factory.mktemp("seen") / "counter")
    found.run("git", "config", "user.name", "tests")
    found.run("git", "config", "user.email", "tests@localhost")
    found.change_study({"epochs": EPOCHS})
    found.commit("a longer training")
    return found


def history(project: Project) -> list[dict[str, str]]:
    try:
        return list(csv.DictReader(project.read("results/train/history.csv").decode().splitlines()))
    except FileNotFoundError:
        return []


def pause_after(project: Project, running: subprocess.Popen[str], epochs: int) -> int:
    """Pause the training after the given number of epochs and return its process."""
    wait_for(lambda: signalled(project).get("step", 0) >= epochs, 60, f"epoch {epochs}")
    started = [pid for pid in session_of(running.pid) if command_of(pid).split()[1:2] == TRAINING]
    (training,) = started
    os.kill(training, signal.SIGSTOP)
    return training


def signalled(project: Project) -> dict[str, int]:
    """Return the content of the signal file, which may be incomplete."""
    try:
        text = (project.folder / ".dvc/tmp/exps/run/DVCLIVE_STEP_COMPLETED").read_text()
        return dict(json.loads(text))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}


def dvc_json(project: Project, *command: str) -> Any:
    """Return the JSON output of a DVC command."""
    text = project.run("dvc", *command, "--json")
    return json.loads(text[min(text.index(c) for c in "[{" if c in text) :])


def metrics_shown(project: Project) -> dict[str, Any]:
    found = dvc_json(project, "metrics", "show")[""]["data"]["results/train/metrics.json"]["data"]
    return dict(found)


def points_shown(project: Project) -> list[float]:
    """Return the validation Dice by epoch in the plot of the single run."""
    shown = dvc_json(project, "plots", "show")["data"]["single run, validation Dice by epoch"]
    values = shown[0]["content"]["data"]["values"]
    return [float(v["dvc_inferred_y_value"]) for v in values if v["field"].endswith("coefficient")]


def test_a_running_training_is_shown_and_continues_after_a_kill(
    project: CountingProject, tmp_path: Path
) -> None:
    running = project.start("dvc", "exp", "run", "train")
    training = pause_after(project, running, 3)
    first = len(history(project))

    # each command shows the history and the metrics so far
    shown = metrics_shown(project)
    assert (shown["status"], shown["epochs"], shown["last"]["epoch"]) == ("running", first, first)
    dice = [float(row["val_dice_coefficient"]) for row in history(project)]
    assert shown["val_dice_coefficient"] == max(dice)
    assert shown["last"]["val_dice_coefficient"] == dice[-1]
    assert points_shown(project) == dice
    (workspace,) = [row for row in dvc_json(project, "exp", "show") if row["rev"] == "workspace"]
    assert workspace["data"]["metrics"]["results/train/metrics.json"]["data"] == shown
    assert signalled(project) == {"pid": training, "step": first}
    os.kill(training, signal.SIGCONT)
    pause_after(project, running, first + 2)
    later = len(history(project))
    assert len(points_shown(project)) == later > first

    # after a kill it is no result for Snakemake, not in the cache and not in dvc.lock
    end_session(running)
    assert later < EPOCHS
    assert metrics_shown(project)["status"] == "running"
    assert not project.nothing_to_be_done()
    keys = [path.parent for path in project.folder.glob(".store/entries/*/metrics.json")]
    assert keys == []
    lock = project.folder / "dvc.lock"
    assert "results/train" not in (lock.read_text() if lock.exists() else "")

    # the next run continues from the last epoch
    project.run("dvc", "repro", "train")
    assert [int(row["epoch"]) for row in history(project)] == list(range(1, EPOCHS + 1))
    finished = metrics_shown(project)
    assert (finished["status"], finished["epochs"]) == ("finished", EPOCHS)
    assert "last" not in finished
    assert project.epochs() <= EPOCHS + 1

    # and has the same bytes as a training that was not watched
    made_from = json.loads(project.read("results/train/provenance.json"))["made_from"]
    (config,) = [path for path in made_from if path.startswith(".snakemake/segsweep/inputs/train-")]
    command = ("python", "workflow/scripts/train.py", config, "data/processed", str(tmp_path))
    project.run(*command, "--key", finished["key"])
    for name in RESULT:
        assert project.read(f"results/train/{name}") == (tmp_path / name).read_bytes(), name
