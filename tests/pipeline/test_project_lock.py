"""A running Snakemake keeps DVC out: DVC deletes no results, and waits or refuses."""

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from project import ROOT, Project
from segsweep.core.errors import UserError
from segsweep.pipeline.project_lock import keep_dvc_out, lock_project

HOLD = """
import sys
from segsweep.core.errors import exit_on_error
from segsweep.pipeline.project_lock import keep_dvc_out, lock_project
with exit_on_error():
    lock = lock_project()
    keep_dvc_out()
print("held", flush=True)
sys.stdin.read()
"""
RESULT = "data/processed/images.npy"
RWLOCK = ".dvc/tmp/rwlock"
STAGE = f"""
stages:
  preprocess:
    cmd: mkdir -p data/processed && cp params.yaml {RESULT}
    deps: [params.yaml]
    outs: [data/processed]
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a project of DVC with one stage that has run and is out of date."""
    project = Project(tmp_path_factory.mktemp("a project"))
    project.run("git", "init", "--quiet")
    project.run("dvc", "init", "--quiet")
    (project.folder / "params.yaml").write_text("value: old")
    (project.folder / "dvc.yaml").write_text(STAGE)
    project.run("dvc", "repro")
    (project.folder / "params.yaml").write_text("value: new")
    return project


def hold(project: Project) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLD],
        cwd=project.folder,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def holder(project: Project) -> Iterator[subprocess.Popen[str]]:
    process = hold(project)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_dvc_deletes_nothing_while_snakemake_runs_and_works_after_it_was_killed(
    project: Project, holder: subprocess.Popen[str]
) -> None:
    output = project.run("dvc", "repro", check=False)
    assert f"(PID {holder.pid}): snakemake; wait until it has ended" in output
    assert project.read(RESULT) == b"value: old"
    assert "changed" in project.run("dvc", "status")
    holder.kill()
    holder.wait()
    project.run("dvc", "repro")
    assert project.read(RESULT) == b"value: new"


def test_the_entries_are_removed_at_the_end_also_those_of_a_killed_run(
    project: Project, holder: subprocess.Popen[str]
) -> None:
    """Another program may have the process ID of the killed one."""
    entry = {"pid": os.getpid(), "cmd": "snakemake; wait until it has ended"}
    other = {"pid": os.getpid(), "cmd": "dvc push"}
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    file = project.folder / RWLOCK
    file.write_text(json.dumps({"write": {}, "read": {"a": [entry], "b": [entry, other]}}))
    ended = hold(project)
    assert ended.communicate("")[0] == "held\n"
    assert json.loads(file.read_text()) == {"write": {}, "read": {"b": [other]}}


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"read": []}', '{"read": 3}'])
def test_a_damaged_list_of_locks_is_written_again(project: Project, damage: str) -> None:
    (project.folder / RWLOCK).write_text(damage)
    assert hold(project).communicate("") == ("held\n", "")
    project.run("dvc", "status")


def test_snakemake_waits_for_a_stage_of_dvc(project: Project) -> None:
    """The name of a process of DVC has "dvc" in it; other programs may have got its ID since."""
    file, path = project.folder / RWLOCK, str(project.folder / "data/processed")
    for name, expected in (("dvc", "`dvc repro` (process"), ("sleep", "")):
        writer = subprocess.Popen(["bash", "-c", f"exec -a {name} sleep 60"])
        entry = {"pid": writer.pid, "cmd": "dvc repro"}
        file.write_text(json.dumps({"write": {path: entry}, "read": {}}))
        output, errors = hold(project).communicate("")
        writer.kill()
        writer.wait()
        assert expected in errors
        assert output == ("" if expected else "held\n")
    file.unlink()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_gives_one_sentence(
    project: Project, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def flock(*_: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.chdir(project.folder)
    monkeypatch.setattr("fcntl.flock", flock)
    for lock in (lock_project, keep_dvc_out):
        with pytest.raises(UserError, match=r"lock: cannot be locked .* move the project"):
            lock()
