"""The race on disk: candidates from the leaderboard, runs in `results/confirm/000` and so on."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from segsweep.config.objective import sign
from segsweep.config.training_config import TrainingConfig
from segsweep.core.files import read_csv, read_json
from segsweep.search.trial_files import trial_folder
from segsweep.selection.confirmation import Race, Run


def candidates(results: Path, count: int) -> list[int]:
    """The trial numbers of the `count` best finished trials, the best expected first."""
    rows = read_csv(results / "leaderboard.csv")
    return [int(row["trial"]) for row in rows if row["status"] == "finished"][:count]


def configuration(results: Path, trial: int) -> TrainingConfig:
    """What a trial was trained with."""
    return TrainingConfig.read(trial_folder(results / "trials", trial) / "config.yaml")


def reseeded(results: Path, run: Run) -> TrainingConfig:
    """A trial's configuration under another seed."""
    trial, seed = run
    return replace(configuration(results, trial), seed=seed)


def run_of(folder: Path) -> Run:
    """Which run a folder holds, or is to hold."""
    told = read_json(folder / "rerun.json")
    return told["trial"], told["seed"]


def read_race(
    results: Path, runs: Sequence[Path], metric: dict[str, Any], count: int, seeds: int
) -> Race:
    """The race as far as the folders `runs` tell; `metric` is the sweep's (`name`, `goal`).

    New seeds begin after those of the candidates.
    """
    names = candidates(results, count)
    found = {}
    for folder in runs:
        metrics = read_json(folder / "metrics.json")
        finished = metrics["status"] == "finished"
        value = sign(metric["goal"]) * metrics[metric["name"]] if finished else None
        found[run_of(folder)] = value
    first_seed = 1 + max(configuration(results, trial).seed for trial in names)
    return Race(names, seeds, first_seed, found)
