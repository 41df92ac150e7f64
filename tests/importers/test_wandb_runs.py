"""Offline runs that the real W&B client wrote, and a sweep read from a server by its API."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from project import ROOT, environment
from segsweep.analysis.completed_sweep import CompletedSweep
from segsweep.config.distributions import LogUniformValues, Uniform
from segsweep.config.search_space import Categorical, Constant
from segsweep.core.errors import UserError
from segsweep.core.files import write_yaml
from segsweep.importers.sources import read_sweep
from segsweep.importers.wandb_runs import read_offline
from segsweep.search.trial_result import TrialResult
from wandb_server import Server
from wandb_server.state import ENTITY, Run, Sweep

PARAMETERS = {
    "lr": {"min": 0.0001, "max": 0.1, "distribution": "log_uniform_values"},
    "net": {"parameters": {"depth": {"values": [2, 3, 4]}}},
    "epochs": {"value": 3},
}
CONFIG = {"method": "random", "metric": {"name": "val/dice", "goal": "maximize"}}

TRAINING = """
import os, signal, sys, wandb
settings = wandb.Settings(silent=True, console="off", x_disable_stats=True)
for i, ending in enumerate(sys.argv[1:]):
    config = {"lr": 0.001 * 3**i, "net": {"depth": 2 + i % 3}, "epochs": 3, "where": f"run/{i}"}
    run = wandb.init(project="cells", mode="offline", name=ending, config=config, settings=settings)
    run.define_metric("val/loss", summary="min")
    for epoch in range(3):
        dice = float("nan") if ending == "diverged" else 0.5 + 0.1 * epoch + 0.01 * i
        run.log({"epoch": epoch, "val/dice": dice, "val/loss": 1 - dice, "train": {"loss": 0.3}})
    if ending == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if ending == "out_of_memory":
        run.summary.update({"status": ending, "reason": "a batch of 64 takes 90 GB"})
    run.finish(exit_code=1 if ending == "failed" else 0)
"""
ENDINGS = ["first", "failed", "diverged", "out_of_memory", "last", "killed"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of real offline runs, the last of which was killed."""
    folder = tmp_path_factory.mktemp("offline")
    subprocess.run(
        [sys.executable, "-c", TRAINING, *ENDINGS],
        cwd=folder,
        env=environment(),
        capture_output=True,
    )
    return folder


@pytest.fixture(scope="module")
def offline(folder: Path) -> CompletedSweep:
    return read_sweep(str(folder), metric="val/dice")


def test_offline_runs_are_read_from_their_logs(offline: CompletedSweep) -> None:
    assert [trial.name for trial in offline.trials] == ENDINGS[:-1]
    assert [trial.status for trial in offline.trials] == [
        "finished",
        "failed",
        "diverged",
        "out_of_memory",
        "finished",
    ]
    assert offline.left_out == {"state running or killed": 1}
    first = offline.trials[0]
    assert first.value == pytest.approx(0.7)
    assert first.history == pytest.approx((0.5, 0.6, 0.7))
    assert offline.trials[2].history == ()
    assert first.outcomes["val/loss.min"] == pytest.approx(0.3)
    assert first.outcomes["train.loss"] == 0.3
    assert first.seconds is not None
    assert 0 < first.seconds < 60


def test_configuration_keys_that_vary_are_the_parameters(offline: CompletedSweep) -> None:
    assert list(offline.varied) == ["lr", "net.depth"]
    assert isinstance(offline.space["lr"], LogUniformValues)
    assert offline.space["net.depth"] == Categorical(values=[2, 3, 4])
    assert offline.space["epochs"] == Constant(value=3)


def test_a_sweep_configuration_types_the_parameters_and_a_defined_summary_is_the_best_value(
    folder: Path, tmp_path: Path
) -> None:
    write_yaml(tmp_path / "sweep.yaml", {**CONFIG, "parameters": PARAMETERS})
    config = tmp_path / "sweep.yaml"
    sweep = read_offline(folder / "wandb", sweep_config=config, metric="val/loss")
    assert list(sweep.space) == ["lr", "net.depth", "epochs"]
    assert sweep.trials[1].parameters == {"lr": 0.003, "net.depth": 3, "epochs": 3}
    assert sweep.goal == "minimize"
    assert sweep.trials[0].value == pytest.approx(0.3)
    assert sweep.trials[0].history == pytest.approx((0.5, 0.4, 0.3))


