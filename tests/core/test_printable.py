"""No control character of a file reaches the terminal, whatever prints it."""

import sys
from pathlib import Path

import pytest

from project import ROOT
from segsweep.core.printable import escape_controls, printable
from terminal import ESCAPED, HOSTILE, controls, is_control, on_terminal

PRINT = f"""
import sys
sys.path.insert(0, {str(ROOT / "src")!r})
from segsweep.core.errors import UserError, command_line
from segsweep.core.printable import replace_line
text = {HOSTILE!r}
def main():
    {{}}
command_line(main)
"""


def test_every_control_character_is_escaped_except_newline_and_tab() -> None:
    for character in filter(is_control, map(chr, range(sys.maxunicode + 1))):
        escaped = escape_controls(character)
        assert escaped.startswith("\\")
        assert escaped.isascii()
        assert escaped.isprintable()


@pytest.mark.parametrize(
    "text", ["a\n\tb\n", "Größe 3 %, 中文 和", "می\u200cخواهم", "👩\u200d🔬", "e\u0301", "\\x1b"]
)
def test_text_without_control_characters_stays_as_it_is(text: str) -> None:
    assert escape_controls(text) == text


def test_a_name_is_on_one_line() -> None:
    assert printable("a\nb\tc\x1b") == r"a\nb\tc\x1b"


@pytest.mark.parametrize(
    ("statement", "status"),
    [
        ("print(text)", 0),
        ("print(text, file=sys.stderr)", 0),
        ("print('\\udcff', text)", 0),
        ("sys.stdout.writelines([text, text])", 0),
        ("raise UserError(text)", 1),
        ("raise OSError(2, 'no such file', text)", 1),
        ("raise RuntimeError(text)", 1),
        ("sys.exit(text)", 1),
        ("import warnings; warnings.warn(text)", 0),
        ("import logging; logging.error(text)", 0),
    ],
)
def test_a_script_prints_no_control_character(statement: str, status: int, tmp_path: Path) -> None:
    ended, output = on_terminal([sys.executable, "-c", PRINT.format(statement)], tmp_path)
    assert ended == status
    assert controls(output) == []
    assert ESCAPED in output


def test_progress_replaces_its_line_on_a_terminal(tmp_path: Path) -> None:
    """The stream is still a terminal, and only the text of the line is escaped."""
    statement = "assert sys.stderr.isatty() and sys.stderr.fileno() == 2; "
    statement += "replace_line('50 %' + text, sys.stderr)"
    status, output = on_terminal([sys.executable, "-c", PRINT.format(statement)], tmp_path)
    assert (status, output) == (0, f"\r\x1b[K50 %{ESCAPED}")


def test_the_help_keeps_its_colours(tmp_path: Path) -> None:
    start = f"import sys; sys.path.insert(0, {str(ROOT / 'src')!r}); sys.argv[1:] = ['--help']; "
    start += "from segsweep.cli.app import main; main()"
    status, output = on_terminal([sys.executable, "-c", start], tmp_path)
    assert status == 0
    assert "Usage" in output
    assert r"\x1b" not in output
