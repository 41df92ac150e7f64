"""A closed pipe or a full disk at the other end of a command's output gives no traceback."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from project import ROOT, environment, segsweep

START = (
    f"import sys, time; sys.path.insert(0, {str(ROOT / 'src')!r})\n"
    "from segsweep.core.errors import UserError, command_line\n"
)
MAINS = {
    "at the end of Python": "print('x')",
    "while printing": "[print('x' * 100) for _ in range(10000)]",
    "with an exit status": "print('x'); sys.exit(2)",
    "with an error": "print('x'); raise UserError('y')",
}


def output_after_its_reader_ended(command: list[str]) -> tuple[int, str]:
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    errors = process.stderr.read()
    return process.wait(), errors


@pytest.mark.parametrize("main", MAINS.values(), ids=MAINS)
def test_a_closed_pipe_ends_a_command_by_sigpipe(main: str) -> None:
    code = f"{START}def main():\n    time.sleep(0.2); {main}\ncommand_line(main)"
    ended = output_after_its_reader_ended([sys.executable, "-c", code])
    assert ended == (-signal.SIGPIPE, "")


@pytest.mark.parametrize("arguments", [["--help"], ["explain", "--help"]])
def test_a_closed_pipe_ends_the_help_by_sigpipe(arguments: list[str]) -> None:
    assert output_after_its_reader_ended(segsweep(*arguments)) == (-signal.SIGPIPE, "")


def test_a_broken_pipe_that_is_not_the_output_stays_an_error() -> None:
    code = f"{START}def main(): raise BrokenPipeError(32, 'a socket')\ncommand_line(main)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert "a socket" in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="NOT CHECKED: no /dev/full here")
def test_a_full_disk_below_the_output_gives_one_sentence() -> None:
    code = f"{START}command_line(lambda: print('x'))"
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", code], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 1
    assert done.stderr.startswith("error: the disk: No space left on device, expected space")
    assert done.stderr.count("\n") == 1
