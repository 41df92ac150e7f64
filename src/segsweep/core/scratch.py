"""Folders for the files that `wandb` would else write under fixed names in /tmp.

Its commands append a log to `debug-cli.USER.log` in WANDB_DIR/wandb, or in TMPDIR if that folder
does not exist. Its public API makes a folder ENTITY/PROJECT/RUN in WANDB_DIR, or in TMPDIR without
it. In /tmp another user may have put a link or a FIFO there.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def wandb_scratch() -> Iterator[Path]:
    """Yield a new folder, readable by this user only, that is deleted at the end."""
    with tempfile.TemporaryDirectory(prefix="segsweep-", ignore_cleanup_errors=True) as folder:
        (Path(folder) / "wandb").mkdir()
        yield Path(folder)


def scratch_variables(scratch: Path) -> dict[str, str]:
    """Return the variables with which a `wandb` command writes to a folder of `wandb_scratch`."""
    return {"TMPDIR": str(scratch), "WANDB_DIR": str(scratch)}


@contextmanager
def wandb_api_scratch() -> Iterator[None]:
    """Let W&B's public API in this process write to a folder of `wandb_scratch`."""
    users = os.environ.get("WANDB_DIR")
    with wandb_scratch() as scratch:
        os.environ["WANDB_DIR"] = str(scratch)
        try:
            yield
        finally:
            del os.environ["WANDB_DIR"]
            if users is not None:
                os.environ["WANDB_DIR"] = users
