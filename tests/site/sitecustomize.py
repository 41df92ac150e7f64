"""Put on PYTHONPATH by `counting_project.py`: counts trainings, kills at a write, adds delays.

COUNTER: a file outside the project. Every started training and every finished epoch appends a line;
an epoch appends another one with the process ID. KILL_AT ("name name ..."): a process that is about
to rename a finished file to such a name is killed by SIGKILL.
RANDOM_DELAY: every training begins with a pause of random length, at most this number of seconds.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

COUNTER = os.environ.get("COUNTER")
KILL_AT = os.environ.get("KILL_AT", "").split()


def _note(word: str) -> None:
    assert COUNTER is not None
    with Path(COUNTER).open("a") as file:
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
        _note(f"epoch by {os.getpid()}")


if COUNTER:
    sys.addaudithook(_watch)
    if sys.orig_argv[1:2] == ["workflow/scripts/train.py"]:
        _note("training")
        time.sleep(random.uniform(0, float(os.environ.get("RANDOM_DELAY", "0"))))
