"""Errors that end a script with one sentence and exit status 1, without a traceback."""

import argparse
import errno
import sys
from collections.abc import Callable
from traceback import print_exception
from types import TracebackType
from typing import NoReturn

from segsweep.core.printable import escape_controls, protect_output


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
    """Run a script's `main`; print a `UserError` as one sentence and exit with status 1.

    Errors of the file system are printed in the same way: no space, no permission, no such file.
    Control characters in anything that the script prints are escaped.
    After Ctrl-C Python ends the process by SIGINT, so that a shell's loop ends too.
    """
    protect_output()
    sys.excepthook = _print_unless_interrupted
    try:
        main()
    except UserError as error:
        print(f"{error.word}: {error}", file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        if error.filename is None and error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        print(f"error: {error.filename or 'the disk'}: {error.strerror}", file=sys.stderr)
        sys.exit(1)


def end_run(message: str) -> NoReturn:
    """End the process of Snakemake with one sentence and status 1."""
    sys.exit(f"error: {escape_controls(message)}")


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
