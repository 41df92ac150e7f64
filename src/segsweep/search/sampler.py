"""Choose the next configuration: a pure, seeded function of the trials before it.

`bayes` takes some hundred candidates (a scrambled Sobol sequence over the whole space, and random
steps around the best trials so far) and returns the one with the largest expected improvement
(Jones, Schonlau and Welch, 1998) under the surrogate model.
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
from segsweep.search.gaussian_process import Surrogate
from segsweep.search.surrogate import Varied, decode, encode, fit_surrogate
from segsweep.search.trial_result import TrialResult, Values

ChosenBy = Literal["enqueued", "start-up", "explore", "exploit", "random", "grid"]

UCB_EVERY = 5
"""One in this many trials maximises the upper confidence bound (mean + 2 sd; Srinivas et al., 2010)
in place of the expected improvement, so that a second optimum is found."""

GLOBAL_CANDIDATES = 512
"""Candidates over the whole space."""

LOCAL_CANDIDATES, STEP_SDS, CENTRES = 48, (0.15, 0.05), 3
"""Around each of the `CENTRES` best trials there are `LOCAL_CANDIDATES` candidates for each of
`STEP_SDS`, the standard deviations of the steps in units of the range."""


@dataclass(frozen=True)
class Suggestion:
    """The next configuration.

    Attributes:
        parameters: The value of each parameter.
        chosen_by: What chose it. `exploit`: its posterior mean is better than that of every trial;
            `explore`: it is not; `start-up`: no trial has finished yet.
        mean: The expected value of the metric; None where no model chose.
        sd: Its standard deviation; None where no model chose.
    """

    parameters: dict[str, Any]
    chosen_by: ChosenBy
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
    """Choose the configuration of trial `index`.

    The same arguments give the same bits in every process. Numbers are rounded to 4 significant
    digits within their range.

    Args:
        space: The search space.
        observed: The trials that have ended.
        in_flight: The configurations of trials that are running.
        index: The number of the trial, from 0.
        seed: The seed of the sweep.
        method: As in W&B.
        goal: The direction of the metric.
        enqueue: Configurations for the first trials.
        earlier: Finished trials of an earlier study, with a value for each varied parameter.
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
    with threadpool_limits(1):  # the bits must not depend on the number of threads
        surrogate = fit_surrogate(varied, observed, in_flight, goal, earlier)
        finished = [t.parameters for t in (*observed, *earlier) if t.value is not None]
        centres = _best_configurations(surrogate, varied, finished)
        candidates = _candidates(varied, centres, rng)
        candidates = _untried(candidates, varied, [*(t.parameters for t in observed), *in_flight])
        candidates = _fitting_memory(candidates, observed)
        upper_bound = index % UCB_EVERY == UCB_EVERY - 1
        chosen = _best_candidate(surrogate, varied, candidates, observed, goal, upper_bound)
    return Suggestion({**constants, **chosen.parameters}, chosen.chosen_by, chosen.mean, chosen.sd)


def posterior(
    space: Mapping[str, Parameter],
    observed: Sequence[TrialResult],
    goal: Goal = "maximize",
    earlier: Sequence[TrialResult] = (),
) -> list[tuple[float, float] | None]:
    """Return the posterior of each trial's value without noise.

    The surrogate clips low values, so a trial below the cut-off keeps its own value as its mean.

    Returns:
        Mean and standard deviation in units of the metric; None for a trial without a value.
    """
    varied = {name: p for name, p in space.items() if not isinstance(p, Constant)}
    with threadpool_limits(1):
        surrogate = fit_surrogate(varied, observed, [], goal, earlier)
        means, sds = surrogate.predict(encode(varied, [t.parameters for t in observed]))
    posteriors: list[tuple[float, float] | None] = []
    for trial, mean, sd in zip(observed, means, sds, strict=True):
        if trial.value is None:
            posteriors.append(None)
        else:
            clipped = sign(goal) * trial.value < surrogate.floor
            posteriors.append((trial.value if clipped else sign(goal) * float(mean), float(sd)))
    return posteriors