def test_an_unreadable_log_is_an_error(tmp_path: Path) -> None:
    log = tmp_path / "offline-run-20240101_000000-abc/run-abc.wandb"
    log.parent.mkdir()
    log.write_text("not a log")
    with pytest.raises(UserError, match=r"run-abc.wandb: cannot be read as a W&B run \(Error"):
        read_offline(tmp_path)
    with pytest.raises(UserError, match=r"found no offline-run-\*/run-\*.wandb, expected W&B's of"):
        read_offline(log.parent)


def run(index: int, state: str, summary: dict[str, Any]) -> Run:
    config = {"lr": 0.001 * 3**index, "net": {"depth": 2 + index}, "epochs": 3, "host": "a"}
    lines = {step: {"_step": step, "val/dice": 0.4 + 0.1 * step} for step in range(3)}
    fields = {"state": state, "summary": summary, "lines": lines, "sweep": "k3x9"}
    return Run(ENTITY, "cells", f"run-{index}", config, **fields)


RUNS = [
    run(0, "finished", {"val/dice": 0.6, "_runtime": 12.5, "best_epoch": 2}),
    run(1, "crashed", {"_runtime": 3}),
    run(2, "finished", {"val/dice": "NaN", "_wandb": {"runtime": 9}}),
    run(3, "running", {}),
]


@pytest.fixture(scope="module")
def server() -> Iterator[dict[str, str]]:
    """Start a W&B server on loopback; return the environment for its client."""
    with Server() as server:
        config = {**CONFIG, "parameters": PARAMETERS}
        server.state.sweeps["k3x9"] = Sweep(ENTITY, "cells", "k3x9", config)
        server.state.runs = {run.name: run for run in RUNS}
        yield server.environment


def read_in_process(path: str, server: dict[str, str], tmp_path: Path) -> str:
    """Return what `read_sweep` prints in a process of its own, with the real client."""
    code = (
        "import sys; from segsweep.importers.sources import read_sweep\n"
        "from segsweep.core.errors import command_line\n"
        "command_line(lambda: print(repr(read_sweep(sys.argv[1]))))"
    )
    settings = environment() | server | {"PYTHONPATH": str(ROOT / "src"), "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code, path],
        cwd=tmp_path,
        env=settings,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "Traceback" not in done.stderr
    return done.stdout if done.returncode == 0 else done.stderr


@pytest.mark.parametrize("path", ["team/cells/k3x9", "http://w.example/team/cells/sweeps/k3x9"])
def test_a_sweep_is_read_by_the_public_api(
    path: str, server: dict[str, str], tmp_path: Path
) -> None:
    names = {
        known.__name__: known
        for known in (CompletedSweep, TrialResult, Categorical, Constant, LogUniformValues, Uniform)
    }
    sweep = eval(read_in_process(path, server, tmp_path), {**names, "nan": float("nan")})
    assert isinstance(sweep, CompletedSweep)
    assert (sweep.source, sweep.metric, sweep.goal) == ("team/cells/k3x9", "val/dice", "maximize")
    assert list(sweep.space) == ["lr", "net.depth", "epochs"]
    assert isinstance(sweep.space["lr"], LogUniformValues)
    assert [trial.name for trial in sweep.trials] == ["run-0", "run-1", "run-2"]
    assert [trial.status for trial in sweep.trials] == ["finished", "failed", "diverged"]
    assert sweep.trials[0].parameters == {"lr": 0.001, "net.depth": 2, "epochs": 3}
    assert (sweep.trials[0].value, sweep.trials[0].seconds) == (0.6, 12.5)
    assert sweep.trials[0].history == pytest.approx((0.4, 0.5, 0.6))
    assert sweep.trials[0].outcomes == {"val/dice": 0.6, "best_epoch": 2}
    assert sweep.trials[2].seconds == 9
    assert sweep.left_out == {"state running": 1}


def test_a_sweep_that_is_not_on_the_server_is_an_error(
    server: dict[str, str], tmp_path: Path
) -> None:
    message = read_in_process("team/cells/nosuch", server, tmp_path)
    assert "error: team/cells/nosuch: W&B did not return the sweep (Could not find" in message
    assert "expected entity/project/sweep on the server of `wandb login`" in message


def test_a_missing_login_is_an_error(server: dict[str, str], tmp_path: Path) -> None:
    message = read_in_process("team/cells/k3x9", {**server, "WANDB_API_KEY": ""}, tmp_path)
    assert "error: team/cells/k3x9: W&B did not return the sweep (" in message
