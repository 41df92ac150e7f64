"""Simulated surfaces with a known optimum, on which samplers are compared.

Each problem has its search space in W&B's format in two versions: `ranges_only` (`min` and `max`,
as in the original report) and `log_scales` (with logarithmic distributions where they suit).
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from segsweep.config.search_space import read_space
from segsweep.search.sampler import suggest

Values = Mapping[str, Any]
Spec = dict[str, dict[str, Any]]

REPORT: Spec = {
    "batch_size": {"values": [4, 8, 16, 32, 64, 128]},
    "learning_rate": {"min": 0.00001, "max": 0.01},
    "dropout": {"min": 0.0, "max": 0.5},
    "l2_reg": {"min": 0.000001, "max": 0.01},
}
LOG = "log_uniform_values"
REPORT_LOG: Spec = {
    **REPORT,
    "learning_rate": {"distribution": LOG, "min": 0.00001, "max": 0.01},
    "l2_reg": {"distribution": LOG, "min": 0.000001, "max": 0.01},
}
SAMPLES = 20_000
"""Random configurations from which the search for the optimum of a surface starts."""


@dataclass(frozen=True)
class Problem:
    """A surface to maximize.

    Attributes:
        name: The family and number of the surface.
        ranges_only: The search space with `min` and `max`.
        log_scales: The search space with logarithmic distributions.
        value: The value of a configuration without noise.
        noise: The standard deviation of the noise in a trial.
        known: The optimal value, where it is known.
    """

    name: str
    ranges_only: Spec
    log_scales: Spec
    value: Callable[[Values], float]
    noise: float
    known: float | None = None

    @cached_property
    def best(self) -> float:
        """The optimal value: known, or found by random search and random steps."""
        if self.known is not None:
            return self.known
        space = read_space(self.log_scales)
        rng = np.random.default_rng(0)
        values: list[tuple[float, dict[str, Any]]] = []
        for i in range(SAMPLES):
            drawn = suggest(space, [], [], index=i, seed=0, method="random").parameters
            values.append((self.value(drawn), drawn))
        top, best = max(values, key=lambda pair: pair[0])
        for step in np.geomspace(0.1, 0.001, 3000):
            near = {
                name: p.from_unit(float(np.clip(p.to_unit(best[name]) + rng.normal(0, step), 0, 1)))  # type: ignore[union-attr]
                for name, p in space.items()
            }
            if (value := self.value(near)) > top:
                top, best = value, near
        return top


def report(number: int) -> Problem:
    """A surface like a U-Net sweep, on the space of the original report.

    The best learning rate scales with the batch size by an exponent of 1/2 or 1. Dice falls off
    around it like a parabola that flattens, more steeply where training diverges. Large batches are
    slightly worse; dropout and l2_reg have small effects; there is a small ripple.
    """
    rng = np.random.default_rng([1, number])
    exponent, optimum = rng.choice([0.5, 1.0]), rng.uniform(-4.3, -2.9)
    narrow, steep = rng.uniform(0.006, 0.02), rng.uniform(1, 3)
    dropout, by_dropout = rng.uniform(0, 0.35), rng.uniform(0.01, 0.1)
    l2, by_l2 = rng.uniform(-5.5, -3), rng.uniform(0.001, 0.006)
    by_batch, top = rng.uniform(0.001, 0.006), rng.uniform(0.5, 0.7)
    ripple = _ripple(rng, 0.003)

    def value(p: Values) -> float:
        doublings = math.log2(p["batch_size"] / 16)
        off = math.log10(p["learning_rate"]) - optimum - exponent * doublings * math.log10(2)
        lost = narrow * (steep if off > 0 else 1) * off**2
        dice = top - 0.3 * (1 - math.exp(-lost / 0.3))
        dice -= by_dropout * (p["dropout"] - dropout) ** 2
        dice -= by_l2 * (math.log10(p["l2_reg"]) - l2) ** 2
        dice -= by_batch * max(0.0, doublings) + 0.0015 * max(0.0, -doublings)
        return float(dice + ripple(p))

    return Problem(f"report {number}", REPORT, REPORT_LOG, value, 0.005)


def rugged(number: int) -> Problem:
    """A rugged surface on the same space.

    It has ripples, a cliff at learning rates that are too high, a ridge with a sharp edge, and a
    second optimum.
    """
    rng = np.random.default_rng([2, number])
    optimum, other = rng.uniform(-4.5, -2.5), rng.uniform(-4.5, -2.5)
    by_rate, tilt = rng.uniform(0.01, 0.03), rng.uniform(-2, 2)
    cliff, depth = rng.uniform(0.4, 1.2), rng.uniform(0.05, 0.2)
    by_l2, batch = rng.uniform(0.002, 0.008), rng.integers(0, 6)
    ripple = _ripple(rng, 0.008)

    def value(p: Values) -> float:
        rate = math.log10(p["learning_rate"])
        off = rate - optimum - tilt * (p["dropout"] - 0.25)
        dice = 0.6 - by_rate * min(abs(off), 0.5 + 0.5 * abs(rate - other))
        dice -= by_l2 * abs(math.log10(p["l2_reg"]) + 4 + 0.5 * off)
        dice -= 0.003 * abs(math.log2(p["batch_size"] / 4) - batch)
        dice -= depth if off > cliff else 0.0
        return float(dice + ripple(p))

    return Problem(f"rugged {number}", REPORT, REPORT_LOG, value, 0.005)


def _ripple(rng: np.random.Generator, size: float) -> Callable[[Values], float]:
    """Return a smooth random function with sd `size` (random Fourier features)."""
    rate, phase = rng.normal(0, 1.5, (24, 4)), rng.uniform(0, 2 * np.pi, 24)
    height = rng.normal(0, size / math.sqrt(12), 24)

    def at(p: Values) -> float:
        position = [
            math.log2(p["batch_size"] / 4) / 5,
            math.log10(p["learning_rate"] / 1e-5) / 3,
            p["dropout"] / 0.5,
            math.log10(p["l2_reg"] / 1e-6) / 4,
        ]
        return float(height @ np.cos(rate @ position + phase))

    return at


def branin(number: int) -> Problem:
    """Branin's function (Dixon and Szego, 1978), negated and divided by 100."""
    space: Spec = {"x": {"min": -5.0, "max": 10.0}, "y": {"min": 0.0, "max": 15.0}}

    def value(p: Values) -> float:
        return -_branin(p["x"], p["y"]) / 100

    return Problem(f"branin {number}", space, space, value, 0.005, known=-0.00397887)


