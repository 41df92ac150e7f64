"""What a person sees when something is wrong: one sentence, exit status 1, no traceback."""

import argparse
import errno
import sys
from collections.abc import Callable


class UserError(Exception):
    """Bad input. The message names the file or key, what was found, and what to do."""

    word = "error"
    """What a script begins the sentence with."""


class MachineError(UserError):
    """What a machine failed at and another may do, as its GPU gave up."""

    word = "failed"


def command_line(main: Callable[[], None]) -> None:
    """Run a script's `main`, turning a `UserError` into its sentence and exit status 1.

    So is what the file system refuses: no space, no permission, no such file.
    """
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


def parser(description: str | None) -> argparse.ArgumentParser:
    """An argument parser that shows a script's docstring, example and all, as it is written."""
    return argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
