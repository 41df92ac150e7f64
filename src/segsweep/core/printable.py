"""Show text from files without its control characters, which could change a terminal or a page."""

import re
import sys
from collections.abc import Iterable
from typing import Any, TextIO

_CONTROLS = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 without tab and newline, DEL, C1
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f"  # change the direction of text
    "\u2028\u2029"  # end a line
    "\u2060-\u2065\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"  # invisible
    "\ud800-\udfff\ufffe\uffff"  # not allowed in UTF-8, or in HTML and SVG
    "]"
)


def escape_controls(text: str) -> str:
    r"""Return a text of any number of lines with control characters as `\x1b` or `\u202e`."""
    return _CONTROLS.sub(lambda match: _escape(match[0]), text)


def printable(text: str) -> str:
    """Return a name on one line, with each character escaped that has no visible form."""
    return "".join(c if c.isprintable() else _escape(c) for c in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()


class PrintableStream:
    """A stream that escapes control characters in text, and otherwise behaves as the given one."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        self.stream.write(escape_controls(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    @property
    def rich_proxied_file(self) -> TextIO:
        """The stream to which Rich, which prints the help, writes its colours."""
        return self.stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def protect_output() -> None:
    """Escape control characters in everything that this process prints from now on."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not None and not isinstance(stream, PrintableStream):
            setattr(sys, name, PrintableStream(stream))


def replace_line(text: str, stream: TextIO) -> None:
    """Replace the current line of a terminal, without starting a new one."""
    raw = stream.stream if isinstance(stream, PrintableStream) else stream
    raw.write(f"\r\033[K{escape_controls(text)}")
    raw.flush()
