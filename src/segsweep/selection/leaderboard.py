"""The leaderboard: all trials of a sweep, ranked by the posterior mean of the surrogate."""

import importlib.metadata
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segsweep.config.objective import METRICS, sign
from segsweep.config.search_space import read_space
from segsweep.config.sections import HYPERPARAMETERS
from segsweep.config.sweep import SECTION_OF
from segsweep.core.errors import UserError
from segsweep.core.files import read_csv, read_json, read_yaml, sha256
from segsweep.core.formatting import format_metric
from segsweep.search.sampler import posterior
from segsweep.search.trial_result import earlier_trials, read_trials, trial_folder

SCORES = (*METRICS, "train_dice_coefficient")
POSTERIOR = ("posterior_mean", "posterior_sd")
PACKAGES = ("torch", "numpy", "scipy", "wandb")

HEADER = """\
# The selected configuration. Candidates are the trials with the best posterior mean of the sweep;
# the selection between them uses new seeds only (`confirmed`). The best single value of the sweep
# (`best_observed`) may belong to another trial, because the best of many noisy values is
# optimistically biased.
# The keys above `evidence` can be pasted into params.yaml. `dvc repro` and `snakemake` then restore
# this training from the cache.
"""


@dataclass(frozen=True)
class RankedTrial:
    """The files of a trial and the surrogate's posterior of its value.

    Attributes:
        index: The trial number.
        config: The content of `config.yaml`.
        suggestion: The content of `suggestion.json`.
        metrics: The content of `metrics.json`.
        posterior: `posterior_mean` and `posterior_sd`; None where the trial did not finish.
    """

    index: int
    config: dict[str, Any]
    suggestion: dict[str, Any]
    metrics: dict[str, Any]
    posterior: dict[str, Any]

    @classmethod
    def read(cls, folder: Path, posterior: Sequence[float | None] | None) -> "RankedTrial":
        """Read the folder of a trial; `posterior` is the mean and the sd."""
        return cls(
            int(folder.name),
            read_yaml(folder / "config.yaml"),
            read_json(folder / "suggestion.json"),
            read_json(folder / "metrics.json"),
            dict(zip(POSTERIOR, posterior or (None, None), strict=True)),
        )

    @property
    def finished(self) -> bool:
        return bool(self.metrics["status"] == "finished")

    @property
    def pruned(self) -> bool:
        return bool(self.metrics["status"] == "pruned")


def load_trials(trials: Path, count: int, search: Mapping[str, Any]) -> list[RankedTrial]:
    """Read the first `count` trials and fit the surrogate to them.

    Args:
        trials: The folder of trials.
        count: The number of trials, which have all ended.
        search: The content of `search.yaml`: metric, parameters and earlier trials.
    """
    metric = search["metric"]
    observed, _ = read_trials(trials, count, count, metric["name"])
    space, earlier = read_space(search["parameters"]), earlier_trials(search)
    posteriors = posterior(space, observed, metric["goal"], earlier)
    return [RankedTrial.read(trial_folder(trials, i), p) for i, p in enumerate(posteriors)]


def read_leaderboard(results: Path) -> list[RankedTrial]:
    """Read the trials in the order, and with the posterior, of `leaderboard.csv`."""
    return [
        RankedTrial.read(
            trial_folder(results / "trials", int(row["trial"])),
            [float(row[name]) if row[name] else None for name in POSTERIOR],
        )
        for row in read_csv(results / "leaderboard.csv")
    ]


def rank(trials: Sequence[RankedTrial], metric: Mapping[str, Any]) -> list[RankedTrial]:
    """Sort trials from best to worst; the earlier of two equal ones comes first.

    Finished trials come first, by posterior mean; then pruned ones, by observed value; then failed
    ones.

    Args:
        trials: The trials in the order of their numbers.
        metric: The `name` and `goal` of the sweep's metric.
    """
    name, direction = metric["name"], -sign(metric["goal"])
    finished = sorted(
        (t for t in trials if t.finished), key=lambda t: direction * t.posterior["posterior_mean"]
    )
    pruned = sorted((t for t in trials if t.pruned), key=lambda t: direction * t.metrics[name])
    failed = [t for t in trials if not (t.finished or t.pruned)]
    return [*finished, *pruned, *failed]


def by_observed(trials: Sequence[RankedTrial], metric: Mapping[str, str]) -> list[RankedTrial]:
    """Sort the finished trials from the best to the worst observed value."""
    finished, descending = [t for t in trials if t.finished], metric["goal"] == "maximize"
    return sorted(finished, key=lambda t: t.metrics[metric["name"]], reverse=descending)


