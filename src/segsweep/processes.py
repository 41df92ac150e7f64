"""Processes that do not outlive their parent."""

import ctypes
import os
import signal
import sys
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
