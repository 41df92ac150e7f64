"""Simulated sweeps of a U-Net with a known true surface, for the calibration of the findings.

The surfaces of all families are vectorised: a configuration is a mapping of arrays. They are also
defined outside the searched ranges, where the next sweep may lie.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from segsweep.analysis.completed_sweep import CompletedSweep
from segsweep.config.search_space import read_space
from segsweep.search.sampler import suggest
from segsweep.search.trial_result import TrialResult

LOG = "log_uniform_values"
METRIC = "val_dice_coefficient"
Columns = Mapping[str, Any]
"""Configurations by parameter: a number or an array for each."""

TRIALS = (12, 16, 20, 20, 30, 30, 40, 40, 60, 100)
"""Numbers of trials, from which that of a sweep is drawn."""

NOISES = (0.003, 0.006, 0.01)
"""Standard deviations of the noise of one training, from which that of a sweep is drawn."""


@dataclass(frozen=True)
class Surface:
    """A true surface.

    Attributes:
        space: The search space in W&B's format.
        exponent: The exponent of the best learning rate against the batch size.
        rate: log10 of the best learning rate at batch size 16.
        curvature: Loss per squared decade below and above the best learning rate.
        batch: The change with the batch size (log2), at the best learning rate.
        dropout, l2: Optimum (l2 in log10) and loss per squared unit.
        ripple: A smooth random function of the encoded configuration.
        divergence: Decades above the best learning rate from which trainings diverge.
    """

    space: dict[str, Any]
    exponent: float
    rate: float
    curvature: tuple[float, float]
    batch: Callable[[Any], Any]
    dropout: tuple[float, float]
    l2: tuple[float, float]
    ripple: Callable[[Columns], Any]
    divergence: float = np.inf

    def value(self, p: Columns) -> Any:
        """Return the Dice without noise of one configuration or of arrays of them."""
        off = self._decades_above_best_rate(p)
        steepness = np.where(off > 0, self.curvature[1], self.curvature[0])
        dice = 0.6 - 0.3 * (1 - np.exp(-steepness * off**2 / 0.3))
        dice = dice + self.batch(np.log2(p["batch_size"]))
        dice = dice - self.dropout[1] * (p["dropout"] - self.dropout[0]) ** 2
        dice = dice - self.l2[1] * (np.log10(p["l2_reg"]) - self.l2[0]) ** 2
        return dice + self.ripple(p)

    def diverges(self, p: Columns) -> Any:
        return self._decades_above_best_rate(p) > self.divergence

    def _decades_above_best_rate(self, p: Columns) -> Any:
        moved = self.exponent * np.log10(np.asarray(p["batch_size"]) / 16)
        return np.log10(p["learning_rate"]) - self.rate - moved


@dataclass(frozen=True)
class SimulatedSweep:
    """A completed sweep and its true surface.

    Attributes:
        family: The family of the surface.
        surface: The surface.
        completed: The sweep as the analysis takes it.
    """

    family: str
    surface: Surface
    completed: CompletedSweep = field(repr=False)


def simulate(family: str, number: int) -> SimulatedSweep:
    """Draw a surface and run a sweep on it; the same arguments give the same sweep."""
    rng = np.random.default_rng([22, list(FAMILIES).index(family), number])
    surface = FAMILIES[family](rng)
    count, noise = int(rng.choice(TRIALS)), float(rng.choice(NOISES))
    method = "random" if count == max(TRIALS) or rng.random() < 0.4 else "bayes"
    space = read_space(surface.space)
    trials: list[TrialResult] = []
    for i in range(count):
        chosen = suggest(space, trials, [], index=i, seed=number, method=method).parameters  # type: ignore[arg-type]
        if surface.diverges(chosen):
            trials.append(TrialResult(chosen, None, "diverged", name=f"{i:03d}"))
        else:
            value = float(surface.value(chosen)) + rng.normal(0, noise)
            trials.append(TrialResult(chosen, value, name=f"{i:03d}"))
    source = f"simulated sweep {family} {number}"
    return SimulatedSweep(
        family, surface, CompletedSweep(source, space, METRIC, "maximize", trials)
    )


def _space(
    batch_sizes: list[int], rates: tuple[float, float], dropout: float = 0.5, l2: float = 1e-2
) -> dict[str, Any]:
    return {
        "batch_size": {"values": batch_sizes},
        "learning_rate": {"distribution": LOG, "min": rates[0], "max": rates[1]},
        "dropout": {"min": 0.0, "max": dropout},
        "l2_reg": {"distribution": LOG, "min": 1e-6, "max": l2},
    }


def _ripple(rng: np.random.Generator, size: float) -> Callable[[Columns], Any]:
    """Return a smooth random function with sd `size` (random Fourier features)."""
    rate, phase = rng.normal(0, 1.5, (24, 4)), rng.uniform(0, 2 * np.pi, 24)
    height = rng.normal(0, size / np.sqrt(12), 24)

    def at(p: Columns) -> Any:
        position = np.stack(
            np.broadcast_arrays(
                np.log2(p["batch_size"]) / 5,
                np.log10(p["learning_rate"]) / 3,
                np.asarray(p["dropout"]) / 0.5,
                np.log10(p["l2_reg"]) / 4,
            )
        )
        return np.cos(np.tensordot(position, rate, (0, 1)) + phase) @ height

    return at


def _knee(at: float, rise: float, fall: float) -> Callable[[Any], Any]:
    """Return a function of log2(batch size) that rises to `at` and then falls (per doubling)."""
    return lambda size: -rise * np.maximum(0.0, at - size) - fall * np.maximum(0.0, size - at)


def _draw(rng: np.random.Generator, space: dict[str, Any], **known: Any) -> Surface:
    """Draw a surface; `known` are attributes that are not drawn."""
    narrow = rng.uniform(0.006, 0.03)
    drawn: dict[str, Any] = {
        "exponent": float(rng.choice([0.5, 1.0])),
        "rate": rng.uniform(-4.3, -2.9),
        "curvature": (narrow, narrow * rng.uniform(1, 3)),
        "batch": _knee(rng.uniform(2, 6), rng.uniform(0, 0.006), rng.uniform(0, 0.006)),
        "dropout": (rng.uniform(0.05, 0.35), rng.uniform(0.02, 0.4)),
        "l2": (rng.uniform(-5.5, -3), rng.uniform(0.001, 0.008)),
        "ripple": _ripple(rng, 0.003),
    }
    return Surface(space, **(drawn | known))


def report(rng: np.random.Generator) -> Surface:
    """Wide ranges, with all optima inside; exponent 1/2 or 1."""
    return _draw(rng, _space([4, 8, 16, 32, 64, 128], (1e-5, 1e-2)))


def small_batches(rng: np.random.Generator) -> Surface:
    """Batch sizes of 2 to 16, as in the original report; larger ones may or may not be better."""
    batch = _knee(rng.uniform(2, 7), rng.uniform(0.002, 0.02), rng.uniform(0, 0.01))
    return _draw(rng, _space([2, 4, 8, 16], (1e-5, 1e-3), l2=1e-3), batch=batch)


def saturating(rng: np.random.Generator) -> Surface:
    """Batch sizes of 2 to 16 that improve up to 16, and no better value beyond."""
    batch = _knee(4.0, rng.uniform(0.002, 0.02), rng.uniform(0, 0.004))
    return _draw(rng, _space([2, 4, 8, 16], (1e-5, 1e-3), l2=1e-3), batch=batch)


def moving(rng: np.random.Generator) -> Surface:
    """A steep learning rate whose optimum moves far, and may leave its range."""
    steep = rng.uniform(0.02, 0.06)
    space = _space([4, 8, 16, 32, 64], (1e-5, 3e-3))
    exponent = float(rng.choice([0.0, 0.5, 1.0]))
    rate = rng.uniform(-4.5, -2.8)
    return _draw(rng, space, exponent=exponent, rate=rate, curvature=(steep, 2 * steep))


def at_bounds(rng: np.random.Generator) -> Surface:
    """Optima at or beyond the bounds of dropout, l2_reg or the learning rate."""
    return _draw(
        rng,
        _space([8, 16, 32, 64], (1e-4, 1e-3), dropout=0.3, l2=1e-4),
        rate=rng.uniform(-4.5, -2.5),
        dropout=(rng.uniform(-0.2, 0.5), rng.uniform(0.05, 0.5)),
        l2=(rng.uniform(-8, -3), rng.uniform(0.001, 0.008)),
    )


def few_effects(rng: np.random.Generator) -> Surface:
    """One or two parameters with an effect, or none at all."""
    kept = rng.random(4) < 0.4
    steep = rng.uniform(0.01, 0.05) * kept[0]
    return _draw(
        rng,
        _space([8, 16, 32, 64], (1e-5, 1e-2)),
        curvature=(steep, steep),
        batch=_knee(rng.uniform(3, 6), 0.006 * kept[1], 0.006 * kept[1]),
        dropout=(rng.uniform(0, 0.5), rng.uniform(0.1, 0.5) * kept[2]),
        l2=(rng.uniform(-6, -2), rng.uniform(0.003, 0.01) * kept[3]),
        ripple=_ripple(rng, 0.0005),
    )


def rugged(rng: np.random.Generator) -> Surface:
    """Strong ripples, which the surrogate's parabola does not describe."""
    return _draw(rng, _space([4, 8, 16, 32, 64, 128], (1e-5, 1e-2)), ripple=_ripple(rng, 0.01))


def failing(rng: np.random.Generator) -> Surface:
    """Trainings diverge at learning rates that are too high."""
    space = _space([4, 8, 16, 32], (1e-5, 1e-2))
    return _draw(rng, space, rate=rng.uniform(-4.3, -3.3), divergence=rng.uniform(0.3, 1.0))


FAMILIES: dict[str, Callable[[np.random.Generator], Surface]] = {
    "report": report,
    "small batches": small_batches,
    "saturating": saturating,
    "moving": moving,
    "at bounds": at_bounds,
    "few effects": few_effects,
    "rugged": rugged,
    "failing": failing,
}
