"""What the search knows of a trial that has ended."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from segsweep.config.objective import Goal

Status = Literal["finished", "pruned", "diverged", "out_of_memory"]
Values = Mapping[str, Any]


@dataclass(frozen=True)
class TrialResult:
    """A trial: its parameters, its value, None if it did not finish, and how it ended.

    `history` is the metric, epoch by epoch, as far as the trial came.
    """

    parameters: Values
    value: float | None
    status: Status = "finished"
    history: tuple[float, ...] = ()

    def until(self, epoch: int, goal: Goal) -> float:
        """The best value of the first `epoch` epochs."""
        better = max if goal == "maximize" else min
        return better(self.history[:epoch])
