"""Put on PYTHONPATH by `witness.py`: a witness of real trainings, a killer at a write, a dawdler.

WITNESS: a file outside the tree. Every training that starts, and every epoch that is finished,
appends a line. KILL_AT ("name name ..."): a process that is about to rename a finished file of such
a name into place is killed by SIGKILL instead. DAWDLE: every training begins with a sleep of a
random time, up to so many seconds.
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


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if event != "os.rename":
        return
    name = Path(os.fsdecode(arguments[1])).name  # type: ignore[arg-type]
    if name in KILL_AT:
        _note(f"killed at {name}")
        os.kill(os.getpid(), signal.SIGKILL)
    if name == "last.safetensors":
        _note("epoch")


if WITNESS:
    sys.addaudithook(_watch)
    if sys.orig_argv[1:2] == ["workflow/scripts/train.py"]:
        _note("training")
        time.sleep(random.uniform(0, float(os.environ.get("DAWDLE", "0"))))
