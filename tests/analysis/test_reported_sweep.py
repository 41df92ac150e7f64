"""A sweep like the original report's: 30 runs, batch sizes 2 to 16, and no gain beyond 16."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segsweep.analysis.findings import Analysis
from segsweep.analysis.next_study import propose_next_study
from segsweep.analysis.next_sweep import NextSweep
from synthetic_sweeps import LOG, sweep

SPACE = {
    "batch_size": {"values": [2, 4, 8, 16]},
    "learning_rate": {"distribution": LOG, "min": 1e-5, "max": 1e-3},
    "dropout": {"min": 0.0, "max": 0.5},
    "l2_reg": {"distribution": LOG, "min": 1e-6, "max": 1e-3},
}
NOISE = 0.01


def surface(p: Mapping[str, Any]) -> float:
    """Return a Dice of 0.569 at batch size 16, 0.000159, 0.20 and 0.00006, and as much beyond."""
    doublings = np.log2(p["batch_size"] / 16)
    rate = np.log10(p["learning_rate"] / 1.59e-4) - 0.75 * doublings * np.log10(2)
    dice = 0.569 - 0.015 * max(0.0, -doublings) - 0.03 * rate**2
    return float(dice - 0.4 * (p["dropout"] - 0.2) ** 2 - 0.006 * np.log10(p["l2_reg"] / 6e-5) ** 2)


@pytest.fixture(scope="module", params=range(2))
def proposed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Analysis, NextSweep, str]:
    """Return the analysis, the next sweep for 48 GB, and its rationale."""
    analysis = Analysis.of(sweep(SPACE, surface, NOISE, 30, request.param))
    out: Path = tmp_path_factory.mktemp("next")
    proposal = propose_next_study(out, analysis, {"hardware": {"target": 48}})
    return analysis, proposal, (out / "rationale.md").read_text()


def test_no_end_is_called_best_without_its_probability(
    proposed: tuple[Analysis, NextSweep, str],
) -> None:
    for finding in proposed[0].findings:
        for claim in re.finditer(r"is (the )?best\b[^.]*", finding.sentence):
            assert re.search(r"P = \d+ %|inconclusive|P\(", claim[0]), finding.sentence


def test_the_next_sweep_is_as_in_the_report(proposed: tuple[Analysis, NextSweep, str]) -> None:
    """Batch sizes up to 128, and a learning rate that goes up with them."""
    _, proposal, _ = proposed
    assert proposal.space["batch_size"].values[-2:] == [64, 128]  # type: ignore[union-attr]
    rate = proposal.space["learning_rate"]
    assert rate.low < 1.59e-4 < 5e-4 < rate.high  # type: ignore[union-attr]


def test_the_gain_beyond_the_range_is_small_and_said_to_be_extrapolated(
    proposed: tuple[Analysis, NextSweep, str],
) -> None:
    """The true gain beyond batch size 16 is 0."""
    _, proposal, rationale = proposed
    assert 0 <= proposal.gain.by_extrapolation <= proposal.gain.mean < NOISE
    assert proposal.gain.interval()[0] == pytest.approx(0, abs=1e-3)
    assert "is extrapolation: no trial had batch_size above 16" in rationale


def test_the_rationale_gives_the_advice_of_the_report(
    proposed: tuple[Analysis, NextSweep, str],
) -> None:
    assert (
        "Watch for diminishing returns beyond batch size 64: if val_dice_coefficient falls there, "
        "go back to 32 or 64."
    ) in proposed[2]


def test_the_memory_of_the_largest_batch_is_in_the_rationale(
    proposed: tuple[Analysis, NextSweep, str],
) -> None:
    """As docs/rtx6000ada.md predicts it for the default network."""
    text = proposed[2]
    assert "batch size 128, base_channels 64, depth 4) needs 25.6 GB" in text
    assert "of 48 GB, so it fits." in text
