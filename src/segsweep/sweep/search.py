"""The next configuration: a pure, seeded function of the trials before it.

`bayes` is Optuna's Gaussian process (Matérn 5/2, a length scale per parameter, noise modelled, log
expected improvement) told the scales of `segsweep.sweep.space`; the first trials are spread by a
scrambled Sobol sequence (SciPy), of which trial i takes point i, so that they do not depend on how
many trials there are.
"""

import itertools
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import optuna
import torch
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import GPSampler
from optuna.trial import TrialState, create_trial
from scipy.stats import qmc

from segsweep.sweep.distributions import IntUniform
from segsweep.sweep.space import Categorical, Constant, Parameter

Why = Literal["enqueued", "start-up", "model", "random", "grid"]


@dataclass(frozen=True)
class Observation:
    """A trial that has ended: its parameters, and its value, None if it failed."""

    parameters: Mapping[str, Any]
    value: float | None


@dataclass(frozen=True)
class Suggestion:
    """The parameters of the next trial, and what chose them."""

    parameters: dict[str, Any]
    why: Why


def suggest(
    space: Mapping[str, Parameter],
    observed: Sequence[Observation],
    in_flight: Sequence[Mapping[str, Any]],
    *,
    index: int,
    seed: int,
    method: Literal["bayes", "random", "grid"] = "bayes",
    goal: Literal["maximize", "minimize"] = "maximize",
    startup_trials: int = 4,
    enqueue: Sequence[Mapping[str, Any]] = (),
) -> Suggestion:
    """Choose trial `index` (from 0), knowing the ended trials and those still in flight.

    The same arguments give the same bits in every process. A failed trial counts as the worst
    value seen. Numbers are rounded to 4 significant digits inside their range.
    """
    constants = {name: p.value for name, p in space.items() if isinstance(p, Constant)}
    varied = {name: p for name, p in space.items() if not isinstance(p, Constant)}
    if index < len(enqueue):
        return Suggestion({**constants, **enqueue[index]}, "enqueued")
    if method == "grid":
        return Suggestion({**constants, **_grid_point(varied, index - len(enqueue))}, "grid")
    if method == "random":
        rng = np.random.default_rng([seed, index])
        drawn = {name: p.quantile(rng.random()) for name, p in varied.items()}
        return Suggestion({**constants, **drawn}, "random")
    values = [o.value for o in observed if o.value is not None]
    if index < startup_trials or not values:
        placed = {
            name: _place(parameter, u)
            for (name, parameter), u in zip(
                varied.items(), _spread_point(len(varied), index, seed), strict=True
            )
        }
        return Suggestion({**constants, **placed}, "start-up")
    worst = min(values) if goal == "maximize" else max(values)
    known = [(o.parameters, worst if o.value is None else o.value) for o in observed]
    chosen = _ask_model(varied, known, in_flight, seed=seed, index=index, goal=goal)
    return Suggestion({**constants, **chosen}, "model")


def _spread_point(dimensions: int, index: int, seed: int) -> list[float]:
    if not dimensions:
        return []
    sequence = qmc.Sobol(dimensions, rng=np.random.default_rng(seed))
    if index:
        sequence.fast_forward(index)
    return sequence.random(1)[0].tolist()


def _ask_model(
    varied: Mapping[str, Parameter],
    known: Sequence[tuple[Mapping[str, Any], float]],
    in_flight: Sequence[Mapping[str, Any]],
    *,
    seed: int,
    index: int,
    goal: Literal["maximize", "minimize"],
) -> dict[str, Any]:
    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    distributions = {name: _distribution(p) for name, p in varied.items()}
    own_seed = int(np.random.SeedSequence([seed, index]).generate_state(1)[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = GPSampler(seed=own_seed, n_startup_trials=1, deterministic_objective=False)
    study = optuna.create_study(direction=goal, sampler=sampler)
    for parameters, value in known:
        inner = {name: _to_model(p, parameters[name]) for name, p in varied.items()}
        study.add_trial(create_trial(params=inner, distributions=distributions, value=value))
    for parameters in in_flight:
        inner = {name: _to_model(p, parameters[name]) for name, p in varied.items()}
        running = create_trial(state=TrialState.RUNNING, params=inner, distributions=distributions)
        study.add_trial(running)
    asked = study.ask(distributions).params
    return {name: _from_model(p, asked[name]) for name, p in varied.items()}


def _distribution(parameter: Parameter) -> BaseDistribution:
    """How the model sees a parameter: an ordered rank, a logarithm or a line."""
    if isinstance(parameter, Categorical):
        if parameter.is_numeric:
            return IntDistribution(0, len(parameter.values) - 1)
        return CategoricalDistribution(parameter.values)
    assert not isinstance(parameter, Constant)
    log = parameter.model_scale == "log"
    if isinstance(parameter, IntUniform):
        return IntDistribution(parameter.min, parameter.max, log=log)
    return FloatDistribution(parameter.low, parameter.high, log=log)


def _to_model(parameter: Parameter, value: Any) -> Any:
    if isinstance(parameter, Categorical):
        return parameter.ordered.index(value) if parameter.is_numeric else value
    assert not isinstance(parameter, Constant)
    return min(max(value, parameter.low), parameter.high)


def _from_model(parameter: Parameter, inner: Any) -> Any:
    if isinstance(parameter, Categorical):
        return parameter.ordered[inner] if parameter.is_numeric else inner
    assert not isinstance(parameter, Constant)
    return parameter.snap(inner)


def _place(parameter: Parameter, u: float) -> Any:
    """The value at share `u` (0 to 1) of the range, on the scale that the model sees."""
    if isinstance(parameter, Categorical):
        return parameter.ordered[int(u * len(parameter.values))]
    assert not isinstance(parameter, Constant)
    return parameter.place(u)


def _grid_point(varied: Mapping[str, Parameter], index: int) -> dict[str, Any]:
    values = [p.values for p in varied.values() if isinstance(p, Categorical)]
    chosen = next(itertools.islice(itertools.product(*values), index, None))
    return dict(zip(varied, chosen, strict=True))
