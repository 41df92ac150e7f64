"""A trial that streams its W&B run, by the real agent and client, to a server on loopback."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from project import environment
from segsweep.core.files import read_csv, read_yaml
from segsweep.wandb_backend.agent import sweep_id
from segsweep.wandb_backend.artifacts import dvc_hash, md5
from segsweep.wandb_backend.settings import Destination, beside, take_up
from wandb_example import CHOSEN, Example
from wandb_server import Server


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture(scope="module")
def example(
    nuclei_processed: Path, tmp_path_factory: pytest.TempPathFactory, server: Server
) -> Example:
    """A trial that was streamed, with its weights."""
    example = Example(tmp_path_factory.mktemp("online") / "project", nuclei_processed)
    example.trial(0, "--wandb-online", "--wandb-model", **server.environment)
    return example


def test_a_streamed_trial_is_whole_on_the_server(example: Example, server: Server) -> None:
    sweep = sweep_id(read_yaml(example.folder / "results/sweep/sweep.yaml"))
    (run,) = server.books.runs.values()
    assert (run.name, run.state, run.project) == (f"{sweep}-trial0", "finished", "cells")
    assert (run.group, run.job_type) == (sweep, "trial")
    assert {name: run.config[name] for name in CHOSEN} == CHOSEN
    history = read_csv(example.out(0) / "history.csv")
    logged = [row for row in run.history if "val_dice_coefficient" in row]
    assert [row["epoch"] for row in logged] == [1, 2, 3]
    assert [str(row["val_loss"]) for row in logged] == [row["val_loss"] for row in history]
    metrics = json.loads((example.out(0) / "metrics.json").read_text())
    assert {key: run.summary[key] for key in metrics if metrics[key] is not None} == {
        key: value for key, value in metrics.items() if value is not None
    }
    assert any(name.startswith("media/images/predictions") for name in run.files)


def test_its_sweep_was_made_there_once_and_has_it(example: Example, server: Server) -> None:
    (sweep,) = server.books.sweeps.values()
    (run,) = server.books.runs.values()
    assert run.sweep == sweep.name
    assert sweep.config["program"] == "workflow/scripts/train.py"
    (memory,) = example.folder.glob(".store/wandb/*.json")
    assert json.loads(memory.read_text()) == {"server": server.url, "sweep": sweep.name}


def test_model_and_data_are_artifacts_with_the_hashes_of_dvc(
    example: Example, server: Server
) -> None:
    (run,) = server.books.runs.values()
    (data,), (model,) = server.books.of_type("dataset"), server.books.of_type("model")
    assert run.used == [data.id]
    assert model.run == run.name
    assert data.metadata["dvc_md5"] == dvc_hash(example.data)
    weights = example.out(0) / "model.safetensors"
    assert model.metadata["dvc_md5"] == md5(weights)
    assert model.files["model.safetensors"] == weights.read_bytes()
    assert {"manifest.csv", "summary.json", "wandb_manifest.json"} == set(data.files)


def test_the_key_stands_in_no_file(example: Example, server: Server) -> None:
    assert example.files_with("batch_size")
    assert example.files_with(server.key) == []


def test_without_a_key_one_sentence_comes_before_the_training(example: Example) -> None:
    told = example.trial(1, "--wandb-online", check=False, WANDB_ERROR_REPORTING="false")
    assert told.startswith("error: W&B: found no key that can be used (No API key configured.")
    assert told.endswith(
        "expected one in WANDB_API_KEY or from `wandb login`; with wandb.mode: offline training "
        "needs none\n"
    )


def test_offline_a_run_has_neither_key_nor_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"WANDB_API_KEY": "mine", "WANDB_DIR": "d", "HOME": "h"})
    take_up(online=False)
    assert os.environ == {"WANDB_DIR": "d", "HOME": "h"}


def test_online_a_run_has_what_the_user_has_set_and_what_the_agent_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    users = {"WANDB_API_KEY": "mine", "WANDB_RUN_ID": "no", "HOME": "h"}
    users = beside(users, Destination("cells", "team", online=True), "there")
    agents = {"WANDB_API_KEY": "token", "WANDB_BASE_URL": "http://127.0.0.1", "WANDB_RUN_ID": "r"}
    agents |= {"WANDB_SWEEP_ID": "here", "WANDB_SWEEP_PARAM_PATH": "p", "WANDB_MODE": "offline"}
    monkeypatch.setattr(os, "environ", agents | users)
    take_up(online=True)
    agents = {"WANDB_RUN_ID": "r", "WANDB_SWEEP_PARAM_PATH": "p"}
    ours = {"WANDB_SWEEP_ID": "there", "WANDB_PROJECT": "cells", "WANDB_ENTITY": "team"}
    assert os.environ == agents | ours | {"WANDB_API_KEY": "mine"}


def test_a_folder_has_the_hash_that_dvc_gives_it(tmp_path: Path) -> None:
    for name, text in (("b.txt", "1"), ("a/ö.txt", "2"), ("a-b.txt", "3")):
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for command in (["init", "--no-scm", "--quiet"], ["add", "--quiet", "data"]):
        subprocess.run(["dvc", *command], cwd=tmp_path, env=environment(), check=True)
    known = read_yaml(tmp_path / "data.dvc")["outs"][0]["md5"]
    assert dvc_hash(tmp_path / "data") == known
