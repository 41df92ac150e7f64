"""Nodes that fail trainings: noted by the jobs there, avoided by those to come."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from project import ROOT
from segsweep.core.errors import MachineError, UserError
from segsweep.pipeline.cluster_nodes import avoided, counted, exclusion

Fails = Callable[..., None]
KEEP = [sys.executable, str(ROOT / "workflow/scripts/run_job.py"), "--log", "log"]


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fails:
    """A training on a node, which the machine may fail."""
    monkeypatch.chdir(tmp_path)

    def run(node: str, trial: str, fails: bool = True) -> None:
        monkeypatch.setenv("SLURMD_NODENAME", node)
        if not fails:
            with counted(Path(trial)):
                return
        with pytest.raises(MachineError), counted(Path(trial)):
            raise MachineError(f"{trial}: the GPU failed")

    return run


def test_a_node_that_fails_three_trainings_in_a_row_is_avoided(
    train: Fails, capsys: pytest.CaptureFixture[str]
) -> None:
    for trial in ("trials/000", "trials/001", "trials/002"):
        assert exclusion(1) == ""
        train("a", trial)
    train("b", "train", fails=False)
    assert avoided() == {"a": "trials/002: the GPU failed"}
    assert exclusion(1) == exclusion(1) == "--exclude=a"
    told = capsys.readouterr().err
    assert told.count("node a failed 3 trainings in a row") == 1
    assert "trials/002: the GPU failed" in told


def test_one_training_that_fails_again_and_again_goes_elsewhere_by_itself(train: Fails) -> None:
    for attempt in (1, 2):
        assert exclusion(attempt) == ""
        train("a", "000")
    assert exclusion(3) == "--exclude=a"
    assert exclusion(1) == ""


def test_a_success_clears_a_node(train: Fails) -> None:
    for trial, fails in (("000", True), ("001", True), ("002", False), ("003", True)):
        train("a", trial, fails)
    assert avoided() == {}


def test_a_training_that_fails_everywhere_is_no_nodes_fault(train: Fails) -> None:
    for node, trial in (("a", "000"), ("a", "001"), ("a", "002"), ("b", "000")):
        train(node, trial)
    assert avoided() == {}
    for trial in ("003", "004", "005"):
        train("b", trial)
    assert set(avoided()) == {"b"}


@pytest.mark.parametrize(
    ("ends", "noted"),
    [
        ("os.kill(os.getpid(), 9)", True),
        ("import nosuch", True),
        ("sys.exit('failed: the GPU failed')", True),
        ("sys.exit('error: found no key')", False),
        (
            "import time; print('error: found no key', flush=True); time.sleep(1);"
            "print('failed: the trial ended', file=sys.stderr); sys.exit(1)",
            False,
        ),
    ],
    ids=["killed", "crashed", "device", "mistake", "mistake in a trial"],
)
def test_a_mistake_that_a_training_calls_one_is_no_nodes_fault(
    tmp_path: Path, ends: str, noted: bool
) -> None:
    (tmp_path / "in").write_text("1")
    job = [*KEEP, "--outs", "trials/000/metrics.json", "trials/000/out.json", "--ins", "in"]
    job += ["--tag", "fit", "--", sys.executable, "-c", f"import os, sys; {ends}"]
    env = os.environ | {"SLURMD_NODENAME": "a"}
    done = subprocess.run(job, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "trials/000/metrics.json was not made, see log: " in done.stderr
    assert (tmp_path / ".store/nodes/a").exists() == noted


def test_elsewhere_than_on_a_node_nothing_is_noted(
    train: Fails, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SLURMD_NODENAME", raising=False)
    with pytest.raises(UserError), counted(Path("000")):
        raise MachineError("failed")
    assert not Path(".store").exists()


def test_the_second_of_two_copies_of_a_job_takes_what_the_first_made(tmp_path: Path) -> None:
    """As a run beside the orphans of one that was killed, on a cluster."""
    (tmp_path / "in").write_text("1")
    make = "import time; open('made', 'a').write('.'); time.sleep(1); open('out', 'w').write('2')"
    job = [*KEEP, "--outs", "out", "out.json", "--ins", "in", "--", sys.executable, "-c", make]
    copies = [
        subprocess.Popen(job, cwd=tmp_path, env=os.environ, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    told = [copy.communicate(timeout=60)[1] for copy in copies]
    assert [copy.returncode for copy in copies] == [0, 0]
    assert (tmp_path / "made").read_text() == "."
    assert sorted(told) == ["", "out: made by another copy of this job\n"]
