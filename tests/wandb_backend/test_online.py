"""A trial that streams its W&B run to a server on loopback, with the real agent and client."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from project import environment
from segsweep.core.checked_json import read_checked_json
from segsweep.core.dvc_hash import md5
from segsweep.core.errors import UserError
from segsweep.core.files import read_csv, read_yaml, write_yaml
from segsweep.wandb_backend.agent import sweep_id
from segsweep.wandb_backend.artifacts import cached_dvc_hash, dvc_hash
from segsweep.wandb_backend.settings import (
    RunTarget,
    check_agent_parameters,
    forward_variables,
    restore_variables,
)
from wandb_example import PARAMETERS, Example
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


def test_a_streamed_trial_is_complete_on_the_server(example: Example, server: Server) -> None:
    sweep = sweep_id(read_yaml(example.folder / "results/sweep/sweep.yaml"))
    (run,) = server.state.runs.values()
    assert (run.name, run.state, run.project) == (f"{sweep}-trial0", "finished", "cells")
    assert (run.group, run.job_type) == (sweep, "trial")
    assert {name: run.config[name] for name in PARAMETERS} == PARAMETERS
    history = read_csv(example.out(0) / "history.csv")
    logged = [row for row in run.history if "val_dice_coefficient" in row]
    assert [row["epoch"] for row in logged] == [1, 2, 3]
    assert [str(row["val_loss"]) for row in logged] == [row["val_loss"] for row in history]
    metrics = json.loads((example.out(0) / "metrics.json").read_text())
    expected = {key: value for key, value in metrics.items() if value is not None}
    assert {key: run.summary[key] for key in expected} == expected
    assert any(name.startswith("media/images/predictions") for name in run.files)


def test_the_sweep_is_created_once_and_has_the_run(example: Example, server: Server) -> None:
    (sweep,) = server.state.sweeps.values()
    (run,) = server.state.runs.values()
    assert run.sweep == sweep.name
    assert sweep.config["program"] == "workflow/scripts/train.py"
    (id_file,) = example.folder.glob(".store/wandb/*.json")
    assert read_checked_json(id_file) == sweep.name


def test_model_and_dataset_are_artifacts_with_the_hashes_of_dvc(
    example: Example, server: Server
) -> None:
    (run,) = server.state.runs.values()
    (dataset,) = server.state.artifacts_of_type("dataset")
    (model,) = server.state.artifacts_of_type("model")
    assert run.used_artifacts == [dataset.id]
    assert model.run == run.name
    assert dataset.metadata["dvc_md5"] == dvc_hash(example.data)
    weights = example.out(0) / "model.safetensors"
    assert model.metadata["dvc_md5"] == md5(weights)
    assert model.files["model.safetensors"] == weights.read_bytes()
    assert {"manifest.csv", "summary.json", "wandb_manifest.json"} == set(dataset.files)


def test_no_file_contains_the_key(example: Example, server: Server) -> None:
    assert example.files_with("batch_size")
    assert example.files_with(server.key) == []


def test_without_a_key_the_trial_ends_before_the_training(example: Example) -> None:
    output = example.trial(1, "--wandb-online", check=False, WANDB_ERROR_REPORTING="false")
    assert output.startswith("error: W&B: found no usable API key (No API key configured.")
    assert output.endswith(
        "expected one in WANDB_API_KEY or from `wandb login`; `wandb.mode: offline` in the study "
        "needs none\n"
    )


def test_an_offline_run_has_neither_key_nor_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"WANDB_API_KEY": "mine", "WANDB_DIR": "d", "HOME": "h"})
    restore_variables(online=False)
    assert os.environ == {"WANDB_DIR": "d", "HOME": "h"}


def test_an_online_run_has_the_users_variables_and_its_run_from_the_agent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    users = {"WANDB_API_KEY": "mine", "WANDB_RUN_ID": "no", "HOME": "h"}
    forwarded = forward_variables(users, RunTarget("cells", "team", online=True), "sweep on server")
    agents = {"WANDB_API_KEY": "token", "WANDB_BASE_URL": "http://127.0.0.1", "WANDB_RUN_ID": "r"}
    agents |= {"WANDB_SWEEP_ID": "here", "WANDB_SWEEP_PARAM_PATH": "p", "WANDB_MODE": "offline"}
    monkeypatch.setattr(os, "environ", agents | forwarded)
    restore_variables(online=True)
    from_agent = {"WANDB_RUN_ID": "r", "WANDB_SWEEP_PARAM_PATH": "p"}
    target = {"WANDB_PROJECT": "cells", "WANDB_ENTITY": "team"}
    sweep = {"WANDB_SWEEP_ID": "sweep on server"}
    assert os.environ == from_agent | target | sweep | {"WANDB_API_KEY": "mine"}


def test_parameters_from_the_agent_must_be_those_in_config_yaml(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WANDB_SWEEP_PARAM_PATH", raising=False)
    check_agent_parameters({}, "config.yaml")
    parameters = {"dropout": {"value": 0.1}, "batch_size": {"value": 8}}
    write_yaml(tmp_path / "run.yaml", {"wandb_version": 1} | parameters)
    monkeypatch.setenv("WANDB_SWEEP_PARAM_PATH", str(tmp_path / "run.yaml"))
    check_agent_parameters({"batch_size": 8, "dropout": 0.1, "epochs": 3}, "config.yaml")
    message = "config.yaml: found 4 for batch_size, expected 8, the value in suggestion.json"
    with pytest.raises(UserError, match=message):
        check_agent_parameters({"batch_size": 4, "dropout": 0.1}, "config.yaml")
    with pytest.raises(UserError, match=r"found None for dropout, expected 0\.1"):
        check_agent_parameters({"batch_size": 8}, "config.yaml")


def test_dvc_hash_of_a_folder_is_that_of_dvc(tmp_path: Path) -> None:
    for name, text in (("b.txt", "1"), ("a/ö.txt", "2"), ("a-b.txt", "3")):
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for command in (["init", "--no-scm", "--quiet"], ["add", "--quiet", "data"]):
        subprocess.run(["dvc", *command], cwd=tmp_path, env=environment(), check=True)
    expected = read_yaml(tmp_path / "data.dvc")["outs"][0]["md5"]
    assert dvc_hash(tmp_path / "data") == expected


@pytest.mark.parametrize("damage", ["", "{", '{"sha256": "", "value": "0.dir"}'])
def test_a_damaged_hash_in_the_cache_is_computed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "provenance.json").write_text("{}")
    assert cached_dvc_hash(folder) == dvc_hash(folder)
    (cached,) = tmp_path.glob(".store/wandb/dvc-*.json")
    cached.write_text(damage)
    assert cached_dvc_hash(folder) == dvc_hash(folder)
