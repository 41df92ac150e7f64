"""The next configuration: a pure, seeded function of the trials before it.

`bayes` looks at some hundred candidates (a scrambled Sobol sequence over the whole space, and steps
around the best places so far) and takes the one whose expected improvement is largest (Jones,
Schonlau and Welch, 1998) by the belief of `segsweep.sweep.surrogate`.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.stats import qmc
from threadpoolctl import threadpool_limits

from segsweep.sweep.distributions import Number
from segsweep.sweep.space import Categorical, Constant, Parameter
from segsweep.sweep.surrogate import Surrogate

Why = Literal["enqueued", "start-up", "explore", "exploit", "random", "grid"]
Goal = Literal["maximize", "minimize"]
Varied = Mapping[str, Categorical | Number]
Values = Mapping[str, Any]

WIDE = 512
"""Candidates over the whole space."""
NEAR, STEPS, CENTRES = 48, (0.15, 0.05), 3
"""Candidates around each of the best places, for each step: the sd in shares of the range."""


@dataclass(frozen=True)
class Observation:
    """A trial that has ended: its parameters, and its value, None if it failed.

    `out_of_memory` says that it failed for want of memory, which speaks of its batch size alone.
    """

    parameters: Values
    value: float | None
    out_of_memory: bool = False


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
    observed: Sequence[Observation],
    in_flight: Sequence[Values],
    *,
    index: int,
    seed: int,
    method: Literal["bayes", "random", "grid"] = "bayes",
    goal: Goal = "maximize",
    enqueue: Sequence[Values] = (),
) -> Suggestion:
    """Choose trial `index` (from 0), knowing the ended trials and those still in flight.

    The same arguments give the same bits in every process. Numbers are rounded to 4 significant
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
        chosen = _by_belief(varied, observed, in_flight, goal, rng)
    return Suggestion({**constants, **chosen.parameters}, chosen.why, chosen.mean, chosen.sd)


def incumbent(
    space: Mapping[str, Parameter], observed: Sequence[Observation], goal: Goal = "maximize"
) -> tuple[int, float, float]:
    """The trial (its place in `observed`) that is believed to be the best, with mean and sd.

    It is the one with the best posterior mean, not the luckiest. Raises `ValueError` when no trial
    has a value.
    """
    varied = {name: p for name, p in space.items() if not isinstance(p, Constant)}
    finished = [i for i, o in enumerate(observed) if o.value is not None]
    if not finished:
        raise ValueError("found no trial with a value, expected one at least")
    with threadpool_limits(1):
        sign, belief = _sign(goal), _belief(varied, observed, [], goal)
        points = _columns(varied, [observed[i].parameters for i in finished])
        mean, sd = belief.predict(points)
    best = int(np.argmax(mean))
    return finished[best], sign * float(mean[best]), float(sd[best])


def _by_belief(
    varied: Varied,
    observed: Sequence[Observation],
    in_flight: Sequence[Values],
    goal: Goal,
    rng: np.random.Generator,
) -> Suggestion:
    belief = _belief(varied, observed, in_flight, goal)
    tried = [o.parameters for o in observed if o.value is not None]
    known = _columns(varied, tried)
    expected = belief.predict(known)[0]
    best_tried = np.argsort(-expected, kind="stable")[:CENTRES]
    candidates = _candidates(varied, [tried[i] for i in best_tried], rng)
    candidates = _new(candidates, [*(o.parameters for o in observed), *in_flight])
    candidates = _fitting(candidates, observed)
    points = _columns(varied, candidates)
    knows = len(belief.points) > 0
    score = belief.expected_improvement(points) if knows else belief.predict(points)[0]
    best = int(np.argmax(score))
    if not tried:
        return Suggestion(candidates[best], "start-up")
    (mean,), (sd,) = belief.predict(points[[best]])
    why: Why = "exploit" if mean > expected.max() else "explore"
    return Suggestion(candidates[best], why, _four(_sign(goal) * mean), _four(sd))


def _belief(
    varied: Varied, observed: Sequence[Observation], in_flight: Sequence[Values], goal: Goal
) -> Surrogate:
    """Failed trials count as the worst value; where there is none, as trials still in flight."""
    sign = _sign(goal)
    failed = [o.parameters for o in observed if o.value is None and not o.out_of_memory]
    finished = [o for o in observed if o.value is not None]
    values = [sign * o.value for o in finished if o.value is not None]
    points = [o.parameters for o in finished]
    flying = list(in_flight)
    if values:
        points += failed
        values += [min(values)] * len(failed)
    else:
        flying += failed
    return Surrogate(_columns(varied, points), np.array(values), _columns(varied, flying))


def _candidates(
    varied: Varied, centres: Sequence[Values], rng: np.random.Generator
) -> list[dict[str, Any]]:
    shares = [np.full((1, len(varied)), 0.5), qmc.Sobol(len(varied), rng=rng).random(WIDE)]
    for centre in centres:
        middle = np.array([p.share(centre[name]) for name, p in varied.items()])
        for step in STEPS:
            shares.append(np.clip(middle + rng.normal(0, step, (NEAR, len(varied))), 0, 1))
    placed = [
        {name: p.place(u) for (name, p), u in zip(varied.items(), row, strict=True)}
        for row in np.concatenate(shares).tolist()
    ]
    return list({tuple(values.items()): values for values in placed}.values())


def _new(candidates: list[dict[str, Any]], tried: Sequence[Values]) -> list[dict[str, Any]]:
    """Those that were not tried yet; all, where a small space holds no other."""
    return [c for c in candidates if c not in tried] or candidates


def _fitting(
    candidates: list[dict[str, Any]], observed: Sequence[Observation]
) -> list[dict[str, Any]]:
    """Those of a smaller batch than any that ran out of memory; all, where there is none."""
    name = "batch_size"
    large = [o.parameters[name] for o in observed if o.out_of_memory and name in o.parameters]
    return [c for c in candidates if not large or c.get(name, 0) < min(large)] or candidates


def _columns(varied: Varied, rows: Sequence[Values]) -> np.ndarray:
    """(rows, columns) as the surrogate sees them: a share of the range, or a column per value."""
    columns: list[list[float]] = []
    for name, parameter in varied.items():
        if isinstance(parameter, Categorical) and not parameter.is_numeric:
            columns += [[float(row[name] == value) for row in rows] for value in parameter.values]
        else:
            columns.append([parameter.share(row[name]) for row in rows])
    return np.array(columns, dtype=np.float64).reshape(len(columns), len(rows)).T


def _sign(goal: Goal) -> int:
    return 1 if goal == "maximize" else -1


def _four(value: float) -> float:
    return float(f"{value:.4g}")


def _grid_point(varied: Varied, index: int) -> dict[str, Any]:
    values = [p.values for p in varied.values() if isinstance(p, Categorical)]
    chosen = next(itertools.islice(itertools.product(*values), index, None))
    return dict(zip(varied, chosen, strict=True))
