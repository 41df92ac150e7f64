"""Two workers of DVC's queue: live results, each experiment's own result, no training twice."""

import json
import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from counting_project import CountingProject
from faults.conftest import wait_for
from project import Project

EPOCHS = 40
QUEUED = [["batch_size=4"], ["batch_size=6"], ["batch_size=12"], ["batch_size=6", "wandb.images=1"]]
"""Settings of the experiments; the last needs the same training as the second."""

EPOCH_BY = re.compile(r"epoch by (\d+)")


def experiments_of(project: Project) -> list[dict[str, Any]]:
    """Return queued, running and finished experiments, as DVC's editor extension reads them."""
    output = project.run("dvc", "exp", "show", "--json")
    rows = json.loads(output[output.index("[") :])
    return [experiment for row in rows for experiment in row["experiments"] or []]


def train_metrics(experiment: dict[str, Any]) -> dict[str, Any]:
    """Return the metrics of the single run of an experiment; empty while it has none."""
    data = experiment["revs"][0]["data"]
    return dict(data["metrics"]["results/train/metrics.json"]["data"]) if data else {}


def processes(project: CountingProject) -> list[int]:
    """Return the process of each epoch so far."""
    matches = map(EPOCH_BY.fullmatch, project.lines())
    return [int(match[1]) for match in matches if match]


def test_two_queue_workers_share_trainings_and_show_live_results(
    clones: Callable[[str], Project], tmp_path: Path
) -> None:
    project = CountingProject(clones("queue").folder, counter=tmp_path / "counter")
    project.run("git", "config", "user.name", "tests")
    project.run("git", "config", "user.email", "tests@localhost")
    project.change_study({"epochs": EPOCHS, "wandb": {"images": 2}})
    project.run("dvc", "repro", "train")
    project.commit("a finished single run")
    assert (project.trainings(), project.epochs()) == (1, EPOCHS)
    for settings in QUEUED:
        options = [part for setting in settings for part in ("-S", setting)]
        project.run("dvc", "exp", "run", "--queue", *options, "train")
    project.start("dvc", "queue", "start", "--jobs", "2").wait()

    # Running experiments show live results; a training is paused so that it is still running.
    wait_for(lambda: len(processes(project)) > EPOCHS, 200, "an epoch")
    training = processes(project)[-1]
    os.kill(training, signal.SIGSTOP)
    running = [
        experiment
        for experiment in experiments_of(project)
        if (experiment["executor"] or {}).get("state") == "running"
    ]
    assert any(train_metrics(experiment).get("status") == "running" for experiment in running)
    logs = "".join(
        project.run("dvc", "queue", "logs", experiment["name"]) for experiment in running
    )
    assert f"train: epoch 1/{EPOCHS}, validation Dice" in logs
    os.kill(training, signal.SIGCONT)

    def is_done() -> bool:
        time.sleep(5)  # the trainings need the cores
        status = project.run("dvc", "queue", "status")
        return "Running" not in status and "Queued" not in status

    wait_for(is_done, 400, "the queue")

    results = {}
    for experiment in experiments_of(project):
        params = experiment["revs"][0]["data"]["params"]["params.yaml"]["data"]
        metrics = train_metrics(experiment)
        assert (metrics["status"], metrics["epochs"]) == ("finished", EPOCHS)
        assert metrics["effective_batch_size"] == params["batch_size"]
        results[params["batch_size"], params["wandb"]["images"]] = metrics
    assert set(results) == {(4, 2), (6, 2), (12, 2), (6, 1)}
    assert results[6, 2] == results[6, 1]
    assert project.trainings() == 3
    assert project.epochs() == 3 * EPOCHS
