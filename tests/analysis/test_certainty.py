"""The confidence of a finding is the probability of its sentence as it is written."""

import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from segsweep.analysis.completed_sweep import CompletedSweep
from segsweep.analysis.finding import LIKELY, Finding, probability_of_most
from segsweep.analysis.findings import Analysis
from segsweep.analysis.hyperparameter_findings import best_trial, regularisation
from segsweep.analysis.importance import Effect
from segsweep.analysis.posterior import PosteriorSamples
from segsweep.analysis.range_findings import narrow_ranges
from segsweep.analysis.runtime_findings import runtime_findings
from segsweep.analysis.training_findings import failures, learning_curves
from segsweep.config.search_space import read_space
from segsweep.search.trial_result import TrialResult
from synthetic_sweeps import METRIC, REPORTED, finished, report_surface, sweep

SAMPLES = 400


def stub(**known: Any) -> Any:
    """Return a significant posterior with only these attributes."""
    return SimpleNamespace(is_significant=True, significance="are significant", **known)


def effect_of(name: str, curves: list[tuple[float, list[float]]]) -> Effect:
    """Return an effect: shares (0 to 1) of the samples, each with its curve."""
    curve = np.concatenate([np.tile(c, (round(share * SAMPLES), 1)) for share, c in curves])
    return Effect(name, np.full(SAMPLES, 0.3), [0.0, 0.1, 0.2], curve)


def benefit(curves: list[tuple[float, list[float]]]) -> Finding:
    (finding,) = regularisation(stub(), [effect_of("l2_reg", curves)])
    return finding


def test_an_end_is_best_only_with_the_probability_of_being_best() -> None:
    """The smallest value is surely better than the largest, but best with P = 57 % only."""
    finding = benefit([(0.57, [3, 2, 0]), (0.43, [2, 2.5, 0])])
    assert finding.confidence == "inconclusive"
    assert "P(0 is the best value of the range) = 57 %" in finding.sentence
    assert " is best" not in finding.sentence


def test_an_end_that_is_best_in_most_samples_is_called_best() -> None:
    finding = benefit([(0.9, [3, 2, 0]), (0.1, [2, 2.5, 0])])
    assert finding.confidence == "likely"
    assert "the smallest l2_reg, 0, is the best value of the range (P = 90 %)" in finding.sentence


def test_more_regularisation_is_better_with_the_probability_of_that_comparison() -> None:
    finding = benefit([(0.99, [1, 2, 0]), (0.01, [2, 1, 0])])
    assert finding.confidence == "high"
    assert "l2_reg 0.1 is better than 0 (P = 99 %)" in finding.sentence


def optimum_at(x: float, y: float) -> dict[str, float]:
    return {"x": x, "y": y}


UNIT = read_space({name: {"min": 0.0, "max": 1.0} for name in ("x", "y")})


@pytest.mark.parametrize(
    ("optima", "confidence", "stated", "possible"),
    [
        # each bound with P = 85 %, but both together with 70 % only
        (
            [(0.0, 1.0)] * 70 + [(0.0, 0.5)] * 15 + [(0.5, 1.0)] * 15,
            "likely",
            "at the lower bound of x (P = 85 %)",
            "may be at the upper bound of y (P = 85 %)",
        ),
        ([(0.0, 0.5)] * 57 + [(0.5, 0.5)] * 43, "inconclusive", "", "may be at the lower bound"),
        ([(0.5, 0.0)] * 98 + [(0.5, 0.5)] * 2, "high", "at the lower bound of y (P = 98 %)", ""),
        ([(0.5, 0.5)] * 90 + [(0.0, 0.5)] * 10, "likely", "not at a bound of any range", ""),
        (
            # each range has the optimum inside with P = 80 %, all of them with 60 % only
            [(0.0, 0.5)] * 20 + [(0.5, 0.0)] * 20 + [(0.5, 0.5)] * 60,
            "inconclusive",
            "Whether the optimum is at a bound is inconclusive",
            "",
        ),
    ],
)
def test_bounds_are_stated_with_their_joint_probability(
    optima: list[tuple[float, float]], confidence: str, stated: str, possible: str
) -> None:
    samples = stub(varied=UNIT, optima=[optimum_at(*pair) for pair in optima])
    finding = narrow_ranges(samples)
    assert finding.confidence == confidence
    assert stated in finding.sentence
    assert possible in finding.sentence


