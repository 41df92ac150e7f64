"""Sweep, redesign, sweep: nearer the optimum than one sweep of the same number of trials."""

from typing import Any

import numpy as np

from segsweep.analysis.findings import Analysis
from segsweep.analysis.next_sweep import design
from segsweep.config.search_space import read_space
from segsweep.search.sampler import incumbent, suggest
from segsweep.search.trial_result import TrialResult
from segsweep.search.warm_start import listed_prior
from surfaces import Problem, report
from synthetic_sweeps import LOG, finished

INSTANCES, TRIALS = 30, 20
BATCHES = [4, 8, 16, 32, 64, 128]


def first_guess(rng: np.random.Generator) -> dict[str, Any]:
    """A space as people guess it: a decade of the learning rate, three batches, somewhere."""
    start, rate = int(rng.integers(0, 4)), 10 ** rng.uniform(-5, -3.2)
    dropout, l2 = float(rng.uniform(0, 0.3)), 10 ** rng.uniform(-6, -4)
    return {
        "batch_size": {"values": BATCHES[start : start + 3]},
        "learning_rate": {"distribution": LOG, "min": rate, "max": 10 * rate},
        "dropout": {"min": dropout, "max": dropout + 0.2},
        "l2_reg": {"distribution": LOG, "min": l2, "max": 30 * l2},
    }


def run(
    problem: Problem,
    space: dict[str, Any],
    count: int,
    seed: list[int],
    earlier: list[TrialResult],
    enqueue: list[dict[str, Any]],
) -> list[TrialResult]:
    rng, observed = np.random.default_rng(seed), []
    for i in range(count):
        chosen = suggest(
            space, observed, [], index=i, seed=seed[0], earlier=earlier, enqueue=enqueue
        ).parameters
        observed.append(TrialResult(chosen, problem.value(chosen) + rng.normal(0, problem.noise)))
    return observed


def regrets(number: int) -> tuple[float, float]:
    """How far the best of one long sweep, and of two short ones, truly is from the optimum."""
    problem = report(number)
    specs = first_guess(np.random.default_rng([7, number]))
    space = read_space(specs)
    long = run(problem, space, 2 * TRIALS, [8, number], [], [])
    one = long[incumbent(space, long)[0]].parameters
    first = run(problem, space, TRIALS, [8, number], [], [])
    found = design(Analysis.of(finished(specs, first)), lambda batch: batch <= 128, None, TRIALS)
    rows = [
        {"parameters": {name: o.parameters[name] for name in found.space}, "value": o.value}
        for o in first
    ]
    prior = listed_prior(rows, found.space, {"name": "dice", "goal": "maximize"}).trials
    fixed = read_space({name: {"value": value} for name, value in found.fixed.items()})
    second = run(problem, {**found.space, **fixed}, TRIALS, [9, number], prior, found.enqueue)
    best = incumbent(found.space, second, earlier=prior)[0]
    two = {**found.fixed, **second[best].parameters}
    return problem.best - problem.value(one), problem.best - problem.value(two)


def test_the_loop_ends_nearer_the_optimum_than_one_sweep() -> None:
    one, loop = np.array([regrets(number) for number in range(INSTANCES)]).T
    print(f"mean regret x 1000: one sweep {1000 * one.mean():.2f}, loop {1000 * loop.mean():.2f}")
    gain = one - loop
    assert gain.mean() > gain.std(ddof=1) / np.sqrt(INSTANCES)
