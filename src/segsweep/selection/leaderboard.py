"""All trials of a sweep in one table, and the best of them as a configuration to go on with.

The best is the incumbent: the finished trial with the best posterior mean of the search's model.
"""

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
from segsweep.core.files import read_json, read_yaml, sha256
from segsweep.search.sampler import posterior_of_trials
from segsweep.search.trial_files import earlier_trials, read_trials, trial_folder

SCORES = (*METRICS, "train_dice_coefficient")
BELIEF = ("posterior_mean", "posterior_sd")
PACKAGES = ("torch", "numpy", "scipy", "wandb")

HEADER = """\
# The winner: of the trials of which the search's model expects most, the one that new seeds uphold
# (`confirmed`). It need not be the one that had the best single value (`best_observed`), as that holds
# luck too.
# The keys above `evidence` are ready to paste into params.yaml, where `dvc repro` or `snakemake`
# then finds the very same training in the store.
"""


@dataclass(frozen=True)
class Trial:
    """One trial as its folder tells it.

    `belief`: mean and sd of its value without luck (BELIEF), None where it did not finish.
    """

    index: int
    config: dict[str, Any]
    suggestion: dict[str, Any]
    metrics: dict[str, Any]
    belief: dict[str, Any]

    @classmethod
    def read(cls, folder: Path, belief: tuple[float, float] | None) -> "Trial":
        return cls(
            int(folder.name),
            read_yaml(folder / "config.yaml"),
            read_json(folder / "suggestion.json"),
            read_json(folder / "metrics.json"),
            dict(zip(BELIEF, belief or (None, None), strict=True)),
        )

    @property
    def finished(self) -> bool:
        return bool(self.metrics["status"] == "finished")

    @property
    def stopped(self) -> bool:
        return bool(self.metrics["status"] == "pruned")


def load_trials(trials: Path, count: int, search: Mapping[str, Any]) -> list[Trial]:
    """The first `count` trials, with what is posterior_of_trials of them under the settings `search`."""
    metric = search["metric"]
    observed, _ = read_trials(trials, count, count, metric["name"])
    space, earlier = read_space(search["parameters"]), earlier_trials(search)
    beliefs = posterior_of_trials(space, observed, metric["goal"], earlier)
    return [Trial.read(trial_folder(trials, i), belief) for i, belief in enumerate(beliefs)]


def rank(trials: Sequence[Trial], metric: Mapping[str, Any]) -> list[Trial]:
    """The trials from best to worst by `metric` (`name`, `goal`), of equals the first.

    Those that finished stand by what is expected of them, then stopped ones by what they reached,
    then failed ones.
    """
    name, downwards = metric["name"], -sign(metric["goal"])
    finished = sorted(
        (t for t in trials if t.finished), key=lambda t: downwards * t.belief["posterior_mean"]
    )
    stopped = sorted((t for t in trials if t.stopped), key=lambda t: downwards * t.metrics[name])
    failed = [t for t in trials if not (t.finished or t.stopped)]
    return [*finished, *stopped, *failed]


def by_observed(trials: Sequence[Trial], metric: Mapping[str, str]) -> list[Trial]:
    """The finished trials from the best to the worst value that was seen."""
    finished, downwards = [t for t in trials if t.finished], metric["goal"] == "maximize"
    return sorted(finished, key=lambda t: t.metrics[metric["name"]], reverse=downwards)


def rows(order: Sequence[Trial]) -> list[dict[str, Any]]:
    """The leaderboard, best first: rank, trial, what was tried, what came out."""
    return [
        {
            "rank": rank if trial.finished else "",
            "trial": trial.index,
            "status": trial.metrics["status"],
            **{name: trial.metrics[name] for name in SCORES},
            **trial.belief,
            "best_epoch": trial.metrics["best_epoch"],
            "chosen_by": trial.suggestion["why"],
            **trial.suggestion["parameters"],
            "effective_batch_size": trial.metrics["effective_batch_size"],
            "reason": trial.metrics["reason"],
        }
        for rank, trial in enumerate(order, start=1)
    ]


def refuse_all_failed(order: Sequence[Trial]) -> None:
    """Raise `UserError` when no trial finished."""
    best = order[0]
    if not best.finished:
        raise UserError(
            f"none of the {len(order)} trials finished (trial {best.index}: "
            f"{best.metrics['status']}, {best.metrics['reason']}); change sweep.parameters"
        )


def best_config(
    best: Trial,
    confirmed: Mapping[str, Any],
    order: Sequence[Trial],
    metric: Mapping[str, str],
    manifest: Path,
) -> dict[str, Any]:
    """The winner's configuration and the evidence for it, as `best_config.yaml` holds them.

    `confirmed` is what its new seeds say.
    """
    params: dict[str, Any] = {name: best.config[name] for name in HYPERPARAMETERS}
    for name, section in SECTION_OF.items():
        if name in best.suggestion["parameters"]:
            params.setdefault(section, {})[name] = best.config[name]
    best_observed = by_observed(order, metric)[0]
    evidence = {
        "trial": best.index,
        "of_trials": len(order),
        "metric": dict(metric),
        **{name: best.metrics[name] for name in SCORES},
        **best.belief,
        "confirmed": dict(confirmed),
        "best_observed": {
            "trial": best_observed.index,
            metric["name"]: best_observed.metrics[metric["name"]],
            **best_observed.belief,
        },
        "best_epoch": best.metrics["best_epoch"],
        "effective_batch_size": best.metrics["effective_batch_size"],
        "key": best.metrics["key"],
        "data_sha256": sha256(manifest),
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
    }
    return {**params, "evidence": evidence}


def in_a_line(evidence: Mapping[str, Any]) -> str:
    """The best trial's value and what is expected of it, and the best_observed's if it is another."""
    name, best_observed = evidence["metric"]["name"], evidence["best_observed"]
    line = (
        f"{name} {evidence[name]:.4f}, {evidence['posterior_mean']:.4f} ± "
        f"{evidence['posterior_sd']:.2g} expected"
    )
    if best_observed["trial"] == evidence["trial"]:
        return line
    return (
        f"{line} (the best_observed, trial {best_observed['trial']:03d}: {best_observed[name]:.4f}, "
        f"{best_observed['posterior_mean']:.4f} expected)"
    )


def summary(
    order: Sequence[Trial], metric: Mapping[str, str], baselines: Sequence[Mapping[str, str]]
) -> dict[str, Any]:
    """The sweep in a few numbers, for `dvc metrics show`."""
    best, finished, name = order[0], by_observed(order, metric), metric["name"]
    values = [t.metrics[name] for t in finished]
    stopped = sum(t.stopped for t in order)
    return {
        f"best_{name}": best.metrics[name],
        f"posterior_mean_{name}": best.belief["posterior_mean"],
        f"best_observed_{name}": values[0],
        f"median_{name}": statistics.median(values),
        f"worst_{name}": values[-1],
        "best_trial": best.index,
        "best_observed_trial": finished[0].index,
        "trials": len(order),
        "pruned": stopped,
        "failed": len(order) - len(finished) - stopped,
        **{row["method"]: float(row["val_dice_coefficient"]) for row in baselines},
    }
