"""Two sweeps with a proposal between them beat one sweep with the same number of trials."""

from typing import Any

import numpy as np

from segsweep.analysis.findings import Analysis
from segsweep.analysis.next_sweep import design_next_sweep
from segsweep.config.search_space import read_space
from segsweep.search.sampler import incumbent, suggest
from segsweep.search.trial_result import TrialResult
from segsweep.search.warm_start import prior_from_list
from surfaces import Problem, report
from synthetic_sweeps import LOG, finished

INSTANCES, TRIALS = 30, 20
BATCHES = [4, 8, 16, 32, 64, 128]


def first_guess(rng: np.random.Generator) -> dict[str, Any]:
    """Return a guessed space: a decade of learning rates, three batch sizes, drawn at random."""
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
    """Return the true regret of the best trial of one long sweep, and of two short ones."""
    problem = report(number)
    specs = first_guess(np.random.default_rng([7, number]))
    space = read_space(specs)
    long = run(problem, space, 2 * TRIALS, [8, number], [], [])
    best_of_one = long[incumbent(space, long)[0]].parameters
    first = run(problem, space, TRIALS, [8, number], [], [])
    proposal = design_next_sweep(
        Analysis.of(finished(specs, first)), lambda batch: batch <= 128, None, TRIALS
    )
    rows = [
        {"parameters": {name: o.parameters[name] for name in proposal.space}, "value": o.value}
        for o in first
    ]
    prior = prior_from_list(rows, proposal.space, {"name": "dice", "goal": "maximize"}).trials
    fixed = read_space({name: {"value": value} for name, value in proposal.fixed.items()})
    second = run(problem, {**proposal.space, **fixed}, TRIALS, [9, number], prior, proposal.enqueue)
    best = incumbent(proposal.space, second, earlier=prior)[0]
    best_of_two = {**proposal.fixed, **second[best].parameters}
    return problem.best - problem.value(best_of_one), problem.best - problem.value(best_of_two)


def test_two_sweeps_have_less_regret_than_one() -> None:
    one, two = np.array([regrets(number) for number in range(INSTANCES)]).T
    print(f"mean regret x 1000: one sweep {1000 * one.mean():.2f}, two {1000 * two.mean():.2f}")
    gain = one - two
    assert gain.mean() > gain.std(ddof=1) / np.sqrt(INSTANCES)
