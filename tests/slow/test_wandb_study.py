"""A whole study and a W&B server on loopback: uploaded later, and searched by W&B itself."""

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
    """A finished offline study: two trials, four confirmation runs and the single run."""
    project = clones("offline study")
    project.change_study(
        {"epochs": 2, "sweep": {"trials": 2}, "confirm": {"candidates": 2, "seeds": 2}}
    )
    project.snakemake("--resources", "gpu=1")
    return project


def sync(study: Project, server: Server, check: bool = True) -> str:
    return study.run("segsweep", "sync", check=check, env=server.environment)


def result_hashes(study: Project) -> dict[str, str]:
    return {path: sha256(path) for path in files_below(study.folder / "results")}


def assert_complete(study: Project, server: Server) -> None:
    name = sweep_id(read_yaml(study.folder / "results/sweep/sweep.yaml"))
    runs = server.state.runs.values()
    assert Counter(run.job_type for run in runs) == {"trial": 2, "confirm": 4, "train": 1}
    assert {run.group for run in runs if run.job_type != "train"} == {name}
    for run in runs:
        assert run.state == "finished"
        assert [row["epoch"] for row in run.history if "val_loss" in row] == [1, 2]
        assert any(file.startswith("media/images/") for file in run.files)
    (sweep,) = server.state.sweeps.values()
    assert {run.sweep for run in runs if run.job_type == "trial"} == {sweep.name}
    models = {a.metadata["dvc_md5"]: a for a in server.state.artifacts_of_type("model")}
    for folder in ("best", "train"):
        weights = study.folder / f"results/{folder}/model.safetensors"
        metrics = json.loads((weights.with_name("metrics.json")).read_text())
        model = models[md5(weights)]
        assert model.state == "COMMITTED"
        assert server.state.runs[model.run].summary["key"] == metrics["key"]
    assert len(server.state.artifacts_of_type("dataset")) == 1


def test_a_study_is_uploaded_completely_and_the_second_time_nothing_is_sent(study: Project) -> None:
    before = result_hashes(study)
    with Server() as server:
        output = sync(study, server)
        assert "7 of 7 runs are on" in output
        assert_complete(study, server)
        lines = {name: dict(run.lines) for name, run in server.state.runs.items()}
        server.requests.clear()
        assert "7 of 7 runs are on" in sync(study, server)
        assert_complete(study, server)
        assert {name: dict(run.lines) for name, run in server.state.runs.items()} == lines
        assert len(server.state.artifacts) == 3
        assert "RunResumeStatus" not in server.requests
        assert "CreateArtifact" not in server.requests
    assert result_hashes(study) == before
    assert study.nothing_to_be_done()


def test_an_incomplete_upload_is_reported_and_continued_the_next_time(study: Project) -> None:
    with Server() as server:
        server.fail("-confirm-.*file_stream", 404)
        server.fail("UpsertSweep", 403)
        output = sync(study, server, check=False)
        assert "error: the upload to" in output
        assert re.search(r"results/confirm/\d+: its state is running, expected finished", output)
        assert "results/sweep/sweep.yaml: " in output
        assert "results/train: run train-" in output
        assert "Traceback" not in output
        server.faults.clear()
        assert "7 of 7 runs are on" in sync(study, server)
        assert_complete(study, server)


def test_trials_uploaded_later_are_added_to_their_sweep(study: Project) -> None:
    with Server() as server:
        (log,) = study.folder.glob("results/trials/001/wandb/*/run-*.wandb")
        server.fail(f"/{log.stem.removeprefix('run-')}/file_stream", 404)
        assert "is incomplete: " in sync(study, server, check=False)
        server.faults.clear()
        sync(study, server)
        assert server.requests.count("UpsertSweep") == 2
        assert_complete(study, server)


def test_changing_wandb_mode_retrains_nothing(study: Project) -> None:
    before = result_hashes(study)
    with Server() as server:
        study.change_study({"wandb": {"mode": "online"}})
        assert "epoch" not in study.snakemake("--resources", "gpu=1", env=server.environment)
        assert server.requests == []
    study.change_study({"wandb": {"mode": "offline"}})
    study.snakemake("--resources", "gpu=1")
    assert {
        p: h for p, h in result_hashes(study).items() if "/next/" not in p and "report" not in p
    } == {p: h for p, h in before.items() if "/next/" not in p and "report" not in p}


def test_a_sweep_by_plain_wandb_uses_the_same_trainer_and_can_be_evaluated(
    study: Project, tmp_path: Path
) -> None:
    with Server() as server:
        output = study.run("wandb", "sweep", "results/sweep/sweep.yaml", env=server.environment)
        (sweep,) = server.state.sweeps.values()
        assert f"wandb agent team/segsweep/{sweep.name}" in output
        path = f"team/segsweep/{sweep.name}"
        study.run("wandb", "agent", "--count", "3", path, env=server.environment)
        runs = [run for run in server.state.runs.values() if run.sweep == sweep.name]
        assert [run.state for run in runs] == ["finished"] * 3
        for run in runs:
            metrics = study.read(f"results/agent/{run.name}/metrics.json")
            value = json.loads(metrics)["val_dice_coefficient"]
            assert run.summary["val_dice_coefficient"] == value
        output = study.run(
            *("segsweep", "evaluate", path, "--out", str(tmp_path / "out")),
            *("--study", "params.yaml"),
            env=server.environment,
        )
        assert "evaluate: 3 trials (3 finished) over batch_size" in output
    assert (tmp_path / "out/report.html").exists()
    assert (tmp_path / "out/next/params.yaml").exists()
