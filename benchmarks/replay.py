"""Replay searches and stopping rules on trainings that were really done.

The table (`benchmarks/table.py`) holds 160 configurations of the shipped study's space, each
trained twelve epochs under two seeds. A replay takes a random part of them; what a method asks for
becomes the nearest configuration that was not tried yet. One seed is shown, the other judges what
is handed out: regret is how far its value there falls short of the best mean of both seeds.

Replays from 100 on chose our stopping rule's settings; those reported start at 0.

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

from search import METHODS, OURS, table
from surfaces import Spec

from segsweep.files import read_csv
from segsweep.study import Study
from segsweep.sweep.search import Observation, incumbent, suggest
from segsweep.sweep.space import read_space, to_wandb
from segsweep.sweep.stopping import read_rule
from segsweep.unet.bars import Bars

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "benchmarks/data/nuclei.csv"
PART = 0.75
"""Share of the configurations that a replay has."""

RULES: dict[str, dict[str, Any] | None] = {
    "none": None,
    "hyperband, min_iter 3": {"type": "hyperband", "min_iter": 3},
    "hyperband, min_iter 2, eta 2": {"type": "hyperband", "min_iter": 2, "eta": 2},
    "pace": {"type": "pace"},
}


@dataclass(frozen=True)
class Row:
    """One configuration: `curves` (seeds, epochs), the validation Dice of every epoch."""

    parameters: dict[str, Any]
    curves: np.ndarray


@cache
def rows() -> list[Row]:
    found: dict[int, list[Mapping[str, str]]] = {}
    for line in read_csv(TABLE):
        found.setdefault(int(line["configuration"]), []).append(line)
    space = read_space(told())
    return [
        Row(
            {name: (int if name == "batch_size" else float)(two[0][name]) for name in space},
            np.array([[float(v or 0) for k, v in r.items() if k.startswith("epoch_")] for r in two]),
        )
        for two in found.values()
    ]


def told() -> Spec:
    """The shipped study's space, as `told` methods see it."""
    space = Study.read(str(ROOT / "params.yaml")).sweep.parameters
    return {name: to_wandb(parameter) for name, parameter in space.items()}


def plain() -> Spec:
    """The same with `min` and `max` alone."""
    return {
        name: {k: v for k, v in spec.items() if k != "distribution"} for name, spec in told().items()
    }


class Replay:
    """A part of the table, with one seed shown and the other kept to judge."""

    def __init__(self, number: int) -> None:
        rng = np.random.default_rng([5, number])
        self.number, self.shown = number, number % 2
        chosen = rng.permutation(len(rows()))[: round(PART * len(rows()))]
        self.rows = [rows()[i] for i in sorted(chosen)]
        space = read_space(told())
        self.places = np.array(
            [[space[n].share(v) for n, v in row.parameters.items()] for row in self.rows]
        )
        self.space, self.tried = space, []
        self.best = max(row.curves.max(1).mean() for row in self.rows)

    def take(self, parameters: Mapping[str, Any]) -> Row:
        """The nearest configuration that was not tried yet."""
        where = np.array([p.share(parameters[n]) for n, p in self.space.items()])
        away = ((self.places - where) ** 2).sum(1)
        away[self.tried] = np.inf
        self.tried.append(int(away.argmin()))
        return self.rows[self.tried[-1]]

    def regret(self, picked: int) -> float:
        return float(self.best - self.rows[self.tried[picked]].curves[1 - self.shown].max())


def searched(method: str, number: int, trials: int) -> list[float]:
    """Regrets after 1, 2, ... trials, each trained to the end."""
    warnings.simplefilter("ignore")
    ask, kind = METHODS[method]
    replay, spec = Replay(number), told() if kind == "told" else plain()
    seen: list[Observation] = []
    regrets = []
    for _ in range(trials):
        row = replay.take(ask(spec, seen, number))
        seen.append(Observation(row.parameters, float(row.curves[replay.shown].max())))
        if method == OURS:
            picked = incumbent(replay.space, seen)[0]
        else:
            picked = int(np.argmax([one.value for one in seen]))
        regrets.append(replay.regret(picked))
    return regrets


def stopped(name: str, number: int, trials: int) -> tuple[list[float], list[int], bool]:
    """Regrets after 1, 2, ... trials and the epochs of each, by one rule; ... the best stopped?"""
    rule = read_rule(RULES[name])
    replay = Replay(number)
    seen: list[Observation] = []
    regrets, epochs = [], []
    for i in range(trials):
        bars = Bars(heights=rule.bars(seen, "maximize")) if rule else Bars()
        row = replay.take(suggest(replay.space, seen, [], index=i, seed=number).parameters)
        curve = row.curves[replay.shown].tolist()
        missed = bars.missed([{bars.metric: v} for v in curve], len(curve))
        history = tuple(curve[:missed])
        value = None if missed else max(curve)
        status = "stopped" if missed else "finished"
        seen.append(Observation(row.parameters, value, status, history))
        epochs.append(len(history))
        regrets.append(replay.regret(incumbent(replay.space, seen)[0]))
    return regrets, epochs, False
