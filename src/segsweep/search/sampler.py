"""The next configuration: a pure, seeded function of the trials before it.

`bayes` looks at some hundred candidates (a scrambled Sobol sequence over the whole space, and steps
around the best places so far) and takes the one whose expected improvement is largest (Jones,
Schonlau and Welch, 1998) by the belief of `segsweep.search.gaussian_process`.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.stats import qmc
from threadpoolctl import threadpool_limits

from segsweep.config.objective import Goal, sign
from segsweep.config.search_space import Categorical, Constant, Parameter
from segsweep.config.training_config import MEMORY_PARAMETERS
from segsweep.search.encoding import Varied, columns, fit_surrogate, placed
from segsweep.search.gaussian_process import Surrogate
from segsweep.search.trial_result import TrialResult, Values

Why = Literal["enqueued", "start-up", "explore", "exploit", "random", "grid"]

UCB_EVERY = 5
"""Every so many trials one looks where the value may be best (mean + 2 sd; Srinivas et al., 2010),
so that no second summit is missed."""
WIDE = 512
"""Candidates over the whole space."""
NEAR, STEPS, CENTRES = 48, (0.15, 0.05), 3
"""Candidates around each of the best places, for each step: the sd in shares of the range."""


@dataclass(frozen=True)
class Suggestion:
    """The parameters of the next trial, what chose them, and what value is expected of them.

    `mean` and `sd` are None where no model chose. "exploit" is a candidate that is expected to be
    better than any trial so far, "explore" one that may be.
    """

    parameters: dict[str, Any]
    why: Why
    mean: float | None = None
    sd: float | None = None


def suggest(
    space: Mapping[str, Parameter],
    observed: Sequence[TrialResult],
    in_flight: Sequence[Values],
    *,
    index: int,
    seed: int,
    method: Literal["bayes", "random", "grid"] = "bayes",
    goal: Goal = "maximize",
    enqueue: Sequence[Values] = (),
    earlier: Sequence[TrialResult] = (),
) -> Suggestion:
    """Choose trial `index` (from 0), knowing the ended trials and those still in flight.

    `earlier` are finished trials of an earlier study, with a value for each varied parameter. The
    same arguments give the same bits in every process. Numbers are rounded to 4 significant
    digits inside their range.
    """
    constants = {name: p.value for name, p in space.items() if isinstance(p, Constant)}
    varied = {name: p for name, p in space.items() if not isinstance(p, Constant)}
    if index < len(enqueue):
        return Suggestion({**constants, **enqueue[index]}, "enqueued")
    if method == "grid":
        return Suggestion({**constants, **_grid_point(varied, index - len(enqueue))}, "grid")
    rng = np.random.default_rng([seed, index])
    if method == "random" or not varied:
        drawn = {name: p.quantile(rng.random()) for name, p in varied.items()}
        return Suggestion({**constants, **drawn}, "random")
    with threadpool_limits(1):  # the bits do not depend on the number of threads
        belief = fit_surrogate(varied, observed, in_flight, goal, earlier)
        anchors = [o.parameters for o in (*observed, *earlier) if o.value is not None]
        around = _best_places(belief, varied, anchors)
        candidates = _candidates(varied, around, rng)
        candidates = _new(candidates, varied, [*(o.parameters for o in observed), *in_flight])
        curious = index % UCB_EVERY == UCB_EVERY - 1
        chosen = _promising(belief, varied, _fitting(candidates, observed), observed, goal, curious)
    return Suggestion({**constants, **chosen.parameters}, chosen.why, chosen.mean, chosen.sd)


def posterior_of_trials(
    space: Mapping[str, Parameter],
    observed: Sequence[TrialResult],
    goal: Goal = "maximize",
    earlier: Sequence[TrialResult] = (),
) -> list[tuple[float, float] | None]:
    """For each trial the mean and sd of its value without luck; None for one that has no value.

    Both are in the metric's own units. Of a loser, which the model sees better than it is, its own
    value stands.
    """
    varied = {name: p for name, p in space.items() if not isinstance(p, Constant)}
    with threadpool_limits(1):
        belief = fit_surrogate(varied, observed, [], goal, earlier)
        means, sds = belief.predict(columns(varied, [o.parameters for o in observed]))
    found: list[tuple[float, float] | None] = []
    for one, mean, sd in zip(observed, means, sds, strict=True):
        if one.value is None:
            found.append(None)
        else:
            lost = sign(goal) * one.value < belief.floor
            found.append((one.value if lost else sign(goal) * float(mean), float(sd)))
    return found


def incumbent(
    space: Mapping[str, Parameter],
    observed: Sequence[TrialResult],
    goal: Goal = "maximize",
    earlier: Sequence[TrialResult] = (),
) -> tuple[int, float, float]:
    """The trial (its place in `observed`) that is posterior_of_trials to be the best, with mean and sd.

    It is the one with the best posterior mean, not the best_observed. Raises `ValueError` when no trial
    has a value.
    """
    beliefs = enumerate(posterior_of_trials(space, observed, goal, earlier))
    finished = [(i, *belief) for i, belief in beliefs if belief is not None]
    if not finished:
        raise ValueError("found no trial with a value, expected one at least")
    return max(finished, key=lambda trial: sign(goal) * trial[1])


def _best_places(belief: Surrogate, varied: Varied, places: Sequence[Values]) -> list[Values]:
    expected = belief.predict(columns(varied, places))[0]
    return [places[i] for i in np.argsort(-expected, kind="stable")[:CENTRES]]


def _promising(
    belief: Surrogate,
    varied: Varied,
    candidates: Sequence[dict[str, Any]],
    observed: Sequence[TrialResult],
    goal: Goal,
    curious: bool,
) -> Suggestion:
    """The candidate with the largest expected improvement, or where it may be best of all."""
    points = columns(varied, candidates)
    best = int(np.argmax(_score(belief, points, curious)))
    tried = [o.parameters for o in observed if o.value is not None]
    if not tried:
        return Suggestion(candidates[best], "start-up")
    (mean,), (sd,) = belief.predict(points[[best]])
    expected = belief.predict(columns(varied, tried))[0]
    why: Why = "exploit" if mean > expected.max() else "explore"
    return Suggestion(candidates[best], why, _four(sign(goal) * mean), _four(sd))


def _score(belief: Surrogate, points: np.ndarray, curious: bool) -> np.ndarray:
    if belief.knows and not curious:
        return belief.expected_improvement(points)
    means, sds = belief.predict(points)
    return means + 2 * sds if belief.knows else means


def _candidates(
    varied: Varied, centres: Sequence[Values], rng: np.random.Generator
) -> list[dict[str, Any]]:
    shares = [np.full((1, len(varied)), 0.5), qmc.Sobol(len(varied), rng=rng).random(WIDE)]
    for centre in centres:
        middle = np.array([p.to_unit(centre[name]) for name, p in varied.items()])
        for step in STEPS:
            shares.append(np.clip(middle + rng.normal(0, step, (NEAR, len(varied))), 0, 1))
    drawn = [placed(varied, row) for row in np.concatenate(shares).tolist()]
    return list({tuple(values.items()): values for values in drawn}.values())


def _new(
    candidates: list[dict[str, Any]], varied: Varied, tried: Sequence[Values]
) -> list[dict[str, Any]]:
    """Those that were not tried yet; all, where a small space holds no other."""
    known = [{name: values[name] for name in varied} for values in tried]
    return [c for c in candidates if c not in known] or candidates


def _fitting(
    candidates: list[dict[str, Any]], observed: Sequence[TrialResult]
) -> list[dict[str, Any]]:
    """Those that need less memory than each that ran out of it; all, where there is none."""
    failed = [o.parameters for o in observed if o.status == "out_of_memory"]
    return [c for c in candidates if not any(_as_greedy(c, f) for f in failed)] or candidates


def _as_greedy(one: Values, other: Values) -> bool:
    """Whether `one` needs as much memory as `other`, by all that memory goes with."""
    if one.get("mixed_precision") is True and other.get("mixed_precision") is False:
        return False
    names = [name for name in MEMORY_PARAMETERS if name in one and name in other]
    return bool(names) and all(one[name] >= other[name] for name in names)


def _four(value: float) -> float:
    return float(f"{value:.4g}")


def _grid_point(varied: Varied, index: int) -> dict[str, Any]:
    values = [p.values for p in varied.values() if isinstance(p, Categorical)]
    chosen = next(itertools.islice(itertools.product(*values), index, None))
    return dict(zip(varied, chosen, strict=True))
