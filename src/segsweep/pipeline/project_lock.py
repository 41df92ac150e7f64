"""Lock a project against other runs of Snakemake, commands of segsweep, and DVC.

DVC deletes the outputs of a stage before it starts the stage's command. If that command is
Snakemake, it would notice too late that another Snakemake is running. So a running Snakemake adds
itself to DVC's own list of locks (`rwlock`) as a reader of the results, and DVC refuses to begin a
stage. The list has process IDs; DVC ignores those of processes that have ended.
"""

import atexit
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from segsweep.core.errors import UserError, end_run
from segsweep.core.files import no_locks, read_json, write_text
from segsweep.pipeline.fingerprint import STATE

DVC = Path(".dvc")
RESULTS = ("data/processed", "results")
"""What a run of Snakemake reads and writes."""
EXPERIMENT = "refs/exps/exec"
"""What `dvc exp run` locks before it changes the work tree; not with --temp or --queue."""
COMMAND = "snakemake; wait until it has ended"
"""How DVC names this process where it refuses to start."""


def lock_project() -> Any:
    """Lock this folder against other runs until the returned file is closed or the process ends."""
    STATE.mkdir(parents=True, exist_ok=True)
    path = STATE / "lock"
    file = path.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        end_run(
            f"another snakemake is running in {os.getcwd()}; wait until it has ended "
            "(a dry run, -n, works meanwhile)"
        )
    except OSError as error:
        raise no_locks(path, error) from error
    return file


def keep_dvc_out() -> None:
    """Let DVC refuse to change the results until this process ends.

    Call it with the lock of `lock_project`. A stage of DVC holds its own lock on its results, so
    there it only prevents `dvc exp run` in the work tree.

    Raises:
        UserError: DVC is changing the results.
    """
    if not DVC.is_dir():
        return
    held = {DVC / "tmp/exps/rwlock": [EXPERIMENT]}
    if "DVC_STAGE" not in os.environ:
        held[DVC / "tmp/rwlock"] = [os.path.abspath(path) for path in RESULTS]  # noqa: PTH100
    atexit.register(_release, os.getpid(), [file.absolute() for file in held])
    for file, paths in held.items():
        with _edited(file) as locks:
            _remove_own(locks)
            _refuse_writers(locks, paths)
            for path in paths:
                entry = {"pid": os.getpid(), "cmd": COMMAND}
                locks["read"].setdefault(path, []).append(entry)


def _release(pid: int, files: list[Path]) -> None:
    """Remove the entries of this process; not in its forked children."""
    if os.getpid() == pid:
        for file in filter(Path.exists, files):
            with suppress(OSError, UserError), _edited(file) as locks:
                _remove_own(locks)


@contextmanager
def _edited(file: Path) -> Iterator[dict[str, Any]]:
    """Yield DVC's list of locks and write it back, under the lock that DVC itself takes for it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    guard_path = file.with_name("rwlock.lock")
    with guard_path.open("a") as guard:
        try:
            fcntl.flock(guard, fcntl.LOCK_EX)
        except OSError as error:
            raise no_locks(guard_path, error) from error
        locks: dict[str, Any] = {"write": {}, "read": {}}
        with suppress(UserError, TypeError, ValueError):  # not there, or damaged
            locks |= {kind: dict(paths) for kind, paths in dict(read_json(file)).items()}
        yield locks
        write_text(file, json.dumps(locks))


def _remove_own(locks: dict[str, Any]) -> None:
    """Remove all entries of Snakemake: only the holder of the project's lock may have any."""
    for path, readers in list(locks["read"].items()):
        locks["read"][path] = [reader for reader in readers if reader["cmd"] != COMMAND]
        if not locks["read"][path]:
            del locks["read"][path]


def _refuse_writers(locks: dict[str, Any], paths: list[str]) -> None:
    """Raise `UserError` if a living process of DVC writes to one of these paths."""
    for written, writer in locks["write"].items():
        overlaps = any(f"{written}/".startswith(f"{p}/") for p in paths)
        if overlaps and _is_dvc(writer["pid"]):
            raise UserError(
                f"{written}: `{writer['cmd']}` (process {writer['pid']}) is changing it; wait "
                "until it has ended"
            )


def _is_dvc(pid: int) -> bool:
    """Return whether a process of DVC has this ID; another program may have got it since."""
    try:
        return b"dvc" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
