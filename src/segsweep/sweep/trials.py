"""The trials on disk, as the search reads them."""

from pathlib import Path
from typing import Any

from segsweep.files import read_json
from segsweep.sweep.search import Observation


def trial_folder(trials: Path, index: int) -> Path:
    """`results/trials/007` for trial 7."""
    return trials / f"{index:03d}"


def read_trials(
    trials: Path, ended: int, index: int, metric: str
) -> tuple[list[Observation], list[dict[str, Any]]]:
    """What is known when trial `index` is chosen: the first `ended` trials, and who is in flight.

    A trial that failed (`status` other than "finished") has no value.
    """
    chosen = [
        read_json(trial_folder(trials, i) / "suggestion.json")["parameters"] for i in range(index)
    ]
    observed = []
    for i in range(ended):
        metrics = read_json(trial_folder(trials, i) / "metrics.json")
        value = metrics[metric] if metrics["status"] == "finished" else None
        observed.append(Observation(chosen[i], value, metrics["status"] == "out_of_memory"))
    return observed, chosen[ended:]
