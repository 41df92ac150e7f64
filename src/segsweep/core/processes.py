"""Run other programs, and end a process when its parent or the reader of its output ends."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable

from segsweep.core.errors import UserError, reader_has_ended

_PR_SET_PDEATHSIG = 1  # prctl(2)
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # mallopt(3)


def die_with_parent(with_signal: signal.Signals = signal.SIGKILL) -> None:
    """Ask the kernel to end this process when its parent ends (Linux only).

    It has no effect if the parent has already ended, so call it before slow imports.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, with_signal)


def dying_with_me() -> Callable[[], None]:
    """Return a `preexec_fn` for `subprocess` with which the child ends when this process ends."""
    parent = os.getpid()

    def before_exec() -> None:
        die_with_parent()
        if os.getppid() != parent:
            os._exit(1)

    return before_exec


def keep_freed_memory() -> None:
    """Make glibc keep freed memory, since a training allocates the same sizes in every step.

    Otherwise large blocks go back to the kernel, which returns them page by page, filled with
    zeros. That takes 5 % of a training step on a CPU.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_MAX, 0)
        mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)


def output_of(*command: str) -> str:
    """Run a program and return what it printed.

    Raises:
        UserError: The program failed; the message is the line that it printed about it.
    """
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        lines = (done.stderr + done.stdout).strip().splitlines() or ["failed"]
        message = next(
            (line for line in lines if line.startswith(("ERROR: ", "fatal: "))), lines[-1]
        )
        if "safe.directory" in message + lines[-1]:  # what git prints about another user's folder
            message += f"; work in a clone of your own, or run `{lines[-1].strip()}`"
        name = command[2] if command[1] == "-m" else command[0]
        raise UserError(f"{name}: {message}")
    return done.stdout


def end_with_reader() -> None:
    """End this process when the process that reads its stdout or stderr from a pipe has ended.

    Most programs do so (`... | head`). Snakemake would wait forever for a thread that died while
    printing (seen with 9.27.1), and keep the lock of the folder.
    """

    def watch() -> None:
        if reader_has_ended(timeout=None):
            os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()
