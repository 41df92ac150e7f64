"""Ranking, the best configuration, and failed trials among them."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from segsweep.analysis.leaderboard import SCORES, Trial, best_config, ranked, rows, summary
from segsweep.errors import UserError
from segsweep.files import dump_yaml
from segsweep.study import HYPERPARAMETERS, Study

METRIC = {"name": "val_dice_coefficient", "goal": "maximize"}


def trial(index: int, value: float | None, status: str = "finished") -> Trial:
    config = Study.parse({"batch_size": 2 + index, "epochs": 3}).training_config().to_dict()
    metrics: dict[str, Any] = dict.fromkeys(SCORES, value) | {
        "status": status,
        "reason": "" if status == "finished" else "the loss was not finite in epoch 1, step 1",
        "best_epoch": 2,
        "effective_batch_size": 2,
        "key": "abc",
    }
    suggestion = {"why": "model", "parameters": {"batch_size": 2 + index}}
    return Trial(index, config, suggestion, metrics)


TRIALS = [trial(0, 0.4), trial(1, None, "diverged"), trial(2, 0.9), trial(3, 0.9)]


def test_best_first_ties_by_age_failures_last_with_their_reason() -> None:
    order = ranked(TRIALS, METRIC)
    assert [t.index for t in order] == [2, 3, 0, 1]
    table = rows(order)
    assert [row["rank"] for row in table] == [1, 2, 3, ""]
    assert table[-1]["reason"].startswith("the loss was not finite")
    lowest = ranked(TRIALS, {"name": "val_loss", "goal": "minimize"})
    assert [t.index for t in lowest] == [0, 2, 3, 1]


def test_the_best_configuration_can_be_pasted_and_trains_the_same(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("name\n")
    order = ranked(TRIALS, METRIC)
    best = yaml.safe_load(dump_yaml(best_config(order, METRIC, manifest)))
    assert best["evidence"]["trial"] == 2
    pasted = {name: best[name] for name in HYPERPARAMETERS}
    assert Study.parse(pasted).training_config().to_dict() == order[0].config


def test_the_summary_counts_failures_and_holds_the_baselines() -> None:
    baselines = [{"method": "otsu", "val_dice_coefficient": "0.5"}]
    told = summary(ranked(TRIALS, METRIC), METRIC, baselines)
    assert told["best_val_dice_coefficient"] == told["median_val_dice_coefficient"] == 0.9
    assert (told["trials"], told["failed"], told["otsu"]) == (4, 1, 0.5)


def test_a_sweep_in_which_all_failed_says_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none of the 1 trials finished \(trial 1: diverged"):
        best_config([TRIALS[1]], METRIC, tmp_path)
