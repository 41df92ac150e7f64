"""Put on PYTHONPATH by `witness.py`: a witness of real trainings, a killer at a write, a dawdler.

WITNESS: a file outside the tree. Every training that starts, and every epoch that is finished,
appends a line, and one more for a device that it holds, with process and time. KILL_AT ("name name
..."): a process that is about to rename a finished file of such a name into place is killed by
SIGKILL instead. DAWDLE: every training begins with a sleep of a random time, up to so many seconds.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

WITNESS = os.environ.get("WITNESS")
KILL_AT = os.environ.get("KILL_AT", "").split()


def _note(word: str) -> None:
    assert WITNESS is not None
    with Path(WITNESS).open("a") as file:
        file.write(f"{word}\n")


def _held() -> list[str]:
    """The devices whose lock files this process has open."""
    files = [Path(os.path.realpath(fd)) for fd in Path("/proc/self/fd").iterdir()]
    return [f.stem for f in files if f.name.startswith("segsweep-") and f.suffix == ".lock"]


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if event != "os.rename":
        return
    name = Path(os.fsdecode(arguments[1])).name  # type: ignore[arg-type]
    if name in KILL_AT:
        _note(f"killed at {name}")
        os.kill(os.getpid(), signal.SIGKILL)
    if name == "last.safetensors":
        _note("epoch")
        for device in _held():
            _note(f"epoch on {device} by {os.getpid()} at {time.monotonic()}")


if WITNESS:
    sys.addaudithook(_watch)
    if sys.orig_argv[1:2] == ["workflow/scripts/train.py"]:
        _note("training")
        time.sleep(random.uniform(0, float(os.environ.get("DAWDLE", "0"))))
