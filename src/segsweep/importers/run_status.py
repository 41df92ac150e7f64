"""How a run ended, by W&B's state, by what it said of itself, and by its metric.

- `pruned`, `diverged` or `out_of_memory` where the run's own `status` says so;
- `finished` if W&B calls it finished and its metric is a number, `diverged` if that is NaN or
  infinite, `failed` if there is none;
- `failed` if it failed, crashed or was killed, unless its reason speaks of memory or divergence.
"""

import math
import re
from collections.abc import Sequence
from typing import get_args

from segsweep.search.trial_result import Status

WELL, BADLY = ("finished", ""), ("failed", "crashed", "killed")
"""States of W&B in which a run has ended; "" where the source tells no state."""

ENDED = (*WELL, *BADLY, *get_args(Status), "stopped")
OWN: dict[str, Status] = {
    "pruned": "pruned",
    "stopped": "pruned",  # as segsweep 0.1 called it
    "diverged": "diverged",
    "out_of_memory": "out_of_memory",
}
SIGNS: dict[Status, str] = {
    "out_of_memory": r"out.of.memory|\boom\b",
    "diverged": r"diverge|\bnan\b|not finite|non-?finite",
}


def ending(state: str, said: Sequence[str], value: float | None) -> Status:
    """`state` is one of `ENDED`, `said` its status, reason and error, `value` its metric."""
    for word in (state, *said):
        if word in OWN:
            return OWN[word]
    if state in WELL and "failed" not in said:
        if value is None:
            return "failed"
        return "finished" if math.isfinite(value) else "diverged"
    for name, sign in SIGNS.items():
        if any(re.search(sign, text, re.I) for text in said):
            return name
    return "failed"
