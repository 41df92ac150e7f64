"""Compare samplers and pruners on recorded trainings.

The table of `benchmarks/table.py` holds 150 configurations of the search space of params.yaml,
trained for 12 epochs. A replay uses a random three quarters of them. A suggested configuration is
replaced by the nearest one that was not tried yet. If a configuration was trained twice, a random
one of the two trainings is the trial and the other scores the configuration when a method returns
it; if once (those more than 0.02 below the best), the trial also gives the score. Regret is the
best mean of two trainings less that score. segsweep returns the trial with the best posterior mean,
the others the best observed one.

`pace` was chosen on replays from 100 on; those reported start at 0.

Example:
  python benchmarks/replay.py samplers --replays 24
  python benchmarks/replay.py pruning --replays 48
"""

import argparse
import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from samplers import METHODS, SEGSWEEP, State
from search import table
from segsweep.config.pruner import read_pruner
from segsweep.config.search_space import read_space, to_wandb
from segsweep.config.study import Study
from segsweep.core.files import read_csv
from segsweep.search.pruners import pruning_thresholds
from segsweep.search.sampler import incumbent, suggest
from segsweep.search.trial_result import TrialResult
from segsweep.training.pruning import PruningThresholds
from surfaces import Spec

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "benchmarks/data/nuclei.csv"
FRACTION = 0.75
"""Fraction of the configurations in one replay."""

SAMPLERS = [name for name in METHODS if name == SEGSWEEP or not name.startswith(SEGSWEEP)]
PRUNERS: dict[str, dict[str, Any] | None] = {
    "no pruning": None,
    "hyperband, min_iter 3": {"type": "hyperband", "min_iter": 3},
    "hyperband, min_iter 2, eta 2": {"type": "hyperband", "min_iter": 2, "eta": 2},
    "pace": {"type": "pace"},
}


@dataclass(frozen=True)
class Row:
    """A configuration and the Dice after each epoch of its one or two trainings."""

    parameters: dict[str, Any]
    curves: list[list[float]]


@cache
def rows() -> list[Row]:
    by_configuration: dict[int, list[Mapping[str, str]]] = {}
    for line in read_csv(TABLE):
        by_configuration.setdefault(int(line["configuration"]), []).append(line)
    return [
        Row(_parameters(lines[0]), [_curve(line) for line in lines])
        for lines in by_configuration.values()
    ]


def _parameters(line: Mapping[str, str]) -> dict[str, Any]:
    return {n: int(line[n]) if n == "batch_size" else float(line[n]) for n in log_scales()}


def _curve(line: Mapping[str, str]) -> list[float]:
    """Return the Dice after each epoch; after a training diverged it is 0."""
    return [float(value or 0) for name, value in line.items() if name.startswith("epoch_")]


@cache
def log_scales() -> Spec:
    """Return the search space of params.yaml."""
    space = Study.read(str(ROOT / "params.yaml")).sweep.parameters
    return {name: to_wandb(parameter) for name, parameter in space.items()}


def ranges_only() -> Spec:
    """Return the same space with only `min` and `max`."""
    return {
        name: {key: value for key, value in spec.items() if key != "distribution"}
        for name, spec in log_scales().items()
    }


class Replay:
    """A random part of the table, with the trial and the score of each configuration."""

    def __init__(self, number: int) -> None:
        rng = np.random.default_rng([5, number])
        chosen = rng.permutation(len(rows()))[: round(FRACTION * len(rows()))]
        self.rows = [rows()[i] for i in sorted(chosen)]
        swapped = rng.random(len(self.rows)) < 0.5
        pairs = [r.curves[::-1] if s else r.curves for r, s in zip(self.rows, swapped, strict=True)]
        self.curves = [pair[0] for pair in pairs]
        self.scores = [max(pair[-1]) for pair in pairs]
        self.best = max(float(np.mean([max(curve) for curve in pair])) for pair in pairs)
        self.space = read_space(log_scales())
        self.positions = np.array([self._position(row.parameters) for row in self.rows])
        self.tried: list[int] = []

    def _position(self, parameters: Mapping[str, Any]) -> list[float]:
        return [p.to_unit(parameters[name]) for name, p in self.space.items()]  # type: ignore[union-attr]

    def train(self, parameters: Mapping[str, Any]) -> tuple[dict[str, Any], list[float]]:
        """Return the nearest configuration that was not tried yet, and its Dice by epoch."""
        distance = ((self.positions - self._position(parameters)) ** 2).sum(1)
        distance[self.tried] = np.inf
        self.tried.append(int(distance.argmin()))
        return self.rows[self.tried[-1]].parameters, self.curves[self.tried[-1]]

    def regret(self, trial: int) -> float:
        return self.best - self.scores[self.tried[trial]]


