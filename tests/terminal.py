"""Run programs on a terminal, and find the control characters in what they print."""

import os
import pty
import subprocess
import unicodedata
from collections.abc import Sequence
from pathlib import Path

DIRECTIONS = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
"""Bidirectional classes of characters that change the direction of the text after them."""

HOSTILE = "\x1b[2J\x1b]0;title\x07 \x9b31m \x7f \x0b\u202eback\u2028next"
"""Text that clears a terminal, changes its title and colour, and reverses what follows."""
ESCAPED = r"\x1b[2J\x1b]0;title\x07 \x9b31m \x7f \x0b\u202eback\u2028next"
"""The same text as it is printed."""


def is_control(character: str) -> bool:
    """Whether a character controls a terminal or the layout of a page, or is no valid text."""
    return character not in "\n\t" and (
        unicodedata.category(character) in ("Cc", "Zl", "Zp", "Cs")
        or unicodedata.bidirectional(character) in DIRECTIONS
        or character in "\u061c\u200e\u200f\ufffe\uffff"
    )


def controls(text: str) -> list[str]:
    return list(filter(is_control, text))


def on_terminal(command: Sequence[str], folder: Path) -> tuple[int, str]:
    """Run a program with a pseudoterminal as its output; return its exit status and the output."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(command, cwd=folder, stdout=theirs, stderr=theirs)
    os.close(theirs)
    output = b""
    while part := _read(ours):
        output += part
    os.close(ours)
    return child.wait(), output.decode().replace("\r\n", "\n")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # the program has ended
        return b""
