"""A trial that has ended, and how the trials of a sweep are read from their folders.

The search, the analysis and the report all use `TrialResult`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from segsweep.config.objective import Goal
from segsweep.core.files import read_csv, read_json

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


def trial_folder(trials: Path, index: int) -> Path:
    """Return the folder of a trial: `results/trials/007` for trial 7."""
    return trials / f"{index:03d}"


def count_ended_trials(trials: Path, limit: int) -> int:
    """Count the trials that have ended, from the first one to the first that has not.

    Args:
        trials: The folder of all trials.
        limit: The number of trials to look at.
    """
    count = 0
    while count < limit and (trial_folder(trials, count) / "metrics.json").exists():
        count += 1
    return count


def read_trials(
    trials: Path, ended: int, index: int, metric: str
) -> tuple[list[TrialResult], list[dict[str, Any]]]:
    """Read what is known when trial `index` is chosen.

    Args:
        trials: The folder of all trials.
        ended: How many trials have ended; those from this one to `index` - 1 are running.
        index: The trial to choose.
        metric: The name of the metric.

    Returns:
        The trials that have ended, and the configurations of those that are running.
    """
    chosen = [
        read_json(trial_folder(trials, i) / "suggestion.json")["parameters"] for i in range(index)
    ]
    observed = []
    for i in range(ended):
        metrics = read_json(trial_folder(trials, i) / "metrics.json")
        value = metrics[metric] if metrics["status"] == "finished" else None
        history = read_csv(trial_folder(trials, i) / "history.csv")
        curve = tuple(float(row[metric]) for row in history)
        observed.append(TrialResult(chosen[i], value, metrics["status"], curve))
    return observed, chosen[ended:]


def earlier_trials(search: Mapping[str, Any]) -> list[TrialResult]:
    """Return the trials of an earlier study that `search.yaml` holds."""
    return [TrialResult(**trial) for trial in search.get("earlier", [])]
