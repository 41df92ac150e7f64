"""A whole study and a W&B server on loopback: synced later, and the other way round."""

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from project import Project
from segsweep.core.files import files_below, read_yaml, sha256
from segsweep.wandb_backend.agent import sweep_id
from segsweep.wandb_backend.artifacts import md5
from wandb_server import Server


@pytest.fixture(scope="module")
def study(clones: Callable[[str], Project]) -> Project:
    """An offline study, finished: two trials, four reruns and the single run."""
    project = clones("offline study")
    project.change_study(
        {"epochs": 2, "sweep": {"trials": 2}, "confirm": {"candidates": 2, "seeds": 2}}
    )
    project.snakemake("--resources", "gpu=1")
    return project


def sync(study: Project, server: Server, check: bool = True) -> str:
    script = "workflow/scripts/sync_wandb.py"
    return study.run("python", script, check=check, env=server.environment)


def contents(study: Project) -> dict[str, str]:
    return {path: sha256(path) for path in files_below(study.folder / "results")}


def assert_whole(study: Project, server: Server) -> None:
    name = sweep_id(read_yaml(study.folder / "results/sweep/sweep.yaml"))
    runs = server.books.runs.values()
    assert Counter(run.job_type for run in runs) == {"trial": 2, "confirm": 4, "train": 1}
    assert {run.group for run in runs if run.job_type != "train"} == {name}
    for run in runs:
        assert run.state == "finished"
        assert [row["epoch"] for row in run.history if "val_loss" in row] == [1, 2]
        assert any(file.startswith("media/images/") for file in run.files)
    (sweep,) = server.books.sweeps.values()
    assert {run.sweep for run in runs if run.job_type == "trial"} == {sweep.name}
    models = {one.metadata["dvc_md5"]: one for one in server.books.of_type("model")}
    for folder in ("best", "train"):
        weights = study.folder / f"results/{folder}/model.safetensors"
        metrics = json.loads((weights.with_name("metrics.json")).read_text())
        model = models[md5(weights)]
        assert model.state == "COMMITTED"
        assert server.books.run(model.run).summary["key"] == metrics["key"]
    assert len(server.books.of_type("dataset")) == 1


def test_a_study_is_synced_whole_and_a_second_time_nothing_is_sent(study: Project) -> None:
    before = contents(study)
    with Server() as server:
        told = sync(study, server)
        assert "7 of 7 runs are on" in told
        assert_whole(study, server)
        lines = {name: dict(run.lines) for name, run in server.books.runs.items()}
        server.asked.clear()
        assert "7 of 7 runs are on" in sync(study, server)
        assert_whole(study, server)
        assert {name: dict(run.lines) for name, run in server.books.runs.items()} == lines
        assert len(server.books.artifacts) == 3
        assert "RunResumeStatus" not in server.asked
        assert "CreateArtifact" not in server.asked
    assert contents(study) == before
    assert study.nothing_to_be_done()


def test_what_breaks_off_is_named_and_goes_on_the_next_time(study: Project) -> None:
    with Server() as server:
        server.fail("-confirm-.*file_stream", 404)
        server.fail("UpsertSweep", 403)
        told = sync(study, server, check=False)
        assert "error: not all is on" in told
        assert re.search(r"results/confirm/\d+: its state is running, expected finished", told)
        assert "results/sweep/sweep.yaml: " in told
        assert "results/train: run train-" in told
        assert "Traceback" not in told
        server.faults.clear()
        assert "7 of 7 runs are on" in sync(study, server)
        assert_whole(study, server)


def test_trials_that_come_later_join_their_sweep(study: Project) -> None:
    with Server() as server:
        (log,) = study.folder.glob("results/trials/001/wandb/*/run-*.wandb")
        server.fail(f"/{log.stem.removeprefix('run-')}/file_stream", 404)
        assert "not all is on" in sync(study, server, check=False)
        server.faults.clear()
        sync(study, server)
        assert server.asked.count("UpsertSweep") == 2
        assert_whole(study, server)


def test_where_runs_go_retrains_nothing(study: Project) -> None:
    before = contents(study)
    with Server() as server:
        study.change_study({"wandb": {"mode": "online"}})
        assert "epoch" not in study.snakemake("--resources", "gpu=1", env=server.environment)
        assert server.asked == []
    study.change_study({"wandb": {"mode": "offline"}})
    study.snakemake("--resources", "gpu=1")
    assert {
        p: h for p, h in contents(study).items() if "/next/" not in p and "report" not in p
    } == {p: h for p, h in before.items() if "/next/" not in p and "report" not in p}


def test_plain_wandb_sweep_and_agent_train_the_same_trainer_and_come_back(
    study: Project, tmp_path: Path
) -> None:
    with Server() as server:
        made = study.run("wandb", "sweep", "results/sweep/sweep.yaml", env=server.environment)
        (sweep,) = server.books.sweeps.values()
        assert f"wandb agent team/segsweep/{sweep.name}" in made
        path = f"team/segsweep/{sweep.name}"
        study.run("wandb", "agent", "--count", "3", path, env=server.environment)
        runs = [run for run in server.books.runs.values() if run.sweep == sweep.name]
        assert [run.state for run in runs] == ["finished"] * 3
        for run in runs:
            metrics = study.read(f"results/agent/{run.name}/metrics.json")
            value = json.loads(metrics)["val_dice_coefficient"]
            assert run.summary["val_dice_coefficient"] == value
        told = study.run(
            *("python", "workflow/scripts/evaluate.py", path, "--out", str(tmp_path / "out")),
            *("--study", "params.yaml"),
            env=server.environment,
        )
        assert "evaluate: 3 trials (3 finished) over batch_size" in told
    assert (tmp_path / "out/report.html").exists()
    assert (tmp_path / "out/next/params.yaml").exists()
