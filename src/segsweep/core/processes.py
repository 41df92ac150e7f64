"""Other programs, and processes that do not outlive their parent or the reader of their output."""

import ctypes
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable

from segsweep.core.errors import UserError

_PR_SET_PDEATHSIG = 1  # prctl(2)
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # mallopt(3)


def die_with_parent(how: signal.Signals = signal.SIGKILL) -> None:
    """Have the kernel end this process when its parent ends (Linux; elsewhere nothing is done).

    A parent that has ended before this call is not noticed, so it belongs before slow imports.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, how)


def dying_with_me() -> Callable[[], None]:
    """A `preexec_fn` for `subprocess`: the child ends when this process does."""
    parent = os.getpid()

    def before_exec() -> None:
        die_with_parent()
        if os.getppid() != parent:
            os._exit(1)

    return before_exec


def keep_freed_memory() -> None:
    """Have glibc keep what is freed, as a training asks for the same sizes in every step.

    Otherwise large pieces go back to the kernel, which hands them out again page by page, zeroed:
    a twentieth of a training step on a CPU.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_MAX, 0)
        mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)


def output_of(*command: str) -> str:
    """What a program printed. Raises `UserError` with its own words when it fails."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        lines = (done.stderr + done.stdout).strip().splitlines() or ["failed"]
        said = next((line for line in lines if line.startswith("ERROR: ")), lines[-1])
        name = command[2] if command[1] == "-m" else command[0]
        raise UserError(f"{name}: {said}")
    return done.stdout


def end_with_reader() -> None:
    """End this process when the reader of its stdout or stderr, if a pipe, has gone.

    That is what a plain program does (`... | head`). Snakemake waits forever instead, for a thread
    that died while it printed (seen with 9.27.1), and would hold its lock on the folder.
    """
    poll = select.poll()
    for stream in (1, 2):
        poll.register(stream, 0)  # POLLERR is always told

    def watch() -> None:
        if any(event & select.POLLERR for _, event in poll.poll()):
            os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()
