"""The leaderboard: ranking by posterior mean, pruned and failed trials, best_config.yaml."""

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
    RankedTrial,
    best_config,
    format_evidence,
    load_trials,
    rank,
    read_leaderboard,
    require_finished,
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
) -> RankedTrial:
    """A trial whose posterior mean is `expected`, or else its value."""
    parameters = {"batch_size": 2 + index, "learning_rate": learning_rate}
    config = Study.parse({**parameters, "epochs": 3}).training_config().to_dict()
    metrics: dict[str, Any] = dict.fromkeys(SCORES, value) | {
        "status": status,
        "reason": REASONS[status],
        "best_epoch": 2,
        "effective_batch_size": 2,
        "key": "abc",
    }
    suggestion = {"chosen_by": "explore", "parameters": parameters}
    finished = status == "finished"
    posterior = {
        "posterior_mean": (expected or value) if finished else None,
        "posterior_sd": 0.01 if finished else None,
    }
    return RankedTrial(index, config, suggestion, metrics, posterior)


TRIALS = [
    trial(0, 0.4),
    trial(1, None, "diverged"),
    trial(2, 0.8, "pruned"),
    trial(3, 0.9),
    trial(4, 0.9),
    trial(5, 0.99, "pruned"),
    trial(6, 0.95, expected=0.7),
]


def from_disk(
    folder: Path, trials: Sequence[RankedTrial], metric: dict[str, str]
) -> list[RankedTrial]:
    """Write the trials, and rank them by the posterior of the surrogate."""
    for t in trials:
        path = folder / f"{t.index:03d}"
        write_yaml(path / "config.yaml", t.config)
        write_json(path / "suggestion.json", t.suggestion)
        write_json(path / "metrics.json", t.metrics)
        history = [
            {"epoch": epoch, **{name: t.metrics[name] for name in SCORES}} for epoch in (1, 2)
        ]
        write_csv(path / "history.csv", ["epoch", *SCORES], history)
    rate = {"distribution": "log_uniform_values", "min": 1e-5, "max": 0.1}
    space = {"batch_size": {"min": 2, "max": 20}, "learning_rate": rate}
    search = {"metric": metric, "parameters": space}
    return rank(load_trials(folder, len(trials), search), metric)


def hill(sign: int) -> list[RankedTrial]:
    """Trials 3 to 6 agree on the optimum; trial 2, on the slope, has the best observed value."""
    rates = [1e-5, 1e-4, 2e-4, 7e-4, 9e-4, 1.1e-3, 1.4e-3, 3e-3, 1e-2, 1e-1]
    values = [0.50, 0.58, 0.604, 0.601, 0.599, 0.6, 0.602, 0.59, 0.58, 0.50]
    pairs = enumerate(zip(rates, values, strict=True))
    return [trial(i, sign * value, learning_rate=rate) for i, (rate, value) in pairs]


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    path = tmp_path / "manifest.csv"
    path.write_text("name\n")
    return path


def test_finished_trials_rank_by_posterior_mean_pruned_by_value_failed_last() -> None:
    ranked = rank(TRIALS, METRIC)
    assert [t.index for t in ranked] == [3, 4, 6, 0, 5, 2, 1]
    table = rows(ranked)
    assert [row["rank"] for row in table] == [1, 2, 3, 4, "", "", ""]
    assert [row["posterior_mean"] for row in table] == [0.9, 0.9, 0.7, 0.4, None, None, None]
    assert table[-1]["reason"].startswith("the loss was not finite")
    columns = list(table[0])
    assert columns[columns.index(SCORES[-1]) + 1 :][:2] == ["posterior_mean", "posterior_sd"]
    assert [t.index for t in rank(TRIALS, LOSS)] == [0, 6, 3, 4, 2, 5, 1]


@pytest.mark.parametrize(("metric", "sign"), [(METRIC, 1), (LOSS, -1)])
def test_best_is_the_best_posterior_mean_and_not_the_best_observed(
    tmp_path: Path, manifest: Path, metric: dict[str, str], sign: int
) -> None:
    ranked = from_disk(tmp_path, hill(sign), metric)
    best = best_config(ranked[0], {}, ranked, metric, manifest)
    evidence, best_observed = best["evidence"], best["evidence"]["best_observed"]
    assert evidence["trial"] in (3, 4, 5, 6)
    assert best["learning_rate"] == ranked[0].config["learning_rate"]
    assert best_observed["trial"] == 2
    assert best_observed[metric["name"]] == sign * 0.604
    assert sign * evidence["posterior_mean"] > sign * best_observed["posterior_mean"]
    assert 0 < evidence["posterior_sd"] < 0.1
    numbers = summary(ranked, metric, [])
    assert (numbers["best_trial"], numbers["best_observed_trial"]) == (evidence["trial"], 2)
    assert numbers[f"best_{metric['name']}"] == evidence[metric["name"]]
    assert numbers[f"posterior_mean_{metric['name']}"] == evidence["posterior_mean"]
    assert numbers[f"best_observed_{metric['name']}"] == sign * 0.604
    assert numbers[f"worst_{metric['name']}"] == sign * 0.5


