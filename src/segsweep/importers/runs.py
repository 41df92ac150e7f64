"""A run as every source of runs gives it, and what is noted while runs are read."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from segsweep.core.formatting import format_names

MESSAGE_KEYS = ("status", "reason", "error", "exception")
"""Keys of a run's summary that may say how it ended."""

MAX_NAMES = 12
"""Most names in a sentence."""

STEP = "_step"
"""W&B's number of the last call of `wandb.log`."""

FINISHED_STATES = ("finished", "complete", "completed", "")
"""States of runs that have ended as planned: of W&B and of Optuna; "" where a source has none."""


@dataclass(frozen=True)
class Run:
    """A run that was read from W&B or from a table.

    Attributes:
        name: Its display name.
        state: W&B's state, in lower case.
        sweep: The name or id of its sweep; "" without one.
        config: Its configuration, with dotted names.
        summary: Its summary, with dotted names.
        seconds: Its run time; None where it is not known.
        history: A function from a metric's name to its logged values.
        id: Its id, which no other run has; "" where it is not known.
        created: When it was created, as text; "" where it is not known.
    """

    name: str
    state: str
    sweep: str
    config: Mapping[str, Any]
    summary: Mapping[str, Any]
    seconds: float | None = None
    history: Callable[[str], Sequence[Any]] = lambda metric: ()
    id: str = ""
    created: str = ""


@dataclass
class Notes:
    """What is noted while runs are read.

    Attributes:
        source: Where the runs were read from, for messages.
        left_out: How many runs are left out, by reason.
        statements: How the runs were read where that is not obvious, one sentence each.
    """

    source: str
    left_out: Counter[str] = field(default_factory=Counter)
    statements: list[str] = field(default_factory=list)

    def add(self, statement: str) -> None:
        self.statements.append(statement)


def listed(names: Sequence[str]) -> str:
    """Return names of columns as text, the first ones if they are many."""
    return format_names(names, MAX_NAMES)