@pytest.mark.parametrize("seed", range(2))
def test_the_label_of_every_sentence_agrees_with_its_probability(seed: int) -> None:
    for finding in Analysis.of(sweep(REPORTED, report_surface, 0.01, 30, seed)).findings:
        stated = re.findall(r"\(P = (\d+) %\)|with P = (\d+) %", finding.sentence)
        if finding.id != "edges" and stated and finding.confidence != "inconclusive":
            p = int("".join(stated[0])) / 100
            assert (p >= 0.98) == (finding.confidence == "high"), finding.sentence
            assert p >= LIKELY, finding.sentence


def test_replicates_of_a_configuration_count_as_one() -> None:
    """Eight configurations with three seeds each; the best single run is not of the best one."""
    values = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]
    noise = np.tile([-0.02, 0.0, 0.02], 8)
    trials = [
        TrialResult({"dropout": float(x)}, 0.5 + 0.4 * float(x) + float(e), name=f"run-{i}")
        for i, (x, e) in enumerate(zip(np.repeat(values, 3), noise, strict=True))
    ]
    trials[20] = TrialResult({"dropout": 0.7}, 0.83, name="run-20")
    space = read_space({"dropout": {"min": 0.0, "max": 0.9}})
    samples = PosteriorSamples(CompletedSweep("seeds", space, METRIC, "maximize", trials))
    finding = best_trial(samples)
    assert samples.incumbent.parameters == {"dropout": 0.8}
    assert "observed 0.8200 (mean of 3 runs of this configuration)" in finding.sentence
    assert "of the 8 different configurations" in finding.sentence
    assert finding.confidence == "high"  # three equal runs would have shared the probability


def test_curves_of_few_trials_are_not_certain() -> None:
    completed = sweep(REPORTED, report_surface, 0.004, 12, 0)

    def with_curves(count: int, step: float) -> CompletedSweep:
        curve = tuple(step * epoch for epoch in range(20))
        trials = [
            TrialResult(t.parameters, t.value, history=curve if i < count else ())
            for i, t in enumerate(sorted(completed.trials, key=lambda t: -(t.value or 0)))
        ]
        return CompletedSweep("curves", completed.space, METRIC, "maximize", trials)

    confidences = []
    for count in (1, 2, 6):
        finding = learning_curves(with_curves(count, 0.02), 0.01)
        assert finding is not None
        confidences.append(finding.confidence)
    assert confidences == ["inconclusive", "likely", "high"]


def test_most_trials_are_more_certain_with_more_of_them() -> None:
    assert probability_of_most(0, 0) == pytest.approx(0.5)
    assert probability_of_most(1, 1) == pytest.approx(0.75)
    assert probability_of_most(5, 5) == pytest.approx(1 - 0.5**6)
    assert probability_of_most(3, 5) + probability_of_most(2, 5) == pytest.approx(1)


@pytest.mark.parametrize(("count", "is_located"), [(1, False), (2, False), (4, True)])
def test_few_failures_at_an_end_may_be_there_by_chance(count: int, is_located: bool) -> None:
    trials = finished(REPORTED, sweep(REPORTED, report_surface, 0.004, 20, 0, "random").trials)
    order = sorted(trials.trials, key=lambda t: -t.parameters["learning_rate"])
    failed = {t.name for t in order[:count]}
    mixed = [
        TrialResult(t.parameters, None, "diverged") if t.name in failed else t
        for t in trials.trials
    ]
    sentence = failures(CompletedSweep("s", trials.space, METRIC, "maximize", mixed)).sentence
    assert f"{count} of 20 trials failed: {count} diverged." in sentence
    assert ("All of them had learning_rate ≥" in sentence) == is_located


@pytest.mark.parametrize(
    ("rates", "confidence"),
    [
        ({8: [100.0], 16: [101.0], 32: [150.0]}, "inconclusive"),  # one trial each
        ({8: [100.0, 101], 16: [150, 144], 32: [151, 150]}, "likely"),
        ({8: [100.0, 101, 99], 16: [150, 151, 149], 32: [300, 301, 299]}, "high"),
    ],
)
def test_throughput_is_concluded_from_several_trials(
    rates: dict[int, list[float]], confidence: str
) -> None:
    timed = [TrialResult({}, 0.5, seconds=100.0)]
    completed = CompletedSweep("s", {}, METRIC, "maximize", timed)
    speed = next(f for f in runtime_findings(completed, [], rates) if f.id == "speed")
    assert speed.confidence == confidence
    assert ("is inconclusive" in speed.sentence) == (confidence == "inconclusive")
