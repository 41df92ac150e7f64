"""Replay searches and stopping rules on trainings that were really done.

The table (made by `benchmarks/table.py`) holds 150 configurations of the shipped study's space,
trained for twelve epochs. A replay has three quarters of them, by chance; what a method asks for
becomes the nearest configuration that was not tried yet. Of each configuration one training, by
chance, is shown, and the other judges it when it is handed out: regret is how far that value falls
short of the best mean of two. (Only what came within 0.02 of the best was trained twice; all else
is judged by what is shown.) Ours hands out the one with the best posterior mean, all others the
best_observed.

Replays from 100 on were looked at when our stopping rule was chosen; those reported start at 0.

Example:
  python benchmarks/replay.py searches --replays 24
  python benchmarks/replay.py stopping --replays 48
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

from search import METHODS, OURS, Asked, table
from segsweep.config.pruner import read_pruner
from segsweep.config.search_space import read_space, to_wandb
from segsweep.config.study import Study
from segsweep.core.files import read_csv
from segsweep.search.pruners import pruning_thresholds
from segsweep.search.sampler import TrialResult, incumbent, suggest
from segsweep.training.pruning import PruningThresholds
from surfaces import Spec

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "benchmarks/data/nuclei.csv"
PART = 0.75
PEERS = [name for name in METHODS if name == OURS or not name.startswith(OURS)]
NO_RULE = "to the end"
RULES: dict[str, dict[str, Any] | None] = {
    NO_RULE: None,
    "hyperband, min_iter 3": {"type": "hyperband", "min_iter": 3},
    "hyperband, min_iter 2, eta 2": {"type": "hyperband", "min_iter": 2, "eta": 2},
    "pace": {"type": "pace"},
}


@dataclass(frozen=True)
class Row:
    """One configuration; `curves`: of its one or two trainings, the Dice after every epoch."""

    parameters: dict[str, Any]
    curves: list[list[float]]


@cache
def rows() -> list[Row]:
    found: dict[int, list[Mapping[str, str]]] = {}
    for line in read_csv(TABLE):
        found.setdefault(int(line["configuration"]), []).append(line)
    return [
        Row(_parameters(lines[0]), [_curve(line) for line in lines]) for lines in found.values()
    ]


def _parameters(line: Mapping[str, str]) -> dict[str, Any]:
    return {name: int(line[name]) if name == "batch_size" else float(line[name]) for name in told()}


def _curve(line: Mapping[str, str]) -> list[float]:
    """A training that diverged stays where it was worst."""
    return [float(value or 0) for name, value in line.items() if name.startswith("epoch_")]


@cache
def told() -> Spec:
    """The shipped study's space."""
    space = Study.read(str(ROOT / "params.yaml")).sweep.parameters
    return {name: to_wandb(parameter) for name, parameter in space.items()}


def plain() -> Spec:
    """The same with `min` and `max` alone."""
    return {n: {k: v for k, v in spec.items() if k != "distribution"} for n, spec in told().items()}


class Replay:
    """A part of the table; of each configuration one training is shown, the other judges."""

    def __init__(self, number: int) -> None:
        rng = np.random.default_rng([5, number])
        chosen = rng.permutation(len(rows()))[: round(PART * len(rows()))]
        self.rows = [rows()[i] for i in sorted(chosen)]
        swapped = rng.random(len(self.rows)) < 0.5
        pairs = [r.curves[::-1] if s else r.curves for r, s in zip(self.rows, swapped, strict=True)]
        self.shown = [pair[0] for pair in pairs]
        self.worth = [max(pair[-1]) for pair in pairs]
        self.best = max(float(np.mean([max(curve) for curve in pair])) for pair in pairs)
        self.space = read_space(told())
        self.places = np.array([self._place(row.parameters) for row in self.rows])
        self.tried: list[int] = []

    def _place(self, parameters: Mapping[str, Any]) -> list[float]:
        return [p.to_unit(parameters[name]) for name, p in self.space.items()]  # type: ignore[union-attr]

    def take(self, parameters: Mapping[str, Any]) -> tuple[dict[str, Any], list[float]]:
        """The nearest configuration that was not tried yet, and the curve that is shown of it."""
        away = ((self.places - self._place(parameters)) ** 2).sum(1)
        away[self.tried] = np.inf
        self.tried.append(int(away.argmin()))
        return self.rows[self.tried[-1]].parameters, self.shown[self.tried[-1]]

    def regret(self, picked: int) -> float:
        return self.best - self.worth[self.tried[picked]]


