"""Compare the statements of an analysis with the true surface of a simulated sweep.

The statements are read from the sentences, so the certainty is compared with what is written.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from segsweep.analysis.finding import Finding
from segsweep.analysis.findings import Analysis
from segsweep.analysis.hyperparameter_findings import MIN_SHARE, matters
from segsweep.analysis.intervals import interval, share_interval
from segsweep.analysis.lr_scaling import MAX_AT_BOUND
from segsweep.analysis.next_gain import random_trials
from segsweep.analysis.next_sweep import NextSweep
from segsweep.analysis.range_findings import BOUND_ZONE
from segsweep.config.search_space import Categorical
from segsweep.core.formatting import format_value
from truth import Truth, columns

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
    ends = {"80 %": gain.interval(0.8), "95 %": gain.interval(0.95)}
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
