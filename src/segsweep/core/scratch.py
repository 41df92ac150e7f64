"""Folders for files that other programs write under fixed names in /tmp or in HOME by default.

The commands of wandb append a log to `debug-cli.USER.log` in WANDB_DIR/wandb, or in TMPDIR if that
folder does not exist. Its public API makes a folder ENTITY/PROJECT/RUN in WANDB_DIR, or in TMPDIR
without it. PyTorch makes a folder `torchinductor_USER` in TMPDIR. In /tmp another user may have put
a link, a file or a FIFO under these names. wandb's caches are in HOME, which may be read-only.
"""

import atexit
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path


def _new_folder() -> tempfile.TemporaryDirectory[str]:
    """Return a folder that only this user can read."""
    return tempfile.TemporaryDirectory(prefix="segsweep-", ignore_cleanup_errors=True)


@cache
def process_scratch() -> Path:
    """Return a folder of this process, which is deleted when the process ends."""
    folder = _new_folder()
    atexit.register(folder.cleanup)
    return Path(folder.name)


@contextmanager
def wandb_scratch() -> Iterator[Path]:
    """Yield a new folder for one `wandb` command, which is deleted at the end."""
    with _new_folder() as folder:
        yield Path(folder)


def scratch_variables(scratch: Path) -> dict[str, str]:
    """Return the variables that make wandb write its logs and caches to a scratch folder."""
    return {
        "TMPDIR": str(scratch),
        "WANDB_CACHE_DIR": str(scratch / "cache"),
        "WANDB_DATA_DIR": str(scratch / "data"),
        "WANDB_DIR": str(scratch),
    }


@contextmanager
def wandb_api_scratch() -> Iterator[None]:
    """Let wandb in this process write to `process_scratch`; restore the variables at the end."""
    variables = scratch_variables(process_scratch())
    users = {name: value for name in variables if (value := os.environ.get(name)) is not None}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in variables:
            os.environ.pop(name, None)
        os.environ.update(users)
