"""Confirmation: the best candidates of a sweep are retrained under new seeds and compared.

The best observed score of a sweep is optimistically biased, so the comparison uses the new seeds
only. A hierarchical normal model shrinks the candidates' means towards each other (Gelman et al.,
"Bayesian Data Analysis", 3rd edition, chapter 5), so that the best of several is not overestimated.
Candidates that are very unlikely to be the best are dropped, and their remaining runs go to the
others (sequential elimination; Maron and Moore, "Hoeffding races", 1994).

The reruns are in `results/confirm/NNN`; the functions at the end read them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from segsweep.config.objective import sign
from segsweep.config.training_config import TrainingConfig
from segsweep.core.files import read_csv, read_json
from segsweep.search.trial_result import trial_folder

Rerun = tuple[int, int]
"""The trial number of a candidate and the new seed."""

DROP_BELOW = 0.05
"""A candidate is dropped when its probability of being the best is below this."""

CLEAR_WINNER = 0.9
"""One candidate is distinguished from another when P(better) is at least this."""

SAMPLES = 20_000
"""Samples of the posterior."""


@dataclass(frozen=True)
class CandidateSummary:
    """The result of one candidate. Values are signed so that larger is better.

    Attributes:
        trial: The trial number.
        values: The metric under each new seed.
        mean: The posterior mean of the candidate's true mean.
        low: The lower end of its 95 % interval.
        high: The upper end of its 95 % interval.
        probability_best: The probability that it is the best of all completed candidates.
    """

    trial: int
    values: tuple[float, ...]
    mean: float
    low: float
    high: float
    probability_best: float


@dataclass(frozen=True)
class Confirmation:
    """The reruns so far.

    Attributes:
        candidates: Trial numbers, best posterior mean of the sweep first.
        seeds: The number of new seeds planned for each candidate.
        first_seed: The first new seed; the others follow it.
        results: The metric of each rerun, signed so that larger is better; None if it failed.
    """

    candidates: Sequence[int]
    seeds: int
    first_seed: int
    results: Mapping[Rerun, float | None]

    def values(self, trial: int) -> list[float]:
        """Return the metric of a candidate under each new seed."""
        return [v for (t, _), v in self.results.items() if t == trial and v is not None]

    def has_failed(self, trial: int) -> bool:
        """Return whether a rerun of the candidate failed."""
        return any(v is None for (t, _), v in self.results.items() if t == trial)

    @property
    def without_failure(self) -> list[int]:
        """The candidates none of whose reruns failed."""
        return [t for t in self.candidates if not self.has_failed(t)]

    def summaries(self) -> dict[int, CandidateSummary]:
        """Return the summaries by trial number; empty while no candidate has two seeds."""
        trials = [t for t in self.without_failure if self.values(t)]
        values = [np.array(self.values(t)) for t in trials]
        if sum(map(len, values)) <= len(values):
            return {}
        samples = posterior_samples(values)
        best = samples.argmax(1)
        low, high = np.quantile(samples, [0.025, 0.975], axis=0)
        return {
            trial: CandidateSummary(
                trial,
                tuple(values[i].tolist()),
                float(samples[:, i].mean()),
                float(low[i]),
                float(high[i]),
                float((best == i).mean()),
            )
            for i, trial in enumerate(trials)
        }

    def probability_better(self, first: int, second: int) -> float:
        """Return P(trial `first` has a better true mean than trial `second`)."""
        trials = list(self.summaries())
        samples = posterior_samples([np.array(self.values(t)) for t in trials])
        better = samples[:, trials.index(first)] > samples[:, trials.index(second)]
        return float(better.mean())

    def remaining(self) -> list[int]:
        """Return the candidates that are not dropped.

        None is dropped before each candidate has two seeds.
        """
        trials = self.without_failure
        if any(len(self.values(t)) < 2 for t in trials):
            return trials
        summaries = self.summaries()
        return [t for t in trials if summaries[t].probability_best >= DROP_BELOW]

    def next_rerun(self, in_flight: Sequence[Rerun]) -> Rerun:
        """Return the next rerun: the remaining candidate with the fewest runs, under its next seed.

        Once one candidate is left and has all its seeds, the decision is made: a finished rerun is
        repeated, which the cache restores at no cost.

        Args:
            in_flight: Reruns that have been chosen and have not ended.
        """
        remaining = self.remaining()
        chosen = [*self.results, *in_flight]
        runs = {t: len({seed for trial, seed in chosen if trial == t}) for t in remaining}
        if not runs or (len(runs) == 1 and max(runs.values()) >= self.seeds):
            return chosen[0]
        trial = min(remaining, key=lambda t: (runs[t], self.candidates.index(t)))
        return trial, self.first_seed + runs[trial]


def posterior_samples(values: Sequence[np.ndarray]) -> np.ndarray:
    """Sample the true means of candidates, (SAMPLES, candidates).

    The sd between seeds is the same for all candidates, with a prior that is flat in its logarithm.
    The sd between candidates is half-Cauchy, in units of the sd between seeds. Both are integrated
    on a grid.

    Args:
        values: For each candidate its values under the new seeds, (seeds,); at least one candidate
            has two.
    """
    counts = np.array([len(v) for v in values])
    means = np.array([v.mean() for v in values])
    within = sum(float(((v - v.mean()) ** 2).sum()) for v in values)
    freedom = counts.sum() - len(values)
    pooled_sd = max(np.sqrt(within / freedom), 1e-6)
    seed_sd = pooled_sd * np.geomspace(0.2, 30, 80)[:, None]
    ratio = np.concatenate([[0.0], np.geomspace(0.02, 100, 79)])[None, :]
    variance = seed_sd[..., None] ** 2 * (ratio[..., None] ** 2 + 1 / counts)
    weight = 1 / variance
    centre = (weight * means).sum(-1) / weight.sum(-1)
    log = -0.5 * (np.log(variance) + (means - centre[..., None]) ** 2 * weight).sum(-1)
    log += -0.5 * np.log(weight.sum(-1)) - freedom * np.log(seed_sd) - within / (2 * seed_sd**2)
    log += np.log(np.gradient(ratio[0])) - np.log1p(ratio**2)
    density = np.exp(log - log.max())
    rng = np.random.default_rng(0)
    cell = rng.choice(density.size, SAMPLES, p=(density / density.sum()).ravel())
    row, column = np.unravel_index(cell, density.shape)
    sd = 1 / np.sqrt(weight.sum(-1)[row, column])
    common = centre[row, column] + sd * rng.standard_normal(SAMPLES)
    precision = counts / seed_sd[row, 0][:, None] ** 2
    candidate_sd = np.maximum(seed_sd[row, 0] * ratio[0, column], 1e-12)
    shrinkage = 1 / candidate_sd[:, None] ** 2
    mean = (precision * means + shrinkage * common[:, None]) / (precision + shrinkage)
    return mean + rng.standard_normal(mean.shape) / np.sqrt(precision + shrinkage)


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
