"""Errors that end a script with one sentence and exit status 1, without a traceback."""

import argparse
import errno
import os
import select
import signal
import sys
from collections.abc import Callable
from types import TracebackType


class UserError(Exception):
    """Invalid input. The message names the file or key, what was found and what to do."""

    word = "error"
    """The first word of the printed sentence."""


class MachineError(UserError):
    """A failure of the machine, such as a broken GPU; another machine may succeed."""

    word = "failed"


def command_line(main: Callable[[], None]) -> None:
    """Run a script's `main`; print a `UserError` as one sentence and exit with status 1.

    Errors of the file system are printed in the same way: no space, no permission, no such file.
    After Ctrl-C Python ends the process by SIGINT, so that a shell's loop ends too. If the reader
    of the output has ended (`... | head`), SIGPIPE ends the process, as it ends other programs.
    """
    sys.excepthook = _print_unless_interrupted
    try:
        _run(main)
    except BrokenPipeError:
        if not _reader_has_ended():
            raise
        _end_by_sigpipe()
    except SystemExit as error:
        if isinstance(error.__context__, BrokenPipeError):  # from the library that prints help
            _end_by_sigpipe()
        raise


def _run(main: Callable[[], None]) -> None:
    try:
        try:
            main()
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()  # an error at the end of Python would be a traceback
    except UserError as error:
        print(f"{error.word}: {error}", file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        if error.filename is None and error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # drops what could not be written
        print(f"error: {error.filename or 'the disk'}: {error.strerror}", file=sys.stderr)
        sys.exit(1)


def _reader_has_ended() -> bool:
    """Whether stdout or stderr is a pipe that no process reads any more."""
    poll = select.poll()
    for stream in (1, 2):
        poll.register(stream, 0)  # POLLERR is always reported
    return any(event & select.POLLERR for _, event in poll.poll(0))


def _end_by_sigpipe() -> None:
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGPIPE)


def _print_unless_interrupted(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, traceback)


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return an argument parser whose help is a script's docstring, with its line breaks."""
    return argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
