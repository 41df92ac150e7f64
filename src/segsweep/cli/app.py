"""The program `segsweep`: its commands, help and error messages."""

import inspect
import textwrap
from collections.abc import Callable

from cyclopts import App, CycloptsError, Parameter

from segsweep.cli.accept import accept
from segsweep.cli.cache import gc
from segsweep.cli.evaluate import evaluate
from segsweep.cli.explain import explain
from segsweep.cli.hardware import hardware
from segsweep.cli.import_data import import_data
from segsweep.cli.predict import predict
from segsweep.cli.sync import sync
from segsweep.core.errors import UserError, command_line

COMMANDS: tuple[Callable[..., None], ...] = (
    import_data,
    hardware,
    predict,
    evaluate,
    sync,
    explain,
    accept,
)
HELP = """\
Commands for your data, a study's results and the cache. Call them in the folder
of a clone, the one with params.yaml. `snakemake --cores all` runs the study.

`segsweep COMMAND --help` describes a command and shows an example.
"""
EXAMPLE = "\nExample:\n"
"""Heading of the last section of a command's docstring."""
CACHE_HELP = "Manage the cache of finished trainings (.store)."


def split_docstring(function: Callable[..., None]) -> tuple[str, str]:
    """Return a command's docstring without its example, and the lines of the example."""
    text, _, example = inspect.cleandoc(function.__doc__ or "").partition(EXAMPLE)
    return text.strip(), textwrap.dedent(example).strip()


def _epilogue(function: Callable[..., None]) -> str:
    return "Example:\n" + textwrap.indent(split_docstring(function)[1], "  ")


app = App(
    name="segsweep",
    help=HELP,
    help_format="plaintext",
    version_flags=[],
    default_parameter=Parameter(negative=()),
    print_error=False,
    exit_on_error=False,
)
cache = App(name="cache", help=CACHE_HELP, help_epilogue=_epilogue(gc), sort_key=len(COMMANDS))
cache.command(gc, help_epilogue=_epilogue(gc))
for _position, _command in enumerate(COMMANDS):
    app.command(_command, help_epilogue=_epilogue(_command), sort_key=_position)
app.command(cache)


def _run() -> None:
    try:
        app()
    except CycloptsError as error:
        command = " ".join(("segsweep", *(error.command_chain or ())))
        raise UserError(f"{error} See `{command} --help`.") from error


def main() -> None:
    """Run `segsweep` with the arguments of this process."""
    command_line(_run)