def searched(method: str, number: int, trials: int) -> list[float]:
    """Regrets after 1, 2, ... trials, each trained to the end."""
    warnings.simplefilter("ignore")
    ask, kind = METHODS[method]
    replay, spec = Replay(number), told() if kind == "told" else plain()
    seen: list[TrialResult] = []
    regrets = []
    for _ in range(trials):
        parameters, curve = replay.take(ask(Asked(spec, seen, number)))
        seen.append(TrialResult(parameters, max(curve)))
        if method == OURS:
            picked = incumbent(replay.space, seen)[0]
        else:
            picked = int(np.argmax([one.value for one in seen]))
        regrets.append(replay.regret(picked))
    return regrets


def stopped(name: str, number: int, trials: int) -> tuple[list[float], int]:
    """Regrets after 1, 2, ... trials that one rule stops, and the epochs that they took."""
    rule, replay, epochs = read_pruner(RULES[name]), Replay(number), 0
    seen: list[TrialResult] = []
    regrets = []
    for i in range(trials):
        bars = (
            PruningThresholds(values=pruning_thresholds(rule, seen, "maximize"))
            if rule
            else PruningThresholds()
        )
        asked = suggest(replay.space, seen, [], index=i, seed=number).parameters
        parameters, curve = replay.take(asked)
        missed = bars.first_failed_epoch([{bars.metric: value} for value in curve], len(curve))
        history = tuple(curve[:missed])
        if missed:
            seen.append(TrialResult(parameters, None, "pruned", history))
        else:
            seen.append(TrialResult(parameters, max(curve), history=history))
        epochs += len(history)
        regrets.append(replay.regret(incumbent(replay.space, seen)[0]))
    return regrets, epochs


def of_stopping(numbers: Sequence[int], trials: int) -> str:
    """Markdown: by rule the epochs and the final regret x 1000, with the paired standard error."""
    lines = [
        "| rule | epochs | saved | regret x 1000 | worse by |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    whole: np.ndarray | None = None
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for name in RULES:
            jobs = [pool.submit(stopped, name, n, trials) for n in numbers]
            regrets = np.array([job.result()[0][-1] for job in jobs]) * 1000
            epochs = np.array([job.result()[1] for job in jobs])
            if whole is None:
                whole, all_epochs = regrets, epochs.mean()
            worse = regrets - whole
            error = worse.std(ddof=1) / len(worse) ** 0.5
            lines.append(
                f"| {name} | {epochs.mean():.0f} | {1 - epochs.mean() / all_epochs:.0%} "
                f"| {regrets.mean():.1f} | {worse.mean():+.1f} ± {error:.1f} |"
            )
    return "\n".join(lines)


def of_searches(methods: Sequence[str], numbers: Sequence[int], trials: int) -> str:
    """Markdown: mean regret x 1000 after some numbers of trials."""
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        jobs = {m: [pool.submit(searched, m, n, trials) for n in numbers] for m in methods}
        found = {m: np.array([job.result() for job in some]) for m, some in jobs.items()}
    return table(found, [n for n in (5, 10, 20, 40) if n <= trials])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["searches", "stopping"])
    parser.add_argument("--methods", nargs="+", choices=PEERS, default=PEERS)
    parser.add_argument("--replays", type=int, default=24, metavar="N")
    parser.add_argument("--first", type=int, default=0, metavar="NUMBER")
    parser.add_argument("--trials", type=int, default=40, metavar="N")
    given = parser.parse_args()
    numbers = range(given.first, given.first + given.replays)
    if given.what == "searches":
        print(of_searches(list(dict.fromkeys([OURS, *given.methods])), numbers, given.trials))
    else:
        print(of_stopping(numbers, given.trials))


if __name__ == "__main__":
    main()
