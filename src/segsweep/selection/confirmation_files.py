"""The confirmation on disk: candidates from the leaderboard, reruns in `results/confirm/NNN`."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from segsweep.config.objective import sign
from segsweep.config.training_config import TrainingConfig
from segsweep.core.files import read_csv, read_json
from segsweep.search.trial_files import trial_folder
from segsweep.selection.confirmation import Confirmation, Rerun


def read_candidates(results: Path, count: int) -> list[int]:
    """Return the trial numbers of the first `count` finished trials of the leaderboard."""
    rows = read_csv(results / "leaderboard.csv")
    return [int(row["trial"]) for row in rows if row["status"] == "finished"][:count]


def read_training_config(results: Path, trial: int) -> TrainingConfig:
    """Return the configuration that a trial was trained with."""
    return TrainingConfig.read(trial_folder(results / "trials", trial) / "config.yaml")


def rerun_config(results: Path, rerun: Rerun) -> TrainingConfig:
    """Return the configuration of the rerun's trial with the rerun's seed."""
    trial, seed = rerun
    return replace(read_training_config(results, trial), seed=seed)


def read_rerun(folder: Path) -> Rerun:
    """Return the trial and the seed that a folder of `results/confirm` is for."""
    rerun = read_json(folder / "rerun.json")
    return rerun["trial"], rerun["seed"]


def read_confirmation(
    results: Path, reruns: Sequence[Path], metric: dict[str, Any], candidates: int, seeds: int
) -> Confirmation:
    """Read the finished reruns.

    Args:
        results: The folder of results.
        reruns: Folders of reruns that have ended.
        metric: The `name` and `goal` of the sweep's metric.
        candidates: How many trials of the leaderboard are retrained.
        seeds: The number of new seeds for each; they begin after the seeds of the candidates.
    """
    trials = read_candidates(results, candidates)
    values = {}
    for folder in reruns:
        metrics = read_json(folder / "metrics.json")
        finished = metrics["status"] == "finished"
        value = sign(metric["goal"]) * metrics[metric["name"]] if finished else None
        values[read_rerun(folder)] = value
    first_seed = 1 + max(read_training_config(results, trial).seed for trial in trials)
    return Confirmation(trials, seeds, first_seed, values)
