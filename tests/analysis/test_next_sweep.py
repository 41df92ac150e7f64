"""The next sweep follows from the surface, the noise and the memory of the device."""

from dataclasses import replace

import pytest

from segsweep.analysis.findings import Analysis
from segsweep.analysis.next_study import next_study
from segsweep.analysis.next_sweep import NextSweep, design_next_sweep
from segsweep.analysis.rationale import rationale, summarise
from segsweep.analysis.target_device import batch_size_fits
from segsweep.config.study import Study
from segsweep.pipeline.environment import Device
from synthetic_sweeps import REPORTED, flat_surface, opposite_surface, report_surface, sweep


def proposal_for(value: object, gigabytes: float, seed: int = 0) -> tuple[Analysis, NextSweep]:
    analysis = Analysis.of(sweep(REPORTED, value, 0.004, 40, seed))  # type: ignore[arg-type]
    gpu = Device("cuda", "a GPU", "bfloat16", int(gigabytes * 1e9))
    return analysis, design_next_sweep(analysis, batch_size_fits(Study(), gpu), 40, 40)


@pytest.fixture(scope="module")
def reported() -> tuple[Analysis, NextSweep]:
    return proposal_for(report_surface, 48)


def test_a_batch_size_at_its_bound_extends_batch_sizes_and_learning_rates(
    reported: tuple[Analysis, NextSweep],
) -> None:
    """Batch sizes 16 to 128 on 48 GB, a higher learning rate, dropout and l2 near their optimum."""
    _, proposal = reported
    space = proposal.space
    assert space["batch_size"].values == [16, 32, 64, 128]  # type: ignore[union-attr]
    rate = space["learning_rate"]
    assert rate.low < 1.6e-4 < 1e-3 < rate.high  # type: ignore[union-attr]
    for name, optimum in (("dropout", 0.2), ("l2_reg", 6e-5)):
        if name in space:
            assert space[name].low < optimum < space[name].high  # type: ignore[union-attr]
        else:
            assert proposal.fixed[name] == pytest.approx(optimum, rel=2)
    if "dropout" in space:
        assert space["dropout"].high - space["dropout"].low < 0.45  # type: ignore[union-attr]


def test_an_opposite_surface_leads_to_an_opposite_proposal() -> None:
    _, proposal = proposal_for(opposite_surface, 8)
    assert max(proposal.space["batch_size"].values) <= 8  # type: ignore[union-attr]
    assert min(proposal.space["batch_size"].values) < 4  # type: ignore[union-attr]
    rate = proposal.space["learning_rate"]
    assert rate.low < 1e-5  # type: ignore[union-attr]
    assert rate.high < 1e-3  # type: ignore[union-attr]
    dropout = proposal.space.get("dropout")
    assert (dropout.high if dropout else proposal.fixed["dropout"]) <= 0.25  # type: ignore[union-attr]


def test_pure_noise_changes_no_range() -> None:
    analysis, proposal = proposal_for(flat_surface, 48)
    assert proposal.space == analysis.sweep.space
    assert [change.key for change in proposal.changes] == ["sweep.trials"]
    assert not proposal.stop
    assert "are not significant (permutation p = " in rationale(analysis, proposal, "a GPU")


def test_small_gpu_memory_limits_the_batch_sizes() -> None:
    """The default network is predicted to need 7.1 GB at batch size 32."""
    _, proposal = proposal_for(report_surface, 8)
    assert max(proposal.space["batch_size"].values) == 32  # type: ignore[union-attr]
    assert "is predicted not to fit in memory" in next(
        change.reason for change in proposal.changes if change.key.endswith("batch_size")
    )


def test_every_change_has_a_reason_and_a_finding(reported: tuple[Analysis, NextSweep]) -> None:
    analysis, proposal = reported
    ids = {finding.id for finding in analysis.findings}
    assert proposal.changes
    for change in proposal.changes:
        assert change.reason
        assert change.finding in ids
    text = rationale(analysis, proposal, "a GPU with 48 GB")
    assert all(f"`{change.key}`" in text for change in proposal.changes)


def test_the_next_study_is_complete_and_has_the_trials_as_prior(
    reported: tuple[Analysis, NextSweep],
) -> None:
    analysis, proposal = reported
    base = {"data": {"sample": "pupils"}, "epochs": 40, "sweep": {"seed": 3, "trials": 40}}
    raw = next_study(analysis, proposal, base)
    study = Study.parse(raw)
    assert study.data.sample == "pupils"
    assert study.sweep.seed == 4
    assert study.sweep.trials == proposal.trials
    assert isinstance(study.sweep.prior_trials, list)
    assert len(study.sweep.prior_trials) == 40
    assert study.batch_size == analysis.samples.incumbent.parameters["batch_size"]
    assert base == {"data": {"sample": "pupils"}, "epochs": 40, "sweep": {"seed": 3, "trials": 40}}


def test_a_gain_below_the_noise_advises_to_stop() -> None:
    space = {"dropout": {"min": 0.0, "max": 0.5}}

    def value(p: dict[str, float]) -> float:
        return 0.6 - (p["dropout"] - 0.2) ** 2

    analysis = Analysis.of(sweep(space, value, 0.01, 60, 0))  # type: ignore[arg-type]
    proposal = design_next_sweep(analysis, lambda batch: True, 40, 60)
    assert proposal.stop
    assert proposal.gain.mean < analysis.samples.noise_sd
    assert summarise(proposal, analysis.samples.noise_sd).startswith("Stop here")


def test_no_batch_size_exceeds_the_training_split() -> None:
    """Trials of batch size 16 used 12 images per step, the whole training split."""
    whole = sweep(REPORTED, report_surface, 0.004, 40, 0)
    trials = [
        replace(t, outcomes={"effective_batch_size": float(min(12, t.parameters["batch_size"]))})
        for t in whole.trials
    ]
    proposal = design_next_sweep(
        Analysis.of(replace(whole, trials=trials)), lambda batch: True, 40, 40
    )
    sizes = proposal.space["batch_size"].values if "batch_size" in proposal.space else []  # type: ignore[union-attr]
    assert max([*sizes, proposal.fixed.get("batch_size", 0)]) == 12
