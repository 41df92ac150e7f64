"""The status of a run, from W&B's state, the run's own messages and its metric.

- `pruned`, `diverged` or `out_of_memory` if the run's own `status` says so;
- if W&B's state is finished: `finished` if the metric is a number, `diverged` if it is NaN or
  infinite, `failed` if there is none;
- if the run failed, crashed or was killed: `failed`, unless its reason mentions memory or
  divergence.
"""

import math
import re
from collections.abc import Sequence
from typing import get_args

from segsweep.search.trial_result import Status

FINISHED_STATES, FAILED_STATES = ("finished", ""), ("failed", "crashed", "killed")
"""W&B's states of runs that have ended; "" where the source has no state."""

ENDED_STATES = (*FINISHED_STATES, *FAILED_STATES, *get_args(Status), "stopped")
OWN_STATUS: dict[str, Status] = {
    "pruned": "pruned",
    "stopped": "pruned",  # the name in segsweep 0.1
    "diverged": "diverged",
    "out_of_memory": "out_of_memory",
}
MESSAGES: dict[Status, str] = {
    "out_of_memory": r"out.of.memory|\boom\b",
    "diverged": r"diverge|\bnan\b|not finite|non-?finite",
}
"""Patterns in the error message of a failed run."""


def run_status(state: str, messages: Sequence[str], value: float | None) -> Status:
    """Return the status of a run that has ended.

    Args:
        state: One of ENDED_STATES.
        messages: The run's own status, reason and error, as far as it has them.
        value: Its metric.
    """
    for word in (state, *messages):
        if word in OWN_STATUS:
            return OWN_STATUS[word]
    if state in FINISHED_STATES and "failed" not in messages:
        if value is None:
            return "failed"
        return "finished" if math.isfinite(value) else "diverged"
    for status, pattern in MESSAGES.items():
        if any(re.search(pattern, message, re.I) for message in messages):
            return status
    return "failed"
