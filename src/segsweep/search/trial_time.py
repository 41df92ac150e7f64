"""How long a trial trained."""

import math
from pathlib import Path

from segsweep.core.errors import UserError
from segsweep.core.files import read_json


def training_seconds(folder: Path) -> float | None:
    """Return how long a training took, in seconds; None if that is not known.

    Args:
        folder: The folder of the trial, such as `results/trials/007`.

    Raises:
        UserError: The file is damaged. No record has the hash of `timing.json`, so that no job
            makes it again.
    """
    timing = folder / "timing.json"
    if not timing.exists():
        return None
    try:
        seconds = float(read_json(timing)["training_seconds"])
        if not math.isfinite(seconds):
            raise ValueError(seconds)
        return seconds
    except (UserError, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{timing}: found no training_seconds, expected the file that a training writes; "
            "delete it, and the time of this trial will be unknown"
        ) from error
