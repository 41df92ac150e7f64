"""Two workers of DVC's queue on two devices: one training each, and no training twice."""

import json
import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from counting_project import Witnessed
from faults.conftest import wait_for
from project import Project

EPOCHS = 40
QUEUED = [["batch_size=4"], ["batch_size=6"], ["batch_size=12"], ["batch_size=6", "wandb.images=1"]]
"""The last asks for the training of the second."""

ON = re.compile(r"epoch on segsweep-(\S+) by (\d+) at (\S+)")


def shown(project: Project) -> list[dict[str, Any]]:
    """The queued and the finished experiments, as the editor extension asks for them."""
    text = project.run("dvc", "exp", "show", "--json")
    found = json.loads(text[text.index("[") :])
    return [one for row in found for one in row["experiments"] or []]


def single_run(experiment: dict[str, Any]) -> dict[str, Any]:
    data = experiment["revs"][0]["data"]
    return dict(data["metrics"]["results/train/metrics.json"]["data"]) if data else {}


def held(project: Witnessed) -> list[tuple[str, ...]]:
    """Device, process and time of each epoch that was trained while a device was held."""
    return [match.groups() for line in project.lines() if (match := ON.fullmatch(line))]


def test_two_workers_keep_to_one_training_on_each_of_two_devices(
    clones: Callable[[str], Project], tmp_path: Path
) -> None:
    project = Witnessed(clones("queue").folder, witness=tmp_path / "witness")
    project.run("git", "config", "user.name", "tests")
    project.run("git", "config", "user.email", "tests@localhost")
    project.change_study({"epochs": EPOCHS, "wandb": {"images": 2}})
    project.run("dvc", "repro", "train")
    project.commit("made")
    assert (project.trainings(), project.epochs()) == (1, EPOCHS)
    (tmp_path / "tmp").mkdir()
    two = {"SEGSWEEP_CPU_SLOTS": "2", "TMPDIR": str(tmp_path / "tmp")}
    for settings in QUEUED:
        asked = [part for setting in settings for part in ("-S", setting)]
        project.run("dvc", "exp", "run", "--queue", *asked, "train")
    project.start("dvc", "queue", "start", "--jobs", "2", **two).wait()

    # what runs is told live, from the folders of the experiments; it is stopped to be looked at
    wait_for(lambda: held(project), 200, "an epoch")
    training = int(held(project)[-1][1])
    os.kill(training, signal.SIGSTOP)
    running = [one for one in shown(project) if (one["executor"] or {}).get("state") == "running"]
    assert any(single_run(one)["status"] == "running" for one in running)
    logs = "".join(project.run("dvc", "queue", "logs", one["name"]) for one in running)
    assert f"train: epoch 1/{EPOCHS}, validation Dice" in logs
    os.kill(training, signal.SIGCONT)

    def done() -> bool:
        time.sleep(5)  # as asking costs the cores that the trainings need
        status = project.run("dvc", "queue", "status")
        return "Running" not in status and "Queued" not in status

    wait_for(done, 400, "the queue")

    # every experiment has the result of its own setting
    experiments = shown(project)
    results = {}
    for one in experiments:
        params = one["revs"][0]["data"]["params"]["params.yaml"]["data"]
        metrics = single_run(one)
        assert (metrics["status"], metrics["epochs"]) == ("finished", EPOCHS)
        assert metrics["effective_batch_size"] == params["batch_size"]
        results[params["batch_size"], params["wandb"]["images"]] = metrics
    assert set(results) == {(4, 2), (6, 2), (12, 2), (6, 1)}
    assert results[6, 2] == results[6, 1]

    # and the devices had one training at a time, each of which ran once
    assert project.trainings() == 3
    epochs = held(project)
    assert len(epochs) == project.epochs() == 3 * EPOCHS
    assert {device for device, _, _ in epochs} == {"CPU-0", "CPU-1"}
    times: dict[tuple[str, str], list[float]] = {}
    for device, process, at in epochs:
        times.setdefault((device, process), []).append(float(at))
    assert len(times) == 3
    for (device, process), own in times.items():
        for (other_device, other), theirs in times.items():
            if device == other_device and process != other:
                assert max(own) < min(theirs) or max(theirs) < min(own)
