"""Lock files in a folder that every user may write to, between real users and processes."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from project import ROOT, not_as_root
from segsweep.core.errors import MachineError
from segsweep.pipeline.gpu_locks import try_lock
from segsweep.pipeline.gpus import LOCK_FOLDER

needs_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="NOT CHECKED: a second user needs a test started by root"
)
needs_strace = pytest.mark.skipif(
    not shutil.which("strace"), reason="NOT CHECKED: strace is not installed"
)
LOCK = "segsweep-GPU-0.lock"


def message(path: Path) -> str:
    """Return the error of `try_lock`, one sentence that names the file."""
    with pytest.raises(MachineError) as caught:
        try_lock(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text
    return text


@needs_root
@pytest.mark.parametrize("umask", [0o022, 0o027, 0o077, 0o777])
def test_a_second_user_can_use_the_lock_whatever_the_umask_of_the_first(
    umask: int, open_folder: Path
) -> None:
    before = os.umask(umask)
    try:
        held = try_lock(open_folder / LOCK)
    finally:
        os.umask(before)
    assert held is not None
    assert [path.name for path in open_folder.iterdir()] == [LOCK]
    assert (open_folder / LOCK).stat().st_mode & 0o777 == 0o444
    with not_as_root():
        assert try_lock(open_folder / LOCK) is None
        os.close(held)
        held = try_lock(open_folder / LOCK)
    assert held is not None
    assert try_lock(open_folder / LOCK) is None
    os.close(held)


@needs_root
@needs_strace
def test_a_file_of_another_user_is_opened_where_linux_refuses_to_create_it(
    open_folder: Path,
) -> None:
    """fs.protected_regular lets `open` fail with O_CREAT; strace shows that no call has it."""
    with not_as_root():
        (open_folder / LOCK).touch(0o444)
    trace = open_folder / "trace"
    run_traced(open_folder, "-f", "-o", str(trace), "-e", "trace=openat")
    opened = [line for line in trace.read_text().splitlines() if LOCK in line]
    assert opened
    assert not [line for line in opened if "O_CREAT" in line]


def run_traced(folder: Path, *options: str) -> str:
    """Lock a file in a process under strace, and print MachineErrors."""
    code = (
        "import sys; from pathlib import Path; from segsweep.core.errors import command_line\n"
        "from segsweep.pipeline.gpu_locks import try_lock\n"
        "command_line(lambda: try_lock(Path(sys.argv[1])))"
    )
    done = subprocess.run(
        ["strace", *options, sys.executable, "-c", code, str(folder / LOCK)],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.stderr


@needs_strace
@pytest.mark.parametrize("error", ["ENOLCK", "EOPNOTSUPP", "ENOSYS"])
def test_a_file_system_without_flock_is_reported(error: str, tmp_path: Path) -> None:
    inject = ("-e", "trace=flock", "-e", f"inject=flock:error={error}", "-o", "/dev/null")
    (line,) = run_traced(tmp_path, *inject).splitlines()
    assert line.startswith(f"failed: {tmp_path / LOCK}: cannot be locked (")
    assert "expected a file system with flock" in line


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


@pytest.mark.parametrize(
    ("plant", "found"),
    [
        (os.mkfifo, "a FIFO"),
        (Path.mkdir, "a folder"),
        (lambda path: path.symlink_to("/etc/passwd"), "a symbolic link"),
        (lambda path: path.symlink_to(path.parent / "new"), "a symbolic link"),
        (lambda path: path.symlink_to(path), "a symbolic link"),
        (make_socket, "a socket"),
    ],
)
def test_anything_but_a_file_is_refused_at_once(
    plant: Callable[[Path], object], found: str, open_folder: Path
) -> None:
    path = open_folder / LOCK
    plant(path)
    text = message(path)
    assert f"found {found} of user " in text
    assert "expected the lock file of a GPU, which every user can read" in text
    assert "remove it" in text
    assert [file.name for file in open_folder.iterdir()] == [LOCK]  # no link was followed


@needs_root
def test_a_file_that_cannot_be_read_is_reported_with_the_command_that_repairs_it(
    open_folder: Path,
) -> None:
    path = open_folder / LOCK
    path.touch(0o600)
    with not_as_root():
        text = message(path)
    assert "found a file that cannot be opened (Permission denied) of user root" in text
    command = text.split("`")[1]
    subprocess.run(command, shell=True, check=True)
    with not_as_root():
        lock = try_lock(path)
    assert lock is not None
    os.close(lock)


@needs_root
def test_a_folder_in_which_no_file_can_be_created_is_reported(open_folder: Path) -> None:
    open_folder.chmod(0o755)
    with not_as_root():
        assert "cannot be created (Permission denied)" in message(open_folder / LOCK)
    assert "cannot be created (No such file" in message(open_folder / "missing" / LOCK)


def test_all_processes_use_the_same_folder_whatever_their_tmpdir(tmp_path: Path) -> None:
    """Each trial has a TMPDIR of its own."""
    code = "from segsweep.pipeline.gpus import LOCK_FOLDER; print(LOCK_FOLDER)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src"), "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str(LOCK_FOLDER)