def replay_sampler(method: str, number: int, trials: int) -> list[float]:
    """Return the regrets after 1, 2, ... trials, without pruning."""
    warnings.simplefilter("ignore")
    choose, version = METHODS[method]
    replay = Replay(number)
    spec = log_scales() if version == "log scales" else ranges_only()
    observed: list[TrialResult] = []
    regrets = []
    for _ in range(trials):
        parameters, curve = replay.train(choose(State(spec, observed, number)))
        observed.append(TrialResult(parameters, max(curve)))
        if method == SEGSWEEP:
            best = incumbent(replay.space, observed)[0]
        else:
            best = int(np.argmax([trial.value for trial in observed]))
        regrets.append(replay.regret(best))
    return regrets


def replay_pruner(name: str, number: int, trials: int) -> tuple[list[float], int]:
    """Return the regrets after 1, 2, ... trials with a pruner, and the number of epochs."""
    pruner, replay, epochs = read_pruner(PRUNERS[name]), Replay(number), 0
    observed: list[TrialResult] = []
    regrets = []
    for i in range(trials):
        thresholds = PruningThresholds(
            values=pruning_thresholds(pruner, observed, "maximize") if pruner else {}
        )
        suggested = suggest(replay.space, observed, [], index=i, seed=number).parameters
        parameters, curve = replay.train(suggested)
        rows = [{thresholds.metric: value} for value in curve]
        failed = thresholds.first_failed_epoch(rows, len(curve))
        history = tuple(curve[:failed])
        if failed:
            observed.append(TrialResult(parameters, None, "pruned", history))
        else:
            observed.append(TrialResult(parameters, max(curve), history=history))
        epochs += len(history)
        regrets.append(replay.regret(incumbent(replay.space, observed)[0]))
    return regrets, epochs


def compare_pruners(numbers: Sequence[int], trials: int) -> str:
    """Return a Markdown table: epochs and final regret x 1000, with paired standard errors."""
    lines = [
        "| pruner | epochs | saved | regret x 1000 | difference |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    unpruned: np.ndarray | None = None
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for name in PRUNERS:
            jobs = [pool.submit(replay_pruner, name, n, trials) for n in numbers]
            regrets = np.array([job.result()[0][-1] for job in jobs]) * 1000
            epochs = np.array([job.result()[1] for job in jobs])
            if unpruned is None:
                unpruned, all_epochs = regrets, epochs.mean()
            difference = regrets - unpruned
            error = difference.std(ddof=1) / len(difference) ** 0.5
            lines.append(
                f"| {name} | {epochs.mean():.0f} | {1 - epochs.mean() / all_epochs:.0%} "
                f"| {regrets.mean():.1f} | {difference.mean():+.1f} ± {error:.1f} |"
            )
    return "\n".join(lines)


def compare_samplers(methods: Sequence[str], numbers: Sequence[int], trials: int) -> str:
    """Return a Markdown table: mean regret x 1000 after some numbers of trials."""
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        jobs = {m: [pool.submit(replay_sampler, m, n, trials) for n in numbers] for m in methods}
        regrets = {m: np.array([job.result() for job in js]) for m, js in jobs.items()}
    return table(regrets, [n for n in (5, 10, 20, 40) if n <= trials])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["samplers", "pruning"])
    parser.add_argument("--methods", nargs="+", choices=SAMPLERS, default=SAMPLERS)
    parser.add_argument("--replays", type=int, default=24, metavar="N")
    parser.add_argument("--first", type=int, default=0, metavar="NUMBER")
    parser.add_argument("--trials", type=int, default=40, metavar="N")
    options = parser.parse_args()
    numbers = range(options.first, options.first + options.replays)
    if options.what == "samplers":
        print(
            compare_samplers(
                list(dict.fromkeys([SEGSWEEP, *options.methods])), numbers, options.trials
            )
        )
    else:
        print(compare_pruners(numbers, options.trials))


if __name__ == "__main__":
    main()
