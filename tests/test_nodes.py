"""Nodes that fail trainings: noted by the jobs there, avoided by those to come."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from project import ROOT
from segsweep.errors import UserError
from segsweep.nodes import avoided, counted, exclusion

Fails = Callable[..., None]


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fails:
    """A training on a node, which the machine may fail."""
    monkeypatch.chdir(tmp_path)

    def run(node: str, trial: str, fails: bool = True) -> None:
        monkeypatch.setenv("SLURMD_NODENAME", node)
        if not fails:
            with counted(trial):
                return
        with pytest.raises(UserError), counted(trial):
            raise UserError(f"{trial}: the GPU failed")

    return run


def test_three_failures_in_a_row_are_the_nodes(
    train: Fails, capsys: pytest.CaptureFixture[str]
) -> None:
    for trial in ("000", "000", "001"):
        assert exclusion() == ""
        train("a", trial)
    train("b", "002", fails=False)
    assert avoided() == {"a": "001: the GPU failed"}
    assert exclusion() == exclusion() == "--exclude=a"
    told = capsys.readouterr().err
    assert told.count("node a failed 3 trainings in a row") == 1
    assert "001: the GPU failed" in told


def test_a_success_clears_a_node(train: Fails) -> None:
    for trial, fails in (("000", True), ("001", True), ("002", False), ("003", True)):
        train("a", trial, fails)
    assert avoided() == {}


def test_a_training_that_fails_everywhere_is_no_nodes_fault(train: Fails) -> None:
    for node in ("a", "a", "a", "b"):
        train(node, "000")
    assert avoided() == {}
    for trial in ("001", "002", "003"):
        train("b", trial)
    assert set(avoided()) == {"b"}


def test_elsewhere_than_on_a_node_nothing_is_noted(
    train: Fails, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SLURMD_NODENAME", raising=False)
    with pytest.raises(UserError), counted("000"):
        raise UserError("failed")
    assert not Path(".store").exists()


def test_the_second_of_two_copies_of_a_job_takes_what_the_first_made(tmp_path: Path) -> None:
    """As a run beside the orphans of one that was killed, on a cluster."""
    (tmp_path / "in").write_text("1")
    make = "import time; open('made', 'a').write('.'); time.sleep(1); open('out', 'w').write('2')"
    keep = [sys.executable, str(ROOT / "workflow/scripts/keep.py"), "--log", "log"]
    job = [*keep, "--outs", "out", "out.json", "--ins", "in", "--", sys.executable, "-c", make]
    copies = [
        subprocess.Popen(job, cwd=tmp_path, env=os.environ, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    told = [copy.communicate(timeout=60)[1] for copy in copies]
    assert [copy.returncode for copy in copies] == [0, 0]
    assert (tmp_path / "made").read_text() == "."
    assert sorted(told) == ["", "out: made by another copy of this job\n"]
