"""All trials of a sweep in one table, and the best of them as a configuration to go on with."""

import importlib.metadata
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segsweep.errors import UserError
from segsweep.files import read_json, read_yaml, sha256
from segsweep.study import HYPERPARAMETERS

SECTIONS = {"base_channels": "model", "depth": "model", "seed": "training"}
"""Searchable parameters that stand in a section of the study, not at its top."""

SCORES = (
    "val_dice_coefficient",
    "val_dice_pooled",
    "val_dice_soft",
    "val_iou",
    "val_loss",
    "train_dice_coefficient",
)
PACKAGES = ("torch", "numpy", "scipy", "wandb")

HEADER = """\
# The best configuration of the sweep. The keys above `evidence` are ready to paste into
# params.yaml, where `dvc repro` or `snakemake` then finds the very same training in the store.
"""


@dataclass(frozen=True)
class Trial:
    """One trial as its folder tells it."""

    index: int
    config: dict[str, Any]
    suggestion: dict[str, Any]
    metrics: dict[str, Any]

    @classmethod
    def read(cls, folder: Path) -> "Trial":
        return cls(
            int(folder.name),
            read_yaml(folder / "config.yaml"),
            read_json(folder / "suggestion.json"),
            read_json(folder / "metrics.json"),
        )

    @property
    def finished(self) -> bool:
        return bool(self.metrics["status"] == "finished")


def ranked(trials: Sequence[Trial], metric: Mapping[str, str]) -> list[Trial]:
    """The trials from best to worst by `metric` (`name`, `goal`); failed ones last."""
    sign = -1 if metric["goal"] == "maximize" else 1

    def order(trial: Trial) -> tuple[bool, float, int]:
        value = trial.metrics[metric["name"]]
        return not trial.finished, sign * (value if trial.finished else 0.0), trial.index

    return sorted(trials, key=order)


def rows(order: Sequence[Trial]) -> list[dict[str, Any]]:
    """The leaderboard, best first: rank, trial, what was tried, what came out."""
    return [
        {
            "rank": rank if trial.finished else "",
            "trial": trial.index,
            "status": trial.metrics["status"],
            **{name: trial.metrics[name] for name in SCORES},
            "best_epoch": trial.metrics["best_epoch"],
            "chosen_by": trial.suggestion["why"],
            **trial.suggestion["parameters"],
            "effective_batch_size": trial.metrics["effective_batch_size"],
            "reason": trial.metrics["reason"],
        }
        for rank, trial in enumerate(order, start=1)
    ]


def best_config(
    order: Sequence[Trial], metric: Mapping[str, str], manifest: Path
) -> dict[str, Any]:
    """The best trial's configuration and the evidence for it, as `best_config.yaml` holds them.

    Raises `UserError` when no trial finished.
    """
    best = order[0]
    if not best.finished:
        raise UserError(
            f"none of the {len(order)} trials finished (trial {best.index}: "
            f"{best.metrics['status']}, {best.metrics['reason']}); change sweep.parameters"
        )
    params: dict[str, Any] = {name: best.config[name] for name in HYPERPARAMETERS}
    for name, section in SECTIONS.items():
        if name in best.suggestion["parameters"]:
            params.setdefault(section, {})[name] = best.config[name]
    evidence = {
        "trial": best.index,
        "of_trials": len(order),
        "metric": dict(metric),
        **{name: best.metrics[name] for name in SCORES},
        "best_epoch": best.metrics["best_epoch"],
        "effective_batch_size": best.metrics["effective_batch_size"],
        "key": best.metrics["key"],
        "data_sha256": sha256(manifest),
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
    }
    return {**params, "evidence": evidence}


def summary(
    order: Sequence[Trial], metric: Mapping[str, str], baselines: Sequence[Mapping[str, str]]
) -> dict[str, Any]:
    """The sweep in a few numbers, for `dvc metrics show`."""
    values = [t.metrics[metric["name"]] for t in order if t.finished]
    return {
        f"best_{metric['name']}": values[0],
        f"median_{metric['name']}": statistics.median(values),
        f"worst_{metric['name']}": values[-1],
        "best_trial": order[0].index,
        "trials": len(order),
        "failed": len(order) - len(values),
        **{row["method"]: float(row["val_dice_coefficient"]) for row in baselines},
    }
