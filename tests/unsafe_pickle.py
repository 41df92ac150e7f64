"""What a stranger may have put into a file."""

from pathlib import Path


class Unpickled:
    """Leaves a file at `trace` when a pickle of it is loaded."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.trace,)
