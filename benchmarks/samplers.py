"""The samplers that the benchmarks compare: segsweep, W&B's engine, Optuna and random search."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from segsweep.config.search_space import Categorical, Constant, read_space
from segsweep.search.sampler import suggest
from segsweep.search.trial_result import TrialResult
from surfaces import Spec, Values

SEGSWEEP, WANDB = "segsweep", "W&B bayes, ranges only"
PARALLEL, IN_PARALLEL = "segsweep, 4 in parallel", 4
RELATED = "segsweep, after a related study"
MISLEADING = "segsweep, after a misleading study"


@dataclass(frozen=True)
class State:
    """What is known when a method chooses its next configuration."""

    spec: Spec
    observed: Sequence[TrialResult]
    seed: int
    in_flight: Sequence[Values] = ()
    earlier: Sequence[TrialResult] = ()


Method = Callable[[State], dict[str, Any]]


def segsweep(state: State) -> dict[str, Any]:
    return suggest(
        read_space(state.spec),
        state.observed,
        state.in_flight,
        index=len(state.observed) + len(state.in_flight),
        seed=state.seed,
        earlier=state.earlier,
    ).parameters


def random_search(state: State) -> dict[str, Any]:
    space, index = read_space(state.spec), len(state.observed)
    return suggest(space, [], [], index=index, seed=state.seed, method="random").parameters


def wandb_bayes(state: State) -> dict[str, Any]:
    import sweeps

    np.random.seed([state.seed, len(state.observed)])
    config = {
        "method": "bayes",
        "metric": {"name": "value", "goal": "maximize"},
        "parameters": state.spec,
    }
    runs = [
        sweeps.SweepRun(
            name=str(i),
            state="finished",
            config={name: {"value": value} for name, value in trial.parameters.items()},
            summaryMetrics={"value": trial.value},
            history=[{"value": trial.value}],
        )
        for i, trial in enumerate(state.observed)
    ]
    run = sweeps.next_run(config, runs)
    return {name: entry["value"] for name, entry in run.config.items()}


def optuna_sampler(name: str) -> Method:
    """Return a sampler of Optuna with default settings.

    With log scales it also gets ordered batch sizes.
    """

    def suggest_with_optuna(state: State) -> dict[str, Any]:
        import optuna

        spec, observed, seed = state.spec, state.observed, state.seed
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        log_scales = any("distribution" in table for table in spec.values())
        space = read_space(spec)
        distributions: dict[str, Any] = {}
        for parameter, p in space.items():
            assert not isinstance(p, Constant)
            if isinstance(p, Categorical):
                distributions[parameter] = (
                    optuna.distributions.IntDistribution(0, len(p.values) - 1)
                    if log_scales and p.is_numeric
                    else optuna.distributions.CategoricalDistribution(p.values)
                )
            elif isinstance(spec[parameter].get("min"), int):
                distributions[parameter] = optuna.distributions.IntDistribution(
                    int(p.low), int(p.high)
                )  # type: ignore[union-attr]
            else:
                log = "log" in spec[parameter].get("distribution", "")
                distributions[parameter] = optuna.distributions.FloatDistribution(
                    p.low, p.high, log=log
                )  # type: ignore[union-attr]
        ordered = [
            parameter for parameter, distribution in distributions.items()
            if isinstance(distribution, optuna.distributions.IntDistribution)
            and isinstance(space[parameter], Categorical)
        ]  # fmt: skip
        sampler = getattr(optuna.samplers, name)
        study = optuna.create_study(
            direction="maximize", sampler=sampler(seed=seed * 1000 + len(observed))
        )
        for trial in observed:
            values = dict(trial.parameters)
            for parameter in ordered:
                values[parameter] = space[parameter].ordered.index(values[parameter])  # type: ignore[union-attr]
            study.add_trial(
                optuna.create_trial(params=values, distributions=distributions, value=trial.value)
            )
        chosen = dict(study.ask(distributions).params)
        for parameter in ordered:
            chosen[parameter] = space[parameter].ordered[chosen[parameter]]  # type: ignore[union-attr]
        return chosen

    return suggest_with_optuna


METHODS: dict[str, tuple[Method, str]] = {
    SEGSWEEP: (segsweep, "ranges only"),
    PARALLEL: (segsweep, "ranges only"),
    RELATED: (segsweep, "ranges only"),
    MISLEADING: (segsweep, "ranges only"),
    WANDB: (wandb_bayes, "ranges only"),
    "W&B bayes, log scales": (wandb_bayes, "log scales"),
    "Optuna GP, ranges only": (optuna_sampler("GPSampler"), "ranges only"),
    "Optuna GP, log scales": (optuna_sampler("GPSampler"), "log scales"),
    "Optuna TPE, log scales": (optuna_sampler("TPESampler"), "log scales"),
    "random, ranges only": (random_search, "ranges only"),
    "random, log scales": (random_search, "log scales"),
}
"""Methods by name, each with the version of the search space that it gets."""
