"""The trials on disk, as the search reads them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from segsweep.core.files import read_csv, read_json
from segsweep.search.trial_result import TrialResult


def trial_folder(trials: Path, index: int) -> Path:
    """`results/trials/007` for trial 7."""
    return trials / f"{index:03d}"


def ended(trials: Path, until: int) -> int:
    """How many of the trials before `until` have ended, up to the first that has not."""
    count = 0
    while count < until and (trial_folder(trials, count) / "metrics.json").exists():
        count += 1
    return count


def earlier_trials(search: Mapping[str, Any]) -> list[TrialResult]:
    """Those of an earlier study, from the settings that `sweep.py` wrote."""
    return [TrialResult(**one) for one in search.get("earlier", [])]


def read_trials(
    trials: Path, ended: int, index: int, metric: str
) -> tuple[list[TrialResult], list[dict[str, Any]]]:
    """What is known when trial `index` is chosen: the first `ended` trials, and who is in flight.

    A trial that did not finish has no value.
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
