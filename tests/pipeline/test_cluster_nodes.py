"""Nodes that fail trainings: recorded by the jobs there, excluded from later jobs."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from project import ROOT
from segsweep.core.errors import MachineError, UserError
from segsweep.pipeline.cluster_nodes import nodes_to_exclude, record_failures, sbatch_exclusion

Fails = Callable[..., None]
RUN_JOB = [sys.executable, str(ROOT / "workflow/scripts/run_job.py"), "--log", "log"]


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fails:
    """Run a training on a node whose machine may fail."""
    monkeypatch.chdir(tmp_path)

    def run(node: str, trial: str, fails: bool = True) -> None:
        monkeypatch.setenv("SLURMD_NODENAME", node)
        if not fails:
            with record_failures(Path(trial)):
                return
        with pytest.raises(MachineError), record_failures(Path(trial)):
            raise MachineError(f"{trial}: the GPU failed")

    return run


def test_a_node_that_fails_three_trainings_in_a_row_is_excluded(
    train: Fails, capsys: pytest.CaptureFixture[str]
) -> None:
    for trial in ("trials/000", "trials/001", "trials/002"):
        assert sbatch_exclusion(1) == ""
        train("a", trial)
    train("b", "train", fails=False)
    assert nodes_to_exclude() == {"a": "trials/002: the GPU failed"}
    assert sbatch_exclusion(1) == sbatch_exclusion(1) == "--exclude=a"
    stderr = capsys.readouterr().err
    assert stderr.count("node a failed 3 trainings in a row") == 1
    assert "trials/002: the GPU failed" in stderr


def test_the_third_attempt_at_a_training_avoids_the_node_that_failed_it(train: Fails) -> None:
    for attempt in (1, 2):
        assert sbatch_exclusion(attempt) == ""
        train("a", "000")
    assert sbatch_exclusion(3) == "--exclude=a"
    assert sbatch_exclusion(1) == ""


def test_a_success_clears_the_record_of_a_node(train: Fails) -> None:
    for trial, fails in (("000", True), ("001", True), ("002", False), ("003", True)):
        train("a", trial, fails)
    assert nodes_to_exclude() == {}


def test_a_training_that_fails_on_several_nodes_is_not_counted(train: Fails) -> None:
    for node, trial in (("a", "000"), ("a", "001"), ("a", "002"), ("b", "000")):
        train(node, trial)
    assert nodes_to_exclude() == {}
    for trial in ("003", "004", "005"):
        train("b", trial)
    assert set(nodes_to_exclude()) == {"b"}


@pytest.mark.parametrize(
    ("ending", "is_recorded"),
    [
        ("os.kill(os.getpid(), 9)", True),
        ("import nosuch", True),
        ("sys.exit('failed: the GPU failed')", True),
        ("sys.exit('error: found no key')", False),
        (
            "print('error: found no key', flush=True);"
            "print('failed: the trial ended', file=sys.stderr); sys.exit(1)",
            False,
        ),
    ],
    ids=["killed", "crashed", "device", "mistake", "mistake in a trial"],
)
def test_only_failures_of_the_machine_are_recorded(
    tmp_path: Path, ending: str, is_recorded: bool
) -> None:
    (tmp_path / "in").write_text("1")
    job = [
        *RUN_JOB,
        "--outputs",
        "trials/000/metrics.json",
        "trials/000/out.json",
        "--inputs",
        "in",
    ]
    job += [
        "--cache",
        "training",
        "--on-nodes",
        "--",
        sys.executable,
        "-c",
        f"import os, sys; {ending}",
    ]
    env = os.environ | {"SLURMD_NODENAME": "a"}
    done = subprocess.run(job, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "trials/000/metrics.json was not made, see log: " in done.stderr
    assert (tmp_path / ".store/nodes/a").exists() == is_recorded


def test_nothing_is_recorded_outside_a_cluster(
    train: Fails, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SLURMD_NODENAME", raising=False)
    with pytest.raises(UserError), record_failures(Path("000")):
        raise MachineError("failed")
    assert not Path(".store").exists()


def test_a_damaged_record_of_a_failure_is_not_counted(train: Fails, tmp_path: Path) -> None:
    for trial in ("000", "001", "002"):
        train("a", trial)
    (tmp_path / ".store/nodes/a/001.json").write_text("")
    assert nodes_to_exclude() == {}
    assert set(nodes_to_exclude(2)) == {"a"}
