"""Findings say no more than the trials do, on sweeps of every size and kind."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from segsweep.analysis.findings import Analysis
from segsweep.analysis.next_study import next_study
from segsweep.analysis.next_sweep import Design, design
from segsweep.analysis.training_findings import curves_of
from segsweep.config.study import Study
from segsweep.core.errors import UserError
from segsweep.search.trial_result import TrialResult
from synthetic_sweeps import LOG, REPORTED, like_the_report, nothing_but_luck, sweep

Value = Callable[[Mapping[str, Any]], float]


def found(analysis: Analysis) -> dict[str, Any]:
    return {one.id: one for one in analysis.findings}


def designed(analysis: Analysis, epochs: int | None = 40) -> Design:
    return design(analysis, lambda batch: batch <= 128, epochs, len(analysis.sweep.trials))


def test_pure_noise_is_called_untold_in_every_finding() -> None:
    said = found(Analysis.of(sweep(REPORTED, nothing_but_luck, 0.004, 30, 1)))
    assert "luck alone would make as much" in said["importance"].sentence
    for name in ("best", "importance", "batch size", "learning rate with batch", "edges"):
        assert said[name].sure == "cannot tell", name


@pytest.mark.parametrize("count", [1, 2, 5])
def test_few_trials_are_too_few(count: int) -> None:
    analysis = Analysis.of(sweep(REPORTED, like_the_report, 0.004, count, 0))
    assert found(analysis)["importance"].sentence.startswith("Too few trials")
    assert "no gain is promised" in designed(analysis).verdict(analysis.worlds.noise)


def test_without_a_finished_trial_it_says_so() -> None:
    finished = sweep(REPORTED, like_the_report, 0.004, 3, 0)
    failed = [replace(t, status="diverged", value=None) for t in finished.trials]
    with pytest.raises(UserError, match="none of the 3 trials has a value of val_dice"):
        Analysis.of(replace(finished, trials=failed))


def test_an_exponent_that_the_range_cuts_off_is_not_told() -> None:
    """The best learning rate grows with the batch beyond the end of its range."""
    space = {
        "batch_size": {"values": [8, 16, 32, 64]},
        "learning_rate": {"distribution": LOG, "min": 1e-5, "max": 1e-3},
    }

    def value(p: Mapping[str, Any]) -> float:
        return 0.6 - 0.02 * np.log10(p["learning_rate"] / (2e-3 * p["batch_size"] / 8)) ** 2

    said = found(Analysis.of(sweep(space, value, 0.002, 40, 0, "random")))
    assert said["learning rate with batch"].sure == "cannot tell"
    assert "too short to tell" in said["learning rate with batch"].sentence
    assert "the upper end of learning_rate" in said["edges"].sentence


def test_a_loss_is_told_in_its_own_sign() -> None:
    space = {**REPORTED, "batch_size": {"values": [32, 64, 128]}}

    def value(p: Mapping[str, Any]) -> float:
        return 0.3 + 0.02 * np.log2(p["batch_size"] / 32)

    finished = replace(sweep(space, value, 0.002, 30, 0), metric="val_loss", goal="minimize")
    large = found(Analysis.of(finished))["large batches"]
    assert large.number > 0  # the loss rises
    assert "do not pay" in large.sentence


@pytest.mark.parametrize(
    ("name", "spec", "value"),
    [
        ("epochs", {"min": 5, "max": 40}, lambda p: -0.001 * (p["epochs"] - 30) ** 2),
        ("base_channels", {"min": 8, "max": 64}, lambda p: 0.01 * p["base_channels"]),
        ("augmentation", {"min": 0.0, "max": 1.0}, lambda p: -p["augmentation"]),
        ("warmup", {"min": 0.0, "max": 0.8}, lambda p: p["warmup"]),
        ("learning_rate", {"min": 0.0005, "max": 0.004}, lambda p: -100 * p["learning_rate"]),
        ("optimizer", {"values": ["adam", "sgd"]}, lambda p: float(p["optimizer"] == "sgd")),
        ("mixed_precision", {"values": [True, False]}, lambda p: 0.1 * p["mixed_precision"]),
    ],
)
def test_whatever_was_searched_the_next_study_is_valid(
    name: str, spec: dict[str, Any], value: Value
) -> None:
    space = {name: spec, "dropout": {"min": 0.0, "max": 0.5}}
    analysis = Analysis.of(sweep(space, value, 0.002, 30, 0, "random"))
    raw = next_study(analysis, designed(analysis), {"epochs": 3})
    study = Study.parse(raw)
    if name == "epochs" and "epochs" not in study.sweep.parameters:
        assert study.epochs == designed(analysis).fixed["epochs"]


def test_another_metrics_values_are_no_prior() -> None:
    finished = replace(sweep(REPORTED, like_the_report, 0.004, 30, 0), metric="my/dice")
    analysis = Analysis.of(finished)
    assert "prior_trials" not in next_study(analysis, designed(analysis), {})["sweep"]


def test_odd_batches_and_a_single_level_are_left_alone() -> None:
    space = {"batch_size": {"values": [16]}, "dropout": {"min": 0.0, "max": 0.5}}
    analysis = Analysis.of(sweep(space, lambda p: p["dropout"], 0.01, 12, 0))
    assert analysis.isolated == []
    same = Analysis.of(sweep({"batch_size": {"values": [16]}}, nothing_but_luck, 0.01, 8, 0))
    assert found(same)["importance"].sure == "cannot tell"
    odd = {"batch_size": {"values": ["auto", 16]}, "dropout": {"min": 0.0, "max": 0.5}}
    assert Analysis.of(sweep(odd, lambda p: p["dropout"], 0.01, 12, 0)).isolated == []


def with_curves(curve: Callable[[int], float]) -> list[TrialResult]:
    trials = sweep(REPORTED, like_the_report, 0.004, 12, 0).trials
    return [replace(t, history=tuple(curve(epoch) for epoch in range(20))) for t in trials]


@pytest.mark.parametrize(
    ("curve", "factor"),
    [
        (lambda epoch: 0.02 * epoch, 1.5),
        (lambda epoch: min(0.5, 0.2 * epoch), 0.6),
        (lambda epoch: 0.5 - 0.4 * 0.8**epoch, 1.0),
    ],
)
def test_curves_say_whether_more_epochs_are_called_for(
    curve: Callable[[int], float], factor: float
) -> None:
    finished = sweep(REPORTED, like_the_report, 0.004, 12, 0)
    told = curves_of(replace(finished, trials=with_curves(curve)), 0.05)
    assert told is not None
    assert told.factor == factor


def test_failures_are_counted_and_placed() -> None:
    finished = sweep(REPORTED, like_the_report, 0.004, 20, 0, "random")
    trials = [
        replace(t, status="diverged", value=None) if t.parameters["learning_rate"] > 4e-4 else t
        for t in finished.trials
    ]
    failed = sum(t.value is None for t in trials)
    said = found(Analysis.of(replace(finished, trials=trials)))["failures"].sentence
    assert f"{failed} of 20 trials failed: {failed} diverged" in said
    assert "learning_rate" in said
    assert "and above" in said
