"""Read the trials of a sweep from their folders, as the sampler needs them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from segsweep.core.files import read_csv, read_json
from segsweep.search.trial_result import TrialResult


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