def rows(ranked: Sequence[RankedTrial]) -> list[dict[str, Any]]:
    """Return the rows of `leaderboard.csv`, best first."""
    return [
        {
            "rank": position if trial.finished else "",
            "trial": trial.index,
            "status": trial.metrics["status"],
            **{name: trial.metrics[name] for name in SCORES},
            **trial.posterior,
            "best_epoch": trial.metrics["best_epoch"],
            "chosen_by": trial.suggestion["chosen_by"],
            **trial.suggestion["parameters"],
            "effective_batch_size": trial.metrics["effective_batch_size"],
            "reason": trial.metrics["reason"],
        }
        for position, trial in enumerate(ranked, start=1)
    ]


def require_finished(ranked: Sequence[RankedTrial]) -> None:
    """Raise `UserError` when no trial finished."""
    best = ranked[0]
    if not best.finished:
        raise UserError(
            f"none of the {len(ranked)} trials finished (trial {best.index}: "
            f"{best.metrics['status']}, {best.metrics['reason']}); change sweep.parameters"
        )


def best_config(
    selected: RankedTrial,
    confirmed: Mapping[str, Any],
    ranked: Sequence[RankedTrial],
    metric: Mapping[str, str],
    manifest: Path,
) -> dict[str, Any]:
    """Return the content of `best_config.yaml`: the selected configuration and its evidence.

    Args:
        selected: The trial that the confirmation selected.
        confirmed: The result of the confirmation for it.
        ranked: All trials, best first.
        metric: The `name` and `goal` of the sweep's metric.
        manifest: The list of the processed images, whose hash identifies the data.
    """
    params: dict[str, Any] = {name: selected.config[name] for name in HYPERPARAMETERS}
    for name, section in SECTION_OF.items():
        if name in selected.suggestion["parameters"]:
            params.setdefault(section, {})[name] = selected.config[name]
    best_observed = by_observed(ranked, metric)[0]
    evidence = {
        "trial": selected.index,
        "of_trials": len(ranked),
        "metric": dict(metric),
        **{name: selected.metrics[name] for name in SCORES},
        **selected.posterior,
        "confirmed": dict(confirmed),
        "best_observed": {
            "trial": best_observed.index,
            metric["name"]: best_observed.metrics[metric["name"]],
            **best_observed.posterior,
        },
        "best_epoch": selected.metrics["best_epoch"],
        "effective_batch_size": selected.metrics["effective_batch_size"],
        "key": selected.metrics["key"],
        "data_sha256": sha256(manifest),
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
    }
    return {**params, "evidence": evidence}


def format_evidence(evidence: Mapping[str, Any]) -> str:
    """Return the selected trial's values in the sweep as one line.

    Where another trial has the best observed value, its values follow.
    """
    name, best_observed = evidence["metric"]["name"], evidence["best_observed"]
    line = f"{name} {_format_values(evidence, name)}"
    if best_observed["trial"] == evidence["trial"]:
        return line
    return (
        f"{line}; best observed value: trial {best_observed['trial']:03d}, "
        f"{_format_values(best_observed, name)}"
    )


def _format_values(values: Mapping[str, Any], name: str) -> str:
    return (
        f"{format_metric(values[name])} (posterior mean {format_metric(values['posterior_mean'])} "
        f"± {values['posterior_sd']:.2g})"
    )


def summary(
    ranked: Sequence[RankedTrial], metric: Mapping[str, str], baselines: Sequence[Mapping[str, str]]
) -> dict[str, Any]:
    """Return the content of `summary.json`, which `dvc metrics show` reads."""
    best, finished, name = ranked[0], by_observed(ranked, metric), metric["name"]
    values = [t.metrics[name] for t in finished]
    pruned = sum(t.pruned for t in ranked)
    return {
        f"best_{name}": best.metrics[name],
        f"posterior_mean_{name}": best.posterior["posterior_mean"],
        f"best_observed_{name}": values[0],
        f"median_{name}": statistics.median(values),
        f"worst_{name}": values[-1],
        "best_trial": best.index,
        "best_observed_trial": finished[0].index,
        "trials": len(ranked),
        "pruned": pruned,
        "failed": len(ranked) - len(finished) - pruned,
        **{row["method"]: float(row["val_dice_coefficient"]) for row in baselines},
    }
