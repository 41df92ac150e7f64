"""Compare the statements of an analysis with the true surface of a simulated sweep.

The statements are read from the sentences, so the certainty is compared with what is written.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from segsweep.analysis.finding import Finding
from segsweep.analysis.findings import Analysis
from segsweep.analysis.hyperparameter_findings import MIN_SHARE, matters
from segsweep.analysis.importance import STEPS
from segsweep.analysis.lr_scaling import MAX_AT_BOUND
from segsweep.analysis.next_gain import random_trials
from segsweep.analysis.next_sweep import NextSweep
from segsweep.analysis.posterior import (
    PosteriorSamples,
    interval,
    share_interval,
    sobol_configurations,
)
from segsweep.analysis.range_findings import BOUND_ZONE
from segsweep.config.search_space import Categorical
from segsweep.core.formatting import format_value
from simulated_sweeps import SimulatedSweep, Surface

AVERAGED, SEARCHED, STEPS_TO_OPTIMUM = 1024, 2048, 12
"""Configurations over which a true effect is averaged; those among which a true optimum is searched
for each batch size, and how often the best of them is improved by random steps."""

EXPONENT_RATES = np.geomspace(1e-7, 1, 701)
"""Learning rates among which the true best is searched, beyond those of the sweep."""

NUMBER = r"[-+\d.e]+"


@dataclass(frozen=True)
class Statement:
    """A statement of an analysis.

    Attributes:
        kind: What it is about.
        certainty: `high` or `likely`; `80 %` or `95 %` for an interval.
        is_true: Whether the statement holds, or the interval contains the true value.
    """

    kind: str
    certainty: str
    is_true: bool


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


def statements(analysis: Analysis, truth: Truth) -> Iterator[Statement]:
    """Compare all findings about the parameters with the truth."""
    if not analysis.samples.is_significant:
        return
    for finding in analysis.findings:
        kind, _, _ = finding.id.partition(" of ")
        check = CHECKS.get(finding.id) or CHECKS.get(kind)
        if check and finding.confidence != "inconclusive":
            is_true = check(finding, analysis, truth)
            yield Statement(_label(finding), finding.confidence, is_true)
    yield from _intervals(analysis, truth)
    for effect in analysis.effects:
        if matters(analysis.samples, effect) is False:
            small = truth.shares[effect.parameter] < MIN_SHARE
            yield Statement("parameter explains less than 5 %", "high", small)


def gain_statements(
    analysis: Analysis, proposal: NextSweep, truth: Truth
) -> tuple[list[Statement], float]:
    """Compare the expected gain of the next sweep with the true gain of the same trials.

    Returns:
        Whether its intervals contain the true gain, and the stated mean less the true gain.
    """
    gain = proposal.gain
    points = columns(random_trials(proposal.space, proposal.fixed, gain.trials))
    best_so_far = truth.value(analysis.samples.incumbent.parameters)
    true = max(0.0, float(np.max(truth.surface.value(points))) - best_so_far)
    kind = gain_kind(proposal)
    ends = {"80 %": np.quantile(gain.samples, [0.1, 0.9]), "95 %": gain.interval}
    found = [
        Statement(kind, certainty, bool(low - 1e-9 <= true <= high + 1e-9))
        for certainty, (low, high) in ends.items()
    ]
    return found, gain.mean - true


def gain_kind(proposal: NextSweep) -> str:
    where = "outside the searched ranges" if proposal.gain.outside else "inside"
    return f"gain of the next sweep, {where}"


def _label(finding: Finding) -> str:
    if finding.id.startswith("benefit"):
        kind = "smallest is best" if "smallest" in finding.sentence else "more is better"
        return f"regularisation: {kind}"
    if finding.id == "edges":
        where = "inside all ranges" if "not at a bound" in finding.sentence else "at a bound"
        return f"optimum {where}"
    return LABELS.get(finding.id, "effect of a parameter")


LABELS = {
    "best": "best trial",
    "importance": "most important parameter",
    "batch size": "best batch size",
    "large batches": "batch sizes above 64",
    "learning rate with batch": "scaling rule of the learning rate",
}


def _best_trial(finding: Finding, analysis: Analysis, truth: Truth) -> bool:
    values = [truth.value(t.parameters) for t in analysis.samples.finished]
    return truth.value(analysis.samples.incumbent.parameters) >= max(values)


def _importance(finding: Finding, analysis: Analysis, truth: Truth) -> bool:
    name = _match(r"(\w+) has the largest share", finding)[0]
    return truth.shares[name] == max(truth.shares.values())


def _effect(finding: Finding, analysis: Analysis, truth: Truth) -> bool:
    name = finding.id.partition(" of ")[2]
    better, worse = _match(rf" (\S+?)(?:, the upper.*?)? is better than ({NUMBER})", finding)
    return truth.mean_at(name, _exact(truth, name, better)) > truth.mean_at(
        name, _exact(truth, name, worse)
    )


def _benefit(finding: Finding, analysis: Analysis, truth: Truth) -> bool:
    if "smallest" not in finding.sentence:
        return _effect(finding, analysis, truth)
    return int(truth.curve(finding.id.partition(" of ")[2]).argmax()) == 0


def _batch_size(finding: Finding, analysis: Analysis, truth: Truth) -> bool:
    (size,) = _match(r"Batch size (\d+) is the best", finding)
    return bool(truth.optimum["batch_size"] == int(size))


def _large(finding: Finding, analysis: Analysis, truth: Truth) -> bool:
    large = max(value for size, (value, _) in truth.optima.items() if size > 64)
    small = max(value for size, (value, _) in truth.optima.items() if size <= 64)
    return (large > small) == ("not better" not in finding.sentence)


def _scaling(finding: Finding, analysis: Analysis, truth: Truth) -> bool:
    true = truth.exponent(analysis.samples.incumbent.parameters)
    rules = {"linear": 1.0, "square root": 0.5, "none": 0.0}
    only = re.search(r"only (\D+) \(", finding.sentence)
    nearest = min(rules, key=lambda rule: abs(rules[rule] - true))
    return nearest == only[1] if only else all(abs(true - r) > 0.05 for r in rules.values())


def _edges(finding: Finding, analysis: Analysis, truth: Truth) -> bool:
    certain = finding.sentence.partition(" The optimum may")[0]
    shares = {name: p.to_unit(truth.optimum[name]) for name, p in truth.varied.items()}
    if "not at a bound" in certain:
        return all(BOUND_ZONE < share < 1 - BOUND_ZONE for share in shares.values())
    return all(
        shares[name] <= BOUND_ZONE if end == "lower" else shares[name] >= 1 - BOUND_ZONE
        for end, name in re.findall(r"the (lower|upper) bound of (\w+)", certain)
    )


CHECKS = {
    "best": _best_trial,
    "importance": _importance,
    "effect": _effect,
    "benefit": _benefit,
    "batch size": _batch_size,
    "large batches": _large,
    "learning rate with batch": _scaling,
    "edges": _edges,
}


def _intervals(analysis: Analysis, truth: Truth) -> Iterator[Statement]:
    """Compare 95 % intervals with the true values."""
    by_id = {finding.id: finding for finding in analysis.findings}

    def covers(kind: str, ends: tuple[float, float] | None, true: float) -> Statement:
        assert ends is not None
        return Statement(kind, "95 %", bool(ends[0] <= true <= ends[1]))

    incumbent = analysis.samples.incumbent.parameters
    yield covers("value of the best trial", by_id["best"].interval, truth.value(incumbent))
    for effect in analysis.effects:
        yield covers(
            "share of the variance", share_interval(effect.share), truth.shares[effect.parameter]
        )
        mean, true = effect.curve.mean(0), truth.curve(effect.parameter)
        difference = float(true[mean.argmax()] - true[mean.argmin()])
        finding = by_id[f"effect of {effect.parameter}"]
        yield covers(
            "difference between the best and the worst value", finding.interval, difference
        )
    for size in analysis.batch_sizes:
        best = truth.optima[size.batch_size][0]
        yield covers("best value at a batch size", interval(size.best), best)
    if analysis.scaling and analysis.scaling.at_bound <= MAX_AT_BOUND:
        true_exponent = truth.exponent(incumbent)
        yield covers("exponent of the learning rate", analysis.scaling.interval, true_exponent)


def _match(pattern: str, finding: Finding) -> tuple[str, ...]:
    """Return the groups of `pattern` in the sentence of a finding."""
    found = re.search(pattern, finding.sentence)
    if found is None:
        raise ValueError(f"{finding.id}: found no {pattern!r} in {finding.sentence!r}")
    return found.groups()


def _exact(truth: Truth, name: str, written: str) -> Any:
    """Return the value of a parameter from its text, which has three digits."""
    parameter = truth.varied[name]
    if isinstance(parameter, Categorical):
        return next(value for value in parameter.values if format_value(value) == written)
    return float(written)
