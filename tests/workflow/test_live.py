"""What DVC shows of a training while it runs, and that nothing of it is posterior_of_trials after a kill.

The training is stopped by SIGSTOP where it is looked at, so that no time decides what is seen.
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

from counting_project import Witnessed
from faults.conftest import command_of, end_session, session_of, wait_for
from project import Project

EPOCHS = 40
TRAINING = ["workflow/scripts/train.py"]
RESULT = ("metrics.json", "history.csv", "images.csv", "model.safetensors")


@pytest.fixture(scope="module")
def project(clones: Callable[[str], Project], tmp_path_factory: pytest.TempPathFactory) -> Project:
    clone = clones("live")
    found = Witnessed(clone.folder, witness=tmp_path_factory.mktemp("seen") / "witness")
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


def stop_after(project: Project, running: subprocess.Popen[str], epochs: int) -> int:
    """Stop the training once it has told of so many epochs; returns its process."""
    wait_for(lambda: signalled(project).get("step", 0) >= epochs, 60, f"epoch {epochs}")
    started = [pid for pid in session_of(running.pid) if command_of(pid).split()[1:2] == TRAINING]
    (training,) = started
    os.kill(training, signal.SIGSTOP)
    return training


def signalled(project: Project) -> dict[str, int]:
    """The last that is written of an epoch, in place, so perhaps not whole."""
    try:
        text = (project.folder / ".dvc/tmp/exps/run/DVCLIVE_STEP_COMPLETED").read_text()
        return dict(json.loads(text))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}


def told(project: Project, *command: str) -> Any:
    """What DVC answers as JSON."""
    text = project.run("dvc", *command, "--json")
    return json.loads(text[min(text.index(c) for c in "[{" if c in text) :])


def metrics_shown(project: Project) -> dict[str, Any]:
    found = told(project, "metrics", "show")[""]["data"]["results/train/metrics.json"]["data"]
    return dict(found)


def points_shown(project: Project) -> list[float]:
    """The validation Dice by epoch of the plot of the single run."""
    shown = told(project, "plots", "show")["data"]["single run, validation Dice by epoch"]
    values = shown[0]["content"]["data"]["values"]
    return [float(v["dvc_inferred_y_value"]) for v in values if v["field"].endswith("coefficient")]


def test_a_running_training_is_seen_killed_and_not_believed_and_goes_on(
    project: Witnessed, tmp_path: Path
) -> None:
    running = project.start("dvc", "exp", "run", "train")
    training = stop_after(project, running, 3)
    first = len(history(project))

    # the growing history and the metrics so far, by each command that the documentation names
    shown = metrics_shown(project)
    assert (shown["status"], shown["epochs"], shown["last"]["epoch"]) == ("running", first, first)
    dice = [float(row["val_dice_coefficient"]) for row in history(project)]
    assert shown["val_dice_coefficient"] == max(dice)
    assert shown["last"]["val_dice_coefficient"] == dice[-1]
    assert points_shown(project) == dice
    (workspace,) = [row for row in told(project, "exp", "show") if row["rev"] == "workspace"]
    assert workspace["data"]["metrics"]["results/train/metrics.json"]["data"] == shown
    assert signalled(project) == {"pid": training, "step": first}
    os.kill(training, signal.SIGCONT)
    stop_after(project, running, first + 2)
    later = len(history(project))
    assert len(points_shown(project)) == later > first

    # killed, it is neither a result for Snakemake, nor in the store, nor in DVC's lock
    end_session(running)
    assert later < EPOCHS
    assert metrics_shown(project)["status"] == "running"
    assert not project.nothing_to_be_done()
    keys = [path.parent for path in project.folder.glob(".store/entries/*/metrics.json")]
    assert keys == []
    lock = project.folder / "dvc.lock"
    assert "results/train" not in (lock.read_text() if lock.exists() else "")

    # and the next run goes on from its last epoch
    project.run("dvc", "repro", "train")
    assert [int(row["epoch"]) for row in history(project)] == list(range(1, EPOCHS + 1))
    finished = metrics_shown(project)
    assert (finished["status"], finished["epochs"]) == ("finished", EPOCHS)
    assert "last" not in finished
    assert project.epochs() <= EPOCHS + 1

    # with the very bytes of a training at which nobody looked
    made_from = json.loads(project.read("results/train/provenance.json"))["made_from"]
    (config,) = [path for path in made_from if path.startswith(".snakemake/segsweep/inputs/train-")]
    command = ("python", "workflow/scripts/train.py", config, "data/processed", str(tmp_path))
    project.run(*command, "--key", finished["key"])
    for name in RESULT:
        assert project.read(f"results/train/{name}") == (tmp_path / name).read_bytes(), name