def test_pruned_trial_is_never_the_best(tmp_path: Path, manifest: Path) -> None:
    pruned = trial(10, 0.99, "pruned", learning_rate=8e-4)
    ranked = from_disk(tmp_path, [*hill(1), pruned], METRIC)
    assert ranked[-1].index == 10
    assert ranked[-1].posterior == {"posterior_mean": None, "posterior_sd": None}
    evidence = best_config(ranked[0], {}, ranked, METRIC, manifest)["evidence"]
    assert 10 not in (evidence["trial"], evidence["best_observed"]["trial"])


def evidence_of(trials: Sequence[RankedTrial], manifest: Path) -> dict[str, Any]:
    ranked = rank(trials, METRIC)
    return best_config(ranked[0], {}, ranked, METRIC, manifest)["evidence"]


def test_line_names_the_best_observed_trial_where_it_is_another(manifest: Path) -> None:
    evidence = evidence_of(TRIALS, manifest)
    line = "val_dice_coefficient 0.9000 (posterior mean 0.9000 ± 0.01)"
    best_observed = "best observed value: trial 006, 0.9500 (posterior mean 0.7000 ± 0.01)"
    assert format_evidence(evidence) == f"{line}; {best_observed}"
    evidence = evidence_of(TRIALS[:5], manifest)
    assert format_evidence(evidence) == line


def test_best_config_can_be_pasted_and_gives_the_same_training(manifest: Path) -> None:
    ranked = rank(TRIALS, METRIC)
    best = yaml.safe_load(dump_yaml(best_config(ranked[0], {}, ranked, METRIC, manifest)))
    assert best["evidence"]["trial"] == 3
    pasted = {name: best[name] for name in HYPERPARAMETERS}
    assert Study.parse(pasted).training_config().to_dict() == ranked[0].config


def test_summary_counts_unfinished_trials_and_has_the_baselines() -> None:
    baselines = [{"method": "otsu", "val_dice_coefficient": "0.5"}]
    numbers = summary(rank(TRIALS, METRIC), METRIC, baselines)
    assert numbers["best_val_dice_coefficient"] == numbers["median_val_dice_coefficient"] == 0.9
    assert (
        numbers["best_observed_val_dice_coefficient"],
        numbers["worst_val_dice_coefficient"],
    ) == (
        0.95,
        0.4,
    )
    assert (numbers["trials"], numbers["pruned"], numbers["failed"], numbers["otsu"]) == (
        7,
        2,
        1,
        0.5,
    )


def test_leaderboard_is_read_as_it_was_written(tmp_path: Path) -> None:
    trials = [*hill(1), trial(10, 0.99, "pruned", learning_rate=8e-4)]
    ranked = from_disk(tmp_path / "trials", trials, METRIC)
    table = rows(ranked)
    write_csv(tmp_path / "leaderboard.csv", list(table[0]), table)
    assert read_leaderboard(tmp_path) == ranked


@pytest.mark.parametrize("status", ["diverged", "pruned"])
def test_sweep_without_a_finished_trial_is_an_error(tmp_path: Path, status: str) -> None:
    ranked = from_disk(tmp_path, [trial(0, 0.5, status)], METRIC)
    with pytest.raises(UserError, match=rf"none of the 1 trials finished \(trial 0: {status}, \w+"):
        require_finished(ranked)


def test_live_leaderboard_before_the_first_trial_has_ended_is_no_error(
    tmp_path: Path,
) -> None:
    write_running(tmp_path, ended=0)
    (tmp_path / "trials/000").mkdir(parents=True)
    inputs = [tmp_path / name for name in ("sweep/search.yaml", "baselines.csv", "trials")]
    script = [sys.executable, ROOT / "workflow/scripts/aggregate.py", *inputs, tmp_path]
    live = subprocess.run([*script, "--live", "--count", "1"], capture_output=True, text=True)
    assert (live.returncode, live.stdout, live.stderr) == (0, "", "")
    assert not (tmp_path / "leaderboard.csv").exists()
