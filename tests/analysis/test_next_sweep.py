"""Sweeps with opposite facts lead to opposite advice; pure noise leads to none."""

from dataclasses import replace

import pytest

from segsweep.analysis.findings import Analysis
from segsweep.analysis.next_study import next_study
from segsweep.analysis.next_sweep import Design, design, rationale
from segsweep.analysis.target_hardware import fitting
from segsweep.config.study import Study
from segsweep.pipeline.environment import Device
from synthetic_sweeps import REPORTED, its_opposite, like_the_report, nothing_but_luck, sweep


def designed(value: object, gigabytes: float, seed: int = 0) -> tuple[Analysis, Design]:
    analysis = Analysis.of(sweep(REPORTED, value, 0.004, 40, seed))  # type: ignore[arg-type]
    card = Device("cuda", "a card", "bfloat16", int(gigabytes * 1e9))
    return analysis, design(analysis, fitting(Study(), card), 40, 40)


@pytest.fixture(scope="module")
def reported() -> tuple[Analysis, Design]:
    return designed(like_the_report, 48)


def test_the_reports_sweep_leads_to_the_reports_next_one(reported: tuple[Analysis, Design]) -> None:
    """batch 16 to 128 on 48 GB, a learning rate opened upwards, dropout and l2 around theirs."""
    _, found = reported
    space = found.space
    assert space["batch_size"].values == [16, 32, 64, 128]  # type: ignore[union-attr]
    rate = space["learning_rate"]
    assert rate.low < 1.6e-4 < 1e-3 < rate.high  # type: ignore[union-attr]
    for name, theirs in (("dropout", 0.2), ("l2_reg", 6e-5)):
        if name in space:
            assert space[name].low < theirs < space[name].high  # type: ignore[union-attr]
        else:
            assert found.fixed[name] == pytest.approx(theirs, rel=2)
    if "dropout" in space:
        assert space["dropout"].high - space["dropout"].low < 0.45  # type: ignore[union-attr]


def test_opposite_facts_lead_to_opposite_advice() -> None:
    _, found = designed(its_opposite, 8)
    assert max(found.space["batch_size"].values) <= 8  # type: ignore[union-attr]
    assert min(found.space["batch_size"].values) < 4  # type: ignore[union-attr]
    rate = found.space["learning_rate"]
    assert rate.low < 1e-5  # type: ignore[union-attr]
    assert rate.high < 1e-3  # type: ignore[union-attr]
    dropout = found.space.get("dropout")
    assert (dropout.high if dropout else found.fixed["dropout"]) <= 0.25  # type: ignore[union-attr]


def test_pure_noise_moves_no_range() -> None:
    analysis, found = designed(nothing_but_luck, 48)
    assert found.space == analysis.sweep.space
    assert [line.key for line in found.lines] == ["sweep.trials"]
    assert not found.stop
    assert "cannot be told from luck" in rationale(analysis, found, "a card")


def test_a_small_card_caps_the_batches() -> None:
    """By prediction a batch of 32 of the report's network takes 7.1 GB."""
    _, found = designed(like_the_report, 8)
    assert max(found.space["batch_size"].values) == 32  # type: ignore[union-attr]
    assert "does not fit in memory" in next(
        line.reason for line in found.lines if line.key.endswith("batch_size")
    )


def test_every_changed_line_has_a_reason_and_a_finding(reported: tuple[Analysis, Design]) -> None:
    analysis, found = reported
    ids = {finding.id for finding in analysis.findings}
    assert found.lines
    for line in found.lines:
        assert line.reason
        assert line.finding in ids
    text = rationale(analysis, found, "a card with 48 GB")
    assert all(f"`{line.key}`" in text for line in found.lines)


def test_the_next_study_is_a_whole_study_that_begins_with_the_trials(
    reported: tuple[Analysis, Design],
) -> None:
    analysis, found = reported
    base = {"data": {"sample": "pupils"}, "epochs": 40, "sweep": {"seed": 3, "trials": 40}}
    raw = next_study(analysis, found, base)
    study = Study.parse(raw)
    assert study.data.sample == "pupils"
    assert study.sweep.seed == 4
    assert study.sweep.trials == found.trials
    assert isinstance(study.sweep.prior_trials, list)
    assert len(study.sweep.prior_trials) == 40
    assert study.batch_size == analysis.worlds.incumbent.parameters["batch_size"]
    assert base == {"data": {"sample": "pupils"}, "epochs": 40, "sweep": {"seed": 3, "trials": 40}}


def test_when_nothing_is_left_to_win_it_says_stop() -> None:
    space = {"dropout": {"min": 0.0, "max": 0.5}}

    def value(p: dict[str, float]) -> float:
        return 0.6 - (p["dropout"] - 0.2) ** 2

    analysis = Analysis.of(sweep(space, value, 0.01, 60, 0))  # type: ignore[arg-type]
    found = design(analysis, lambda batch: True, 40, 60)
    assert found.stop
    assert found.gain < analysis.worlds.noise
    assert found.verdict(analysis.worlds.noise).startswith("Stop here")


def test_no_batch_is_larger_than_the_training_split() -> None:
    """Trials of batch 16 that took 12 images a step: the whole split."""
    whole = sweep(REPORTED, like_the_report, 0.004, 40, 0)
    trials = [
        replace(t, outcomes={"effective_batch_size": float(min(12, t.parameters["batch_size"]))})
        for t in whole.trials
    ]
    found = design(Analysis.of(replace(whole, trials=trials)), lambda batch: True, 40, 40)
    sizes = found.space["batch_size"].values if "batch_size" in found.space else []  # type: ignore[union-attr]
    assert max([*sizes, found.fixed.get("batch_size", 0)]) == 12
