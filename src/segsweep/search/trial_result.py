"""A trial that has ended, in the one form that the search, the analysis and the report use."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from segsweep.config.objective import Goal

Status = Literal["finished", "pruned", "diverged", "out_of_memory", "failed"]
"""How a trial ended. `failed` is for imported trials, for an unknown reason."""

Values = Mapping[str, Any]
"""A configuration: the value of each parameter, by name."""


@dataclass(frozen=True)
class TrialResult:
    """A trial that has ended.

    Attributes:
        parameters: The configuration that was trained.
        value: The metric; None unless the trial finished.
        status: How the trial ended.
        history: The metric after each epoch, as far as it is known.
        name: The trial's name: its number (`007`), or the name of a W&B run.
        seconds: Run time in seconds; None where it was not measured.
        outcomes: Other numbers that were logged, such as losses and the best epoch.
        reason: Why the trial did not finish; empty where it did.
    """

    parameters: Values
    value: float | None
    status: Status = "finished"
    history: tuple[float, ...] = ()
    name: str = ""
    seconds: float | None = None
    outcomes: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""

    def best_until(self, epoch: int, goal: Goal) -> float:
        """Return the best value of the first `epoch` epochs."""
        better = max if goal == "maximize" else min
        return better(self.history[:epoch])
