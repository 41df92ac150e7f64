"""Findings are inconclusive where the trials do not support more, on sweeps of many kinds."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segsweep.analysis.analysis_files import read_analysis, tables, write_analysis
from segsweep.analysis.finding import Finding
from segsweep.analysis.findings import Analysis
from segsweep.analysis.next_study import next_study
from segsweep.analysis.next_sweep import NextSweep, design_next_sweep
from segsweep.analysis.rationale import summarise
from segsweep.analysis.training_findings import summarise_curves
from segsweep.config.study import Study
from segsweep.core.errors import UserError
from segsweep.search.gaussian_process import Surrogate
from segsweep.search.trial_result import TrialResult
from synthetic_sweeps import LOG, REPORTED, flat_surface, report_surface, sweep

Value = Callable[[Mapping[str, Any]], float]


def findings_by_id(analysis: Analysis) -> dict[str, Finding]:
    return {finding.id: finding for finding in analysis.findings}


def next_sweep(analysis: Analysis, epochs: int | None = 40) -> NextSweep:
    return design_next_sweep(
        analysis, lambda batch: batch <= 128, epochs, len(analysis.sweep.trials)
    )


def test_pure_noise_makes_every_finding_inconclusive() -> None:
    findings = findings_by_id(Analysis.of(sweep(REPORTED, flat_surface, 0.004, 30, 1)))
    assert "are not significant (permutation p = " in findings["importance"].sentence
    assert "are not significant (permutation p = " in findings["best"].sentence
    for name in ("best", "importance", "batch size", "learning rate with batch", "edges"):
        assert findings[name].confidence == "inconclusive", name


@pytest.mark.parametrize("count", [1, 2, 5])
def test_too_few_trials_are_not_tested(count: int) -> None:
    analysis = Analysis.of(sweep(REPORTED, report_surface, 0.004, count, 0))
    sentence = findings_by_id(analysis)["importance"].sentence
    assert f"were not tested ({count} finished trials, 6 needed)" in sentence
    text = summarise(next_sweep(analysis), analysis.samples.noise_sd)
    assert "no gain is predicted" in text


def test_no_finished_trial_is_an_error() -> None:
    finished = sweep(REPORTED, report_surface, 0.004, 3, 0)
    failed = [replace(t, status="diverged", value=None) for t in finished.trials]
    with pytest.raises(UserError, match="none of the 3 trials has a value of val_dice"):
        Analysis.of(replace(finished, trials=failed))


def test_an_exponent_is_inconclusive_when_the_range_is_too_short() -> None:
    """The best learning rate grows with the batch beyond the end of its range."""
    space = {
        "batch_size": {"values": [8, 16, 32, 64]},
        "learning_rate": {"distribution": LOG, "min": 1e-5, "max": 1e-3},
    }

    def value(p: Mapping[str, Any]) -> float:
        return 0.6 - 0.02 * np.log10(p["learning_rate"] / (2e-3 * p["batch_size"] / 8)) ** 2

    findings = findings_by_id(Analysis.of(sweep(space, value, 0.002, 40, 0, "random")))
    exponent = findings["learning rate with batch"]
    assert exponent.confidence == "inconclusive"
    assert "range of the learning rate is too short" in exponent.sentence
    assert "the upper bound of learning_rate" in findings["edges"].sentence


def test_a_minimised_metric_keeps_its_sign() -> None:
    space = {**REPORTED, "batch_size": {"values": [32, 64, 128]}}

    def value(p: Mapping[str, Any]) -> float:
        return 0.3 + 0.02 * np.log2(p["batch_size"] / 32)

    finished = replace(sweep(space, value, 0.002, 30, 0), metric="val_loss", goal="minimize")
    large = findings_by_id(Analysis.of(finished))["large batches"]
    assert large.number is not None
    assert large.number > 0  # the loss rises
    assert "Larger batches are not better" in large.sentence


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
def test_the_next_study_is_valid_for_every_kind_of_parameter(
    name: str, spec: dict[str, Any], value: Value
) -> None:
    space = {name: spec, "dropout": {"min": 0.0, "max": 0.5}}
    analysis = Analysis.of(sweep(space, value, 0.002, 30, 0, "random"))
    raw = next_study(analysis, next_sweep(analysis), {"epochs": 3})
    study = Study.parse(raw)
    if name == "epochs" and "epochs" not in study.sweep.parameters:
        assert study.epochs == next_sweep(analysis).fixed["epochs"]


def test_values_of_another_metric_are_not_used_as_prior_trials() -> None:
    finished = replace(sweep(REPORTED, report_surface, 0.004, 30, 0), metric="my/dice")
    analysis = Analysis.of(finished)
    assert "prior_trials" not in next_study(analysis, next_sweep(analysis), {})["sweep"]


def test_batch_sizes_that_cannot_be_compared_are_not_analysed() -> None:
    space = {"batch_size": {"values": [16]}, "dropout": {"min": 0.0, "max": 0.5}}
    analysis = Analysis.of(sweep(space, lambda p: p["dropout"], 0.01, 12, 0))
    assert analysis.batch_sizes == []
    same = Analysis.of(sweep({"batch_size": {"values": [16]}}, flat_surface, 0.01, 8, 0))
    assert findings_by_id(same)["importance"].confidence == "inconclusive"
    odd = {"batch_size": {"values": ["auto", 16]}, "dropout": {"min": 0.0, "max": 0.5}}
    assert Analysis.of(sweep(odd, lambda p: p["dropout"], 0.01, 12, 0)).batch_sizes == []


def test_an_analysis_is_read_back_without_fitting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    completed = sweep(REPORTED, report_surface, 0.004, 20, 0)
    analysis = Analysis.of(completed)
    write_analysis(tmp_path, analysis, {})
    monkeypatch.delattr(Surrogate, "_fit")
    again = read_analysis(tmp_path, completed)
    assert again.findings == analysis.findings
    assert tables(again) == tables(analysis)
    with pytest.raises(UserError, match="surrogate of 20 other trials, expected that of the 19"):
        read_analysis(tmp_path, replace(completed, trials=completed.trials[1:]))


def trials_with_curve(curve: Callable[[int], float]) -> list[TrialResult]:
    trials = sweep(REPORTED, report_surface, 0.004, 12, 0).trials
    return [replace(t, history=tuple(curve(epoch) for epoch in range(20))) for t in trials]


@pytest.mark.parametrize(
    ("curve", "factor"),
    [
        (lambda epoch: 0.02 * epoch, 1.5),
        (lambda epoch: min(0.5, 0.2 * epoch), 0.6),
        (lambda epoch: 0.5 - 0.4 * 0.8**epoch, 1.0),
    ],
)
def test_learning_curves_determine_the_epochs_of_the_next_sweep(
    curve: Callable[[int], float], factor: float
) -> None:
    finished = sweep(REPORTED, report_surface, 0.004, 12, 0)
    summary = summarise_curves(replace(finished, trials=trials_with_curve(curve)), 0.05)
    assert summary is not None
    assert summary.epochs_factor == factor


def test_failures_are_counted_and_located() -> None:
    finished = sweep(REPORTED, report_surface, 0.004, 20, 0, "random")
    trials = [
        replace(t, status="diverged", value=None) if t.parameters["learning_rate"] > 4e-4 else t
        for t in finished.trials
    ]
    failed = sum(t.value is None for t in trials)
    sentence = findings_by_id(Analysis.of(replace(finished, trials=trials)))["failures"].sentence
    assert f"{failed} of 20 trials failed: {failed} diverged" in sentence
    assert "All of them had learning_rate ≥ " in sentence
