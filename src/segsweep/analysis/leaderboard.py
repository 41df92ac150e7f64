"""All trials of a sweep in one table, and the best of them as a configuration to go on with.

The best is the incumbent: the finished trial with the best posterior mean of the search's model.
"""

import importlib.metadata
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segsweep.errors import UserError
from segsweep.files import read_json, read_yaml, sha256
from segsweep.study import HYPERPARAMETERS
from segsweep.study.searching import METRICS, SECTION_OF
from segsweep.sweep.observation import sign
from segsweep.sweep.search import believed
from segsweep.sweep.space import read_space
from segsweep.sweep.trials import earlier_trials, read_trials, trial_folder

SCORES = (*METRICS, "train_dice_coefficient")
BELIEF = ("expected", "expected_sd")
PACKAGES = ("torch", "numpy", "scipy", "wandb")

HEADER = """\
# The winner: of the trials of which the search's model expects most, the one that new seeds uphold
# (`confirmed`). It need not be the one that had the best single value (`luckiest`), as that holds
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
        return bool(self.metrics["status"] == "stopped")


def tried(trials: Path, count: int, search: Mapping[str, Any]) -> list[Trial]:
    """The first `count` trials, with what is believed of them under the settings `search`."""
    metric = search["metric"]
    observed, _ = read_trials(trials, count, count, metric["name"])
    space, earlier = read_space(search["parameters"]), earlier_trials(search)
    beliefs = believed(space, observed, metric["goal"], earlier)
    return [Trial.read(trial_folder(trials, i), belief) for i, belief in enumerate(beliefs)]


def ranked(trials: Sequence[Trial], metric: Mapping[str, Any]) -> list[Trial]:
    """The trials from best to worst by `metric` (`name`, `goal`), of equals the first.

    Those that finished stand by what is expected of them, then stopped ones by what they reached,
    then failed ones.
    """
    name, downwards = metric["name"], -sign(metric["goal"])
    finished = sorted(
        (t for t in trials if t.finished), key=lambda t: downwards * t.belief["expected"]
    )
    stopped = sorted((t for t in trials if t.stopped), key=lambda t: downwards * t.metrics[name])
    failed = [t for t in trials if not (t.finished or t.stopped)]
    return [*finished, *stopped, *failed]


def by_luck(trials: Sequence[Trial], metric: Mapping[str, str]) -> list[Trial]:
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
    luckiest = by_luck(order, metric)[0]
    evidence = {
        "trial": best.index,
        "of_trials": len(order),
        "metric": dict(metric),
        **{name: best.metrics[name] for name in SCORES},
        **best.belief,
        "confirmed": dict(confirmed),
        "luckiest": {
            "trial": luckiest.index,
            metric["name"]: luckiest.metrics[metric["name"]],
            **luckiest.belief,
        },
        "best_epoch": best.metrics["best_epoch"],
        "effective_batch_size": best.metrics["effective_batch_size"],
        "key": best.metrics["key"],
        "data_sha256": sha256(manifest),
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
    }
    return {**params, "evidence": evidence}


def in_a_line(evidence: Mapping[str, Any]) -> str:
    """The best trial's value and what is expected of it, and the luckiest's if it is another."""
    name, luckiest = evidence["metric"]["name"], evidence["luckiest"]
    line = (
        f"{name} {evidence[name]:.4f}, {evidence['expected']:.4f} ± "
        f"{evidence['expected_sd']:.2g} expected"
    )
    if luckiest["trial"] == evidence["trial"]:
        return line
    return (
        f"{line} (the luckiest, trial {luckiest['trial']:03d}: {luckiest[name]:.4f}, "
        f"{luckiest['expected']:.4f} expected)"
    )


def summary(
    order: Sequence[Trial], metric: Mapping[str, str], baselines: Sequence[Mapping[str, str]]
) -> dict[str, Any]:
    """The sweep in a few numbers, for `dvc metrics show`."""
    best, finished, name = order[0], by_luck(order, metric), metric["name"]
    values = [t.metrics[name] for t in finished]
    stopped = sum(t.stopped for t in order)
    return {
        f"best_{name}": best.metrics[name],
        f"expected_{name}": best.belief["expected"],
        f"luckiest_{name}": values[0],
        f"median_{name}": statistics.median(values),
        f"worst_{name}": values[-1],
        "best_trial": best.index,
        "luckiest_trial": finished[0].index,
        "trials": len(order),
        "stopped": stopped,
        "failed": len(order) - len(finished) - stopped,
        **{row["method"]: float(row["val_dice_coefficient"]) for row in baselines},
    }
