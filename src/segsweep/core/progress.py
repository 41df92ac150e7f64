"""Progress of steps that may take long: how many are done, and the time left."""

import time

QUIET_SECONDS = 5.0
"""Minimum number of seconds from the start to the first line, and between two lines."""


class Progress:
    """Count steps of about equal length, and print a line at most every `QUIET_SECONDS`.

    Args:
        what: What is counted, for the line.
        total: The number of steps.
    """

    def __init__(self, what: str, total: int) -> None:
        self.what, self.total, self.done = what, total, 0
        self._start = self._printed = time.monotonic()

    def step(self) -> None:
        """Count a step that has ended."""
        self.done += 1
        now = time.monotonic()
        if now - self._printed >= QUIET_SECONDS and self.done < self.total:
            left = (now - self._start) / self.done * (self.total - self.done)
            print(f"{self.what}: {self.done} of {self.total}, about {left:.0f} s left", flush=True)
            self._printed = now
