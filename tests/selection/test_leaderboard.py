"""Ranking by belief, the best configuration, and stopped and failed trials among them."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from project import ROOT
from results_example import write_running
from segsweep.config.sections import HYPERPARAMETERS
from segsweep.config.study import Study
from segsweep.core.errors import UserError
from segsweep.core.files import write_csv, write_json, write_yaml
from segsweep.core.yaml_format import dump_yaml
from segsweep.selection.leaderboard import (
    SCORES,
    Trial,
    best_config,
    in_a_line,
    load_trials,
    rank,
    refuse_all_failed,
    rows,
    summary,
)

METRIC = {"name": "val_dice_coefficient", "goal": "maximize"}
LOSS = {"name": "val_loss", "goal": "minimize"}
REASONS = {
    "finished": "",
    "pruned": "val_dice_coefficient was to be at least 0.8 after epoch 1",
    "diverged": "the loss was not finite in epoch 1, step 1",
}


def trial(
    index: int,
    value: float | None,
    status: str = "finished",
    expected: float | None = None,
    learning_rate: float = 0.001,
) -> Trial:
    """One of which its own value is expected, if nothing else is said."""
    parameters = {"batch_size": 2 + index, "learning_rate": learning_rate}
    config = Study.parse({**parameters, "epochs": 3}).training_config().to_dict()
    metrics: dict[str, Any] = dict.fromkeys(SCORES, value) | {
        "status": status,
        "reason": REASONS[status],
        "best_epoch": 2,
        "effective_batch_size": 2,
        "key": "abc",
    }
    suggestion = {"why": "explore", "parameters": parameters}
    finished = status == "finished"
    belief = {
        "posterior_mean": (expected or value) if finished else None,
        "posterior_sd": 0.01 if finished else None,
    }
    return Trial(index, config, suggestion, metrics, belief)


TRIALS = [
    trial(0, 0.4),
    trial(1, None, "diverged"),
    trial(2, 0.8, "pruned"),
    trial(3, 0.9),
    trial(4, 0.9),
    trial(5, 0.99, "pruned"),
    trial(6, 0.95, expected=0.7),
]


def from_disk(folder: Path, trials: Sequence[Trial], metric: dict[str, str]) -> list[Trial]:
    """The trials rank by what is posterior_of_trials of them when they are read from their folders."""
    for one in trials:
        home = folder / f"{one.index:03d}"
        write_yaml(home / "config.yaml", one.config)
        write_json(home / "suggestion.json", one.suggestion)
        write_json(home / "metrics.json", one.metrics)
        history = [
            {"epoch": epoch, **{name: one.metrics[name] for name in SCORES}} for epoch in (1, 2)
        ]
        write_csv(home / "history.csv", ["epoch", *SCORES], history)
    rate = {"distribution": "log_uniform_values", "min": 1e-5, "max": 0.1}
    space = {"batch_size": {"min": 2, "max": 20}, "learning_rate": rate}
    search = {"metric": metric, "parameters": space}
    return rank(load_trials(folder, len(trials), search), metric)


def hill(sign: int) -> list[Trial]:
    """Neighbours that agree on where the top is (trials 3 to 6), and a lucky one on the slope."""
    rates = [1e-5, 1e-4, 2e-4, 7e-4, 9e-4, 1.1e-3, 1.4e-3, 3e-3, 1e-2, 1e-1]
    values = [0.50, 0.58, 0.604, 0.601, 0.599, 0.6, 0.602, 0.59, 0.58, 0.50]
    pairs = enumerate(zip(rates, values, strict=True))
    return [trial(i, sign * value, learning_rate=rate) for i, (rate, value) in pairs]


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    path = tmp_path / "manifest.csv"
    path.write_text("name\n")
    return path


def test_finished_by_what_is_expected_stopped_by_what_was_seen_failed_last() -> None:
    order = rank(TRIALS, METRIC)
    assert [t.index for t in order] == [3, 4, 6, 0, 5, 2, 1]
    table = rows(order)
    assert [row["rank"] for row in table] == [1, 2, 3, 4, "", "", ""]
    assert [row["posterior_mean"] for row in table] == [0.9, 0.9, 0.7, 0.4, None, None, None]
    assert table[-1]["reason"].startswith("the loss was not finite")
    columns = list(table[0])
    assert columns[columns.index(SCORES[-1]) + 1 :][:2] == ["posterior_mean", "posterior_sd"]
    assert [t.index for t in rank(TRIALS, LOSS)] == [0, 6, 3, 4, 2, 5, 1]


@pytest.mark.parametrize(("metric", "sign"), [(METRIC, 1), (LOSS, -1)])
def test_the_incumbent_is_handed_out_and_not_the_best_observed(
    tmp_path: Path, manifest: Path, metric: dict[str, str], sign: int
) -> None:
    order = from_disk(tmp_path, hill(sign), metric)
    best = best_config(order[0], {}, order, metric, manifest)
    evidence, best_observed = best["evidence"], best["evidence"]["best_observed"]
    assert evidence["trial"] in (3, 4, 5, 6)
    assert best["learning_rate"] == order[0].config["learning_rate"]
    assert best_observed["trial"] == 2
    assert best_observed[metric["name"]] == sign * 0.604
    assert sign * evidence["posterior_mean"] > sign * best_observed["posterior_mean"]
    assert 0 < evidence["posterior_sd"] < 0.1
    told = summary(order, metric, [])
    assert (told["best_trial"], told["best_observed_trial"]) == (evidence["trial"], 2)
    assert told[f"best_{metric['name']}"] == evidence[metric["name"]]
    assert told[f"posterior_mean_{metric['name']}"] == evidence["posterior_mean"]
    assert told[f"best_observed_{metric['name']}"] == sign * 0.604
    assert told[f"worst_{metric['name']}"] == sign * 0.5


def test_a_stopped_trial_is_never_handed_out(tmp_path: Path, manifest: Path) -> None:
    stopped = trial(10, 0.99, "pruned", learning_rate=8e-4)
    order = from_disk(tmp_path, [*hill(1), stopped], METRIC)
    assert order[-1].index == 10
    assert order[-1].belief == {"posterior_mean": None, "posterior_sd": None}
    evidence = best_config(order[0], {}, order, METRIC, manifest)["evidence"]
    assert 10 not in (evidence["trial"], evidence["best_observed"]["trial"])


def evidence_of(trials: Sequence[Trial], manifest: Path) -> dict[str, Any]:
    order = rank(trials, METRIC)
    return best_config(order[0], {}, order, METRIC, manifest)["evidence"]


def test_both_are_told_in_one_line_when_they_differ(manifest: Path) -> None:
    evidence = evidence_of(TRIALS, manifest)
    line = "val_dice_coefficient 0.9000, 0.9000 ± 0.01 expected"
    assert in_a_line(evidence) == f"{line} (the best_observed, trial 006: 0.9500, 0.7000 expected)"
    evidence = evidence_of(TRIALS[:5], manifest)
    assert in_a_line(evidence) == line


def test_the_best_configuration_can_be_pasted_and_trains_the_same(manifest: Path) -> None:
    order = rank(TRIALS, METRIC)
    best = yaml.safe_load(dump_yaml(best_config(order[0], {}, order, METRIC, manifest)))
    assert best["evidence"]["trial"] == 3
    pasted = {name: best[name] for name in HYPERPARAMETERS}
    assert Study.parse(pasted).training_config().to_dict() == order[0].config


def test_the_summary_counts_what_did_not_finish_and_holds_the_baselines() -> None:
    baselines = [{"method": "otsu", "val_dice_coefficient": "0.5"}]
    told = summary(rank(TRIALS, METRIC), METRIC, baselines)
    assert told["best_val_dice_coefficient"] == told["median_val_dice_coefficient"] == 0.9
    assert (told["best_observed_val_dice_coefficient"], told["worst_val_dice_coefficient"]) == (
        0.95,
        0.4,
    )
    assert (told["trials"], told["pruned"], told["failed"], told["otsu"]) == (7, 2, 1, 0.5)


@pytest.mark.parametrize("status", ["diverged", "pruned"])
def test_a_sweep_in_which_none_finished_says_so(tmp_path: Path, status: str) -> None:
    order = from_disk(tmp_path, [trial(0, 0.5, status)], METRIC)
    with pytest.raises(UserError, match=rf"none of the 1 trials finished \(trial 0: {status}, \w+"):
        refuse_all_failed(order)


def test_beside_the_first_trials_there_is_nothing_to_show_and_that_is_no_error(
    tmp_path: Path,
) -> None:
    write_running(tmp_path, ended=0)
    (tmp_path / "trials/000").mkdir(parents=True)
    inputs = [tmp_path / name for name in ("sweep/search.yaml", "baselines.csv", "trials")]
    script = [sys.executable, ROOT / "workflow/scripts/aggregate.py", *inputs, tmp_path]
    live = subprocess.run([*script, "--live", "--count", "1"], capture_output=True, text=True)
    assert (live.returncode, live.stdout, live.stderr) == (0, "", "")
    assert not (tmp_path / "leaderboard.csv").exists()