def mixed_branin(number: int) -> Problem:
    """Branin's function with an integer and a categorical parameter."""
    shifts = {"a": 0.0, "b": 20.0, "c": 40.0}
    space: Spec = {
        "x": {"min": -5, "max": 10},
        "y": {"min": 0.0, "max": 15.0},
        "kind": {"values": ["b", "c", "a"]},
    }

    def value(p: Values) -> float:
        return -(_branin(p["x"], p["y"]) + shifts[p["kind"]]) / 100

    return Problem(f"mixed branin {number}", space, space, value, 0.005)


def _branin(x: float, y: float) -> float:
    bowl = y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6
    return bowl**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


HARTMANN_HEIGHT = np.array([1.0, 1.2, 3.0, 3.2])
HARTMANN_WIDTH = np.array(
    [
        [10, 3, 17, 3.5, 1.7, 8],
        [0.05, 10, 17, 0.1, 8, 14],
        [3, 3.5, 1.7, 10, 17, 8],
        [17, 8, 0.05, 10, 0.1, 14],
    ]
)
HARTMANN_CENTRE = np.array(
    [
        [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
        [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
        [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650],
        [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
    ]
)


def hartmann(number: int) -> Problem:
    """Hartmann's function in six dimensions (Dixon and Szego, 1978)."""
    space: Spec = {f"x{i}": {"min": 0.0, "max": 1.0} for i in range(6)}

    def value(p: Values) -> float:
        point = np.array([p[f"x{i}"] for i in range(6)])
        distance = (HARTMANN_WIDTH * (point - HARTMANN_CENTRE) ** 2).sum(1)
        return float(HARTMANN_HEIGHT @ np.exp(-distance))

    return Problem(f"hartmann {number}", space, space, value, 0.01, known=3.32237)


FAMILIES: dict[str, Callable[[int], Problem]] = {
    "report": report,
    "rugged": rugged,
    "branin": branin,
    "mixed": mixed_branin,
    "hartmann": hartmann,
}
