"""What is true of a simulated sweep: optima, effects and the scaling of its learning rate."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from segsweep.analysis.importance import STEPS
from segsweep.analysis.posterior import PosteriorSamples, sobol_configurations
from segsweep.config.search_space import Categorical
from simulated_sweeps import SimulatedSweep, Surface

AVERAGED, SEARCHED, STEPS_TO_OPTIMUM = 1024, 2048, 12
"""Configurations over which a true effect is averaged; those among which a true optimum is searched
for each batch size, and how often the best of them is improved by random steps."""

EXPONENT_RATES = np.geomspace(1e-7, 1, 701)
"""Learning rates among which the true best is searched, beyond those of the sweep."""


class Truth:
    """What is true of a surface over the space of a sweep.

    Effects and shares are those of the values as the surrogate sees them: values below its floor
    count as the floor, and diverged trainings as the worst finished one.
    """

    def __init__(self, sweep: SimulatedSweep, samples: PosteriorSamples) -> None:
        self.surface: Surface = sweep.surface
        self.varied = sweep.completed.varied
        self._floor = samples.surrogate.floor
        self._worst = max(
            self._floor, min(t.value for t in samples.finished if t.value is not None)
        )
        self._points = columns(sobol_configurations(self.varied, AVERAGED, seed=31))

    def value(self, configuration: Any) -> float:
        return float(self.surface.value(configuration))

    def mean_at(self, name: str, value: Any) -> float:
        """Return the mean over all other parameters at a value of one parameter."""
        return float(np.mean(self._clipped({**self._points, name: value})))

    def curve(self, name: str) -> np.ndarray:
        """Return the main effect at the values at which the analysis evaluates it."""
        parameter = self.varied[name]
        if isinstance(parameter, Categorical):
            values: Sequence[Any] = parameter.ordered
        else:
            values = [parameter.from_unit(u) for u in np.linspace(0, 1, STEPS).tolist()]
        return np.array([self.mean_at(name, value) for value in values])

    @cached_property
    def shares(self) -> dict[str, float]:
        """The share of the variance that each parameter explains alone."""
        total = float(np.var(self._clipped(self._points)))
        return {name: float(np.var(self.curve(name))) / total for name in self.varied}

    @cached_property
    def optima(self) -> dict[int, tuple[float, dict[str, Any]]]:
        """The best value and configuration at each batch size."""
        return {int(size): self._optimum(size) for size in self.varied["batch_size"].ordered}

    @property
    def optimum(self) -> dict[str, Any]:
        return max(self.optima.values(), key=lambda pair: pair[0])[1]

    def exponent(self, others: Any) -> float:
        """Return the slope of log(best learning rate) against log(batch size)."""
        sizes = np.array(self.varied["batch_size"].ordered, dtype=float)
        best = [
            EXPONENT_RATES[
                np.argmax(
                    self.surface.value({**others, "batch_size": s, "learning_rate": EXPONENT_RATES})
                )
            ]
            for s in sizes
        ]
        return float(np.polyfit(np.log(sizes), np.log(best), 1)[0])

    def _clipped(self, points: Any) -> np.ndarray:
        values = np.maximum(self.surface.value(points), self._floor)
        return np.where(self.surface.diverges(points), self._worst, values)

    def _optimum(self, size: Any) -> tuple[float, dict[str, Any]]:
        """Search the best configuration with a batch size: at random, then by smaller steps."""
        names = [name for name in self.varied if name != "batch_size"]
        rng = np.random.default_rng(32)
        shares = rng.random((SEARCHED, len(names)))
        best, top = shares[0], -np.inf
        for step in range(STEPS_TO_OPTIMUM):
            points = {
                name: np.array([self.varied[name].from_unit(u) for u in column])
                for name, column in zip(names, shares.T.tolist(), strict=True)
            }
            values = self.surface.value({**points, "batch_size": size})
            if values.max() > top:
                top, best = float(values.max()), shares[int(values.argmax())]
            moves = rng.normal(0, 0.1 * 0.6**step, (256, len(names)))
            shares = np.clip(best + moves, 0, 1)
        found = zip(names, best.tolist(), strict=True)
        chosen = {name: self.varied[name].from_unit(u) for name, u in found}
        return top, {**chosen, "batch_size": size}


def columns(configurations: Sequence[Any]) -> dict[str, np.ndarray]:
    """Return configurations as one array for each parameter."""
    return {name: np.array([c[name] for c in configurations]) for name in configurations[0]}
