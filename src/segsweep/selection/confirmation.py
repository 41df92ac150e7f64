"""The winner, proven against the luck of seeds: the few best trials again, raced under new seeds.

The value that chose a trial holds luck, so it is left out here: only new seeds count. What they say
is read by a normal model in which candidates differ around a common mean (Gelman et al., "Bayesian
Data Analysis", 3rd edition, chapter 5), so that the best of several is not taken at its word. A
candidate that is hardly the best any more is dropped, and its turns go to the others (a race:
Maron and Moore, "Hoeffding races", 1994).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

Run = tuple[int, int]
"""A candidate's trial number and the seed that it is trained under."""

HOPELESS = 0.05
"""A candidate that is the best with less than this probability is dropped."""

APART = 0.9
"""Two candidates are told apart when one beats the other with this probability."""

DRAWS = 20_000


@dataclass(frozen=True)
class Standing:
    """What is known of one candidate: mean value with its 95 % interval, and whether it is best.

    The mean is what is expected of it, drawn to that of all candidates as far as they are alike.
    `values` are those of its seeds; `probability_best` is among all candidates that were raced.
    """

    trial: int
    values: tuple[float, ...]
    mean: float
    low: float
    high: float
    probability_best: float


@dataclass(frozen=True)
class Race:
    """The runs so far: `results` by run, to be maximized, None for one that failed.

    `candidates` are trial numbers, the best expected first; `seeds` how many each is to have; new
    seeds count up from `first_seed`.
    """

    candidates: Sequence[int]
    seeds: int
    first_seed: int
    results: Mapping[Run, float | None]

    def values(self, trial: int) -> list[float]:
        return [v for (t, _), v in self.results.items() if t == trial and v is not None]

    def failed(self, trial: int) -> bool:
        return any(v is None for (t, _), v in self.results.items() if t == trial)

    @property
    def raced(self) -> list[int]:
        """Candidates all of whose runs finished."""
        return [t for t in self.candidates if not self.failed(t)]

    def standings(self) -> dict[int, Standing]:
        """By trial number; empty while no candidate has two seeds."""
        with_values = [t for t in self.raced if self.values(t)]
        values = [np.array(self.values(t)) for t in with_values]
        if sum(map(len, values)) <= len(values):
            return {}
        drawn = posterior(values)
        best = drawn.argmax(1)
        low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
        return {
            trial: Standing(
                trial,
                tuple(values[i].tolist()),
                float(drawn[:, i].mean()),
                float(low[i]),
                float(high[i]),
                float((best == i).mean()),
            )
            for i, trial in enumerate(with_values)
        }

    def survivors(self) -> list[int]:
        """Candidates that may still win; once each of those raced has two seeds, the others go."""
        left = self.raced
        if any(len(self.values(t)) < 2 for t in left):
            return left
        standings = self.standings()
        return [t for t in left if standings[t].probability_best >= HOPELESS]

    def next(self, in_flight: Sequence[Run]) -> Run:
        """Who is trained next, under which seed: a survivor with the fewest runs.

        When one survivor is left and has its seeds, a run that was made already, which the store
        gives for nothing.
        """
        survivors = self.survivors()
        known = [*self.results, *in_flight]
        runs = {t: len({seed for trial, seed in known if trial == t}) for t in survivors}
        if not runs or (len(runs) == 1 and max(runs.values()) >= self.seeds):
            return known[0]
        trial = min(survivors, key=lambda t: (runs[t], self.candidates.index(t)))
        return trial, self.first_seed + runs[trial]


def posterior(values: Sequence[np.ndarray]) -> np.ndarray:
    """(DRAWS, candidates): the true means of candidates whose seeds gave `values`.

    The luck of a seed has the same sd for all. Its prior is flat in the logarithm; the spread of
    candidates is half-Cauchy in units of it.
    """
    counts = np.array([len(v) for v in values])
    means = np.array([v.mean() for v in values])
    within = sum(float(((v - v.mean()) ** 2).sum()) for v in values)
    free = counts.sum() - len(values)
    guess = max(np.sqrt(within / free), 1e-6)
    luck = guess * np.geomspace(0.2, 30, 80)[:, None]
    ratio = np.concatenate([[0.0], np.geomspace(0.02, 100, 79)])[None, :]
    variance = luck[..., None] ** 2 * (ratio[..., None] ** 2 + 1 / counts)
    weight = 1 / variance
    centre = (weight * means).sum(-1) / weight.sum(-1)
    log = -0.5 * (np.log(variance) + (means - centre[..., None]) ** 2 * weight).sum(-1)
    log += -0.5 * np.log(weight.sum(-1)) - free * np.log(luck) - within / (2 * luck**2)
    log += np.log(np.gradient(ratio[0])) - np.log1p(ratio**2)
    share = np.exp(log - log.max())
    rng = np.random.default_rng(0)
    place = rng.choice(share.size, DRAWS, p=(share / share.sum()).ravel())
    row, column = np.unravel_index(place, share.shape)
    sd = 1 / np.sqrt(weight.sum(-1)[row, column])
    common = centre[row, column] + sd * rng.standard_normal(DRAWS)
    own = counts / luck[row, 0][:, None] ** 2
    spread = np.maximum(luck[row, 0] * ratio[0, column], 1e-12)
    pull = 1 / spread[:, None] ** 2
    mean = (own * means + pull * common[:, None]) / (own + pull)
    return mean + rng.standard_normal(mean.shape) / np.sqrt(own + pull)


def beats(first: Standing, second: Standing, race: Race) -> float:
    """The probability that one candidate is truly better than another."""
    standings = list(race.standings())
    drawn = posterior([np.array(race.values(t)) for t in standings])
    ahead = drawn[:, standings.index(first.trial)] > drawn[:, standings.index(second.trial)]
    return float(ahead.mean())
