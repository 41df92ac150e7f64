"""Files that wandb's programs write in TMPDIR: none has a name that another user can predict."""

import getpass
import os
import re
import shutil
from pathlib import Path

import pytest

from project import segsweep
from wandb_example import Example
from wandb_server import Server
from wandb_server.state import ENTITY

needs_strace = pytest.mark.skipif(
    not shutil.which("strace"), reason="NOT CHECKED: strace is not installed"
)
SYSTEM_CALLS = (
    "trace=openat,open,creat,mkdir,mkdirat,rename,renameat,renameat2,symlink,bind,connect"
)


def use_all_programs(example: Example, **env: str) -> str:
    """Train with each kind of W&B run, sync, and read both kinds of sources; return the output."""
    with Server() as server:
        variables = server.environment | env
        output = example.trial(0, **env)
        output += example.trial(1, "--wandb-online", **variables)
        single = ("params.yaml", str(example.data), "results/train", "--key", "single")
        single += ("--wandb-project", "cells", "--wandb-online", "--wandb-model")
        output += example.script("train.py", *single, **variables)
        sync = segsweep("sync", "results", "--data", example.data)
        output += example._run(sync, True, variables)
        (sweep,) = server.state.sweeps.values()
        for source in (f"{sweep.entity}/{sweep.project}/{sweep.name}", str(example.out(0))):
            command = segsweep("evaluate", source, "--out", example.folder / "evaluated")
            output += example._run(command, False, variables)  # the trials are alike
    return output


@needs_strace
def test_no_name_in_the_temporary_folder_is_the_same_in_two_runs(
    nuclei_processed: Path, tmp_path: Path
) -> None:
    names = []
    for run in ("first", "second"):
        temporary, trace = tmp_path / run, tmp_path / f"trace of {run}"
        temporary.mkdir()
        example = Example(tmp_path / f"project of {run}", nuclei_processed)
        example.prefix = ("strace", "-f", "-A", "-o", str(trace), "-e", SYSTEM_CALLS)
        use_all_programs(example, TMPDIR=str(temporary))
        used = re.findall(rf'"{re.escape(str(temporary))}/([^/"]+)', trace.read_text())
        names.append(set(used))
        assert list(temporary.iterdir()) == []
        assert "leet" in trace.read_text()
    assert names[0]
    assert names[0] & names[1] == set()


@pytest.mark.parametrize("planted", ["link", "FIFO"])
def test_neither_planted_files_in_the_temporary_folder_nor_a_missing_home_have_an_effect(
    planted: str, nuclei_processed: Path, tmp_path: Path
) -> None:
    temporary, victim = tmp_path / "tmp", tmp_path / "victim"
    victim.mkdir()
    (victim / "file").write_text("kept")
    temporary.mkdir()
    user = getpass.getuser()
    for name in (f"debug-cli.{user}.log", f"torchinductor_{user}", "wandb", ENTITY):
        if planted == "link":
            is_file = name.endswith(".log")
            (temporary / name).symlink_to(victim / "file" if is_file else victim)
        else:
            os.mkfifo(temporary / name)
    before = sorted(temporary.iterdir())
    example = Example(tmp_path / "project", nuclei_processed)
    no_folder = example.folder / "params.yaml/home"  # not even root can create it
    output = use_all_programs(example, TMPDIR=str(temporary), HOME=str(no_folder))
    assert "W&B:" not in output
    assert str(no_folder) not in output
    assert sorted(temporary.iterdir()) == before
    assert [path.name for path in victim.iterdir()] == ["file"]
    assert (victim / "file").read_text() == "kept"