def incumbent(
    space: Mapping[str, Parameter],
    observed: Sequence[TrialResult],
    goal: Goal = "maximize",
    earlier: Sequence[TrialResult] = (),
) -> tuple[int, float, float]:
    """Return the index, mean and standard deviation of the trial with the best posterior mean.

    Raises:
        ValueError: No trial has a value.
    """
    posteriors = enumerate(posterior(space, observed, goal, earlier))
    finished = [(i, *mean_and_sd) for i, mean_and_sd in posteriors if mean_and_sd is not None]
    if not finished:
        raise ValueError("found no trial with a value, expected at least one")
    return max(finished, key=lambda trial: sign(goal) * trial[1])


def _best_configurations(
    surrogate: Surrogate, varied: Varied, configurations: Sequence[Values]
) -> list[Values]:
    expected = surrogate.predict(encode(varied, configurations))[0]
    return [configurations[i] for i in np.argsort(-expected, kind="stable")[:CENTRES]]


def _best_candidate(
    surrogate: Surrogate,
    varied: Varied,
    candidates: Sequence[dict[str, Any]],
    observed: Sequence[TrialResult],
    goal: Goal,
    upper_bound: bool,
) -> Suggestion:
    """Return the candidate with the largest expected improvement, or upper confidence bound."""
    points = encode(varied, candidates)
    best = int(np.argmax(_acquisition(surrogate, points, upper_bound)))
    finished = [t.parameters for t in observed if t.value is not None]
    if not finished:
        return Suggestion(candidates[best], "start-up")
    (mean,), (sd,) = surrogate.predict(points[[best]])
    expected = surrogate.predict(encode(varied, finished))[0]
    chosen_by: ChosenBy = "exploit" if mean > expected.max() else "explore"
    return Suggestion(candidates[best], chosen_by, _round(sign(goal) * mean), _round(sd))


def _acquisition(surrogate: Surrogate, points: np.ndarray, upper_bound: bool) -> np.ndarray:
    if surrogate.has_trials and not upper_bound:
        return surrogate.expected_improvement(points)
    means, sds = surrogate.predict(points)
    return means + 2 * sds if surrogate.has_trials else means


def _candidates(
    varied: Varied, centres: Sequence[Values], rng: np.random.Generator
) -> list[dict[str, Any]]:
    sobol = qmc.Sobol(len(varied), rng=rng).random(GLOBAL_CANDIDATES)
    positions = [np.full((1, len(varied)), 0.5), sobol]
    for centre in centres:
        middle = np.array([p.to_unit(centre[name]) for name, p in varied.items()])
        for sd in STEP_SDS:
            steps = rng.normal(0, sd, (LOCAL_CANDIDATES, len(varied)))
            positions.append(np.clip(middle + steps, 0, 1))
    decoded = [decode(varied, row) for row in np.concatenate(positions).tolist()]
    return list({tuple(values.items()): values for values in decoded}.values())


def _untried(
    candidates: list[dict[str, Any]], varied: Varied, tried: Sequence[Values]
) -> list[dict[str, Any]]:
    """Return the candidates that were not tried; all, if a small space has no other."""
    known = [{name: values[name] for name in varied} for values in tried]
    return [c for c in candidates if c not in known] or candidates


def _fitting_memory(
    candidates: list[dict[str, Any]], observed: Sequence[TrialResult]
) -> list[dict[str, Any]]:
    """Return the candidates that need less memory than any trial that ran out; all, if none do."""
    failed = [t.parameters for t in observed if t.status == "out_of_memory"]
    return [
        c for c in candidates if not any(_needs_as_much_memory(c, f) for f in failed)
    ] or candidates


def _needs_as_much_memory(candidate: Values, failed: Values) -> bool:
    if candidate.get("mixed_precision") is True and failed.get("mixed_precision") is False:
        return False
    names = [name for name in MEMORY_PARAMETERS if name in candidate and name in failed]
    return bool(names) and all(candidate[name] >= failed[name] for name in names)


def _round(value: float) -> float:
    """Round to 4 significant digits."""
    return float(f"{value:.4g}")


def _grid_point(varied: Varied, index: int) -> dict[str, Any]:
    values = [p.values for p in varied.values() if isinstance(p, Categorical)]
    chosen = next(itertools.islice(itertools.product(*values), index, None))
    return dict(zip(varied, chosen, strict=True))
