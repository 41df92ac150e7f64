"""Copy what a command prints to a log file, and its lines of progress to the terminal."""

import codecs
import io
import math
import os
import subprocess
import sys
import time
from selectors import EVENT_READ, DefaultSelector
from typing import IO

from segsweep.core.printable import replace_line

STDERR_TIMEOUT = 5
"""Seconds to wait for stderr after the command has ended, as its children may hold it open."""


def copy_output(child: subprocess.Popen[bytes], log: IO[str]) -> None:
    """Write the lines of both streams to the log as they come, and those of stdout to the terminal.

    Returns when both streams have ended, or `STDERR_TIMEOUT` after stdout and the process ended.
    """
    streams = {child.stdout: _LineReader(), child.stderr: _LineReader()}
    end = math.inf
    with DefaultSelector() as selector:
        for stream in filter(None, streams):
            selector.register(stream, EVENT_READ)
        while (is_open := selector.get_map()) and time.monotonic() < end:
            for key, _ in selector.select(timeout=1):
                chunk = os.read(key.fd, 1 << 16)
                for line in streams[key.fileobj].lines(chunk):  # type: ignore[index]
                    log.write(f"{line}\n")
                    log.flush()
                    if key.fileobj is child.stdout:
                        _show(line, sys.stderr.isatty())
                if not chunk:
                    selector.unregister(key.fileobj)
            stdout_is_open = any(key.fileobj is child.stdout for key in is_open.values())
            if end == math.inf and not stdout_is_open and child.poll() is not None:
                end = time.monotonic() + STDERR_TIMEOUT


class _LineReader:
    """Splits a stream into lines without line ends, which may be those of any system."""

    def __init__(self) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self.decoder = io.IncrementalNewlineDecoder(decoder, translate=True)
        self.rest = ""

    def lines(self, chunk: bytes) -> list[str]:
        """Return the lines that `chunk` completes; an empty chunk ends the stream."""
        *lines, self.rest = (self.rest + self.decoder.decode(chunk, final=not chunk)).split("\n")
        if not chunk and self.rest:
            lines.append(self.rest)
        return lines


def _show(line: str, is_terminal: bool) -> None:
    """Print a line of progress, which on a terminal replaces the line before."""
    if is_terminal:
        replace_line(line, sys.stderr)
    else:
        print(line, file=sys.stderr, flush=True)
