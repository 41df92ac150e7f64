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

needs_strace = pytest.mark.skipif(
    not shutil.which("strace"), reason="NOT CHECKED: strace is not installed"
)
SYSTEM_CALLS = (
    "trace=openat,open,creat,mkdir,mkdirat,rename,renameat,renameat2,symlink,bind,connect"
)


def use_all_programs(example: Example, **env: str) -> None:
    """Run an offline and an online trial, sync both, and read both kinds of W&B runs."""
    with Server() as server:
        variables = server.environment | env
        example.trial(0, **env)
        example.trial(1, "--wandb-online", **variables)
        example._run(segsweep("sync", "results", "--data", example.data), True, variables)
        (sweep,) = server.state.sweeps.values()
        path = f"{sweep.entity}/{sweep.project}/{sweep.name}"
        for source in (path, str(example.out(0))):
            command = segsweep("evaluate", source, "--out", example.folder / "evaluated")
            command += ["--metric", "val_dice_coefficient", "--goal", "maximize"]
            example._run(command, False, variables)


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


@pytest.mark.parametrize("planted", ["link", "FIFO", "folder"])
def test_what_another_user_planted_in_the_temporary_folder_has_no_effect(
    planted: str, nuclei_processed: Path, tmp_path: Path
) -> None:
    temporary, victim = tmp_path / "tmp", tmp_path / "victim"
    victim.mkdir()
    (victim / "file").write_text("kept")
    temporary.mkdir()
    log = temporary / f"debug-cli.{getpass.getuser()}.log"
    if planted == "link":
        log.symlink_to(victim / "file")
        (temporary / "wandb").symlink_to(victim)
        (temporary / "tests").symlink_to(victim)  # the entity of the server's runs
    elif planted == "FIFO":
        os.mkfifo(log)
        os.mkfifo(temporary / "wandb")
    else:
        log.mkdir()
    before = sorted(temporary.iterdir())
    example = Example(tmp_path / "project", nuclei_processed)
    use_all_programs(example, TMPDIR=str(temporary))
    assert sorted(temporary.iterdir()) == before
    assert [path.name for path in victim.iterdir()] == ["file"]
    assert (victim / "file").read_text() == "kept"
