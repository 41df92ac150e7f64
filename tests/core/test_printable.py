"""No control character of a file reaches the terminal, whatever prints it."""

import os
import pty
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from project import ROOT
from segsweep.core.printable import escape_controls, printable

HOSTILE = "\x1b[2J\x1b]0;title\x07 \x9b31m \x7f \r\u202eback\u2028next\ud800"
DIRECTIONS = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
"""Bidirectional classes of characters that change the direction of the text after them."""
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


def is_control(character: str) -> bool:
    """Whether a character controls a terminal or the layout of a page, or is no valid text."""
    return (
        unicodedata.category(character) in ("Cc", "Zl", "Zp", "Cs")
        or unicodedata.bidirectional(character) in DIRECTIONS
        or character in "\u061c\u200e\u200f\ufffe\uffff"
    )


def test_every_control_character_is_escaped_except_newline_and_tab() -> None:
    controls = [c for c in map(chr, range(sys.maxunicode + 1)) if is_control(c)]
    assert len(controls) > 2048 + 65 + 10
    for character in set(controls) - {"\n", "\t"}:
        escaped = escape_controls(character)
        assert escaped.isascii()
        assert escaped.isprintable(), escaped
        assert escaped.startswith("\\")


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
    done = on_terminal(PRINT.format(statement), tmp_path)
    assert done[0] == status
    output = done[1].replace("\r\n", "\n")  # the terminal's own line ends
    assert not [c for c in output if is_control(c) and c not in "\n\t"]
    assert r"\x1b[2J\x1b]0;title\x07 \x9b31m \x7f \r\u202eback\u2028next\ud800" in output


def test_progress_replaces_its_line_on_a_terminal(tmp_path: Path) -> None:
    """The stream is still a terminal, and only the text of the line is escaped."""
    statement = "assert sys.stderr.isatty() and sys.stderr.fileno() == 2; "
    statement += "replace_line('50 %' + text, sys.stderr)"
    status, output = on_terminal(PRINT.format(statement), tmp_path)
    assert status == 0
    assert output.startswith("\r\x1b[K50 %\\x1b[2J")
    assert output.count("\x1b") == 1


def test_colours_of_the_help_are_kept(tmp_path: Path) -> None:
    start = f"import sys; sys.path.insert(0, {str(ROOT / 'src')!r}); sys.argv[1:] = ['--help']; "
    start += "from segsweep.cli.app import main; main()"
    status, output = on_terminal(start, tmp_path)
    assert status == 0
    assert "\\x1b" not in output
    assert "Usage" in output


def on_terminal(code: str, folder: Path) -> tuple[int, str]:
    """Run Python with a pseudoterminal as its output; return its exit status and the output."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-c", code], cwd=folder, stdout=theirs, stderr=theirs, close_fds=True
    )
    os.close(theirs)
    output = b""
    while True:
        try:
            part = os.read(ours, 1 << 16)
        except OSError:  # the program has ended
            break
        if not part:
            break
        output += part
    os.close(ours)
    return child.wait(), output.decode()
