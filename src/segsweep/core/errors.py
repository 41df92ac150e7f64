"""Errors that end a script with one sentence and exit status 1, without a traceback."""

import argparse
import errno
import os
import select
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from traceback import print_exception
from types import TracebackType
from typing import NoReturn

from segsweep.core.printable import escape_controls, protect_output

_NO_PERMISSION = (
    "expected permission to use it; ask its owner for permission (chmod), or work in a clone of "
    "your own"
)
_NOT_A_FOLDER = "expected a folder; move what is in its place away, or delete it"
_NO_SPACE = "expected space for one more file; free some, then run the same command again"
_ADVICE = {
    errno.EACCES: _NO_PERMISSION,
    errno.EPERM: _NO_PERMISSION,
    errno.ENOSPC: _NO_SPACE,
    errno.EDQUOT: _NO_SPACE,
    errno.EROFS: "expected one that can be written to; move the project to another disk",
    errno.EISDIR: "expected a file; move the folder away, or delete it",
    errno.ENOTDIR: _NOT_A_FOLDER,
    errno.EEXIST: _NOT_A_FOLDER,
}
"""What was expected and what to do, by the error of the file system."""


class UserError(Exception):
    """Invalid input. The message names the file or key, what was found and what to do."""

    word = "error"
    """The first word of the printed sentence."""

    def __str__(self) -> str:
        """Return the message without control characters, as it may quote a file."""
        return escape_controls(super().__str__())


class MachineError(UserError):
    """A failure of the machine, such as a broken GPU; another machine may succeed."""

    word = "failed"


def command_line(main: Callable[[], None]) -> None:
    """Run a script's `main`; an error in the input ends it as in `exit_on_error`.

    Control characters in anything that the script prints are escaped. After Ctrl-C Python ends the
    process by SIGINT, so that a shell's loop ends too. If the reader of the output has ended
    (`... | head`), SIGPIPE ends the process, as it ends other programs.
    """
    protect_output()
    sys.excepthook = _print_unless_interrupted
    try:
        with exit_on_error(), _flushed_output():
            main()
    except BrokenPipeError:
        if not reader_has_ended():
            raise
        _end_by_sigpipe()
    except SystemExit as error:
        if isinstance(error.__context__, BrokenPipeError):  # from the library that prints help
            _end_by_sigpipe()
        raise


@contextmanager
def _flushed_output() -> Iterator[None]:
    """Write all output at the end of the block; a later error would have a traceback."""
    try:
        yield
    finally:
        if sys.stdout is not None:
            sys.stdout.flush()


@contextmanager
def exit_on_error() -> Iterator[None]:
    """End the process with one sentence and status 1 if the block raises a `UserError`.

    Errors of the file system are printed in the same way: no space, no permission, no such file.
    """
    try:
        yield
    except UserError as error:
        sys.exit(f"{error.word}: {error}")
    except OSError as error:
        if error.filename is None and error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        if error.filename is None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # drops what could not be written
        end_run(describe_os_error(error))


def describe_os_error(error: OSError) -> str:
    """Return an error of the file system as one sentence, with advice for the usual kinds."""
    advice = _ADVICE.get(error.errno or 0)
    found = f"{error.filename or 'the disk'}: {error.strerror}"
    return f"{found}, {advice}" if advice else found


def end_run(message: str) -> NoReturn:
    """End the process with one sentence and status 1."""
    sys.exit(f"error: {escape_controls(message)}")


def reader_has_ended(timeout: int | None = 0) -> bool:
    """Return whether stdout or stderr is a pipe that no process reads any more.

    Args:
        timeout: Milliseconds to wait until one of them is; None to wait for any time.
    """
    poll = select.poll()
    for stream in (1, 2):
        poll.register(stream, 0)  # POLLERR is always reported
    return any(event & select.POLLERR for _, event in poll.poll(timeout))


def _end_by_sigpipe() -> None:
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGPIPE)


def _print_unless_interrupted(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        print_exception(kind, error, traceback)


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return an argument parser whose help is a script's docstring, with its line breaks."""
    return argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
