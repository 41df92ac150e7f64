"""Processes that do not outlive their parent, or the reader of what they print."""

import ctypes
import os
import select
import signal
import sys
import threading
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1  # prctl(2)


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
