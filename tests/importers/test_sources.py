"""`read_sweep` reads every kind of source, among them this project's own results."""

from pathlib import Path
from typing import Any

import pytest

from segsweep.config.objective import METRICS
from segsweep.config.search_space import Categorical
from segsweep.config.study import Study
from segsweep.core.errors import UserError
from segsweep.core.files import read_yaml, write_csv, write_json, write_yaml
from segsweep.importers.own_results import read_results
from segsweep.importers.sources import read_sweep
from segsweep.search.sweep_files import search_settings
from segsweep.selection.leaderboard import load_trials, rank, rows

STUDY = Study.parse({"epochs": 3})
SCORES = (*METRICS, "train_dice_coefficient")
ENDINGS = ["finished", "finished", "diverged", "pruned", "finished", "out_of_memory", "finished"]


def trial(folder: Path, index: int, status: str) -> None:
    """Write a trial's folder as `trial.py` does."""
    parameters = {
        "batch_size": [16, 32, 64, 128][index % 4],
        "learning_rate": 1e-4 * (index + 1),
        "dropout": 0.15 + 0.01 * index,
        "l2_reg": 1e-5 * (index + 1),
    }
    value = None if status in ("diverged", "out_of_memory") else round(0.8 + 0.01 * index, 2)
    metrics: dict[str, Any] = {
        "status": status,
        "reason": "" if status == "finished" else f"it was {status}, so it ended",
        **dict.fromkeys(SCORES, value),
        "best_epoch": 2 if value else None,
        "epochs": 3,
        "effective_batch_size": parameters["batch_size"],
        "steps_per_epoch": 5,
        "parameters": 31031745,
        "key": "abc",
    }
    config = STUDY.training_config().to_dict() | parameters
    write_yaml(folder / "config.yaml", config)
    write_json(folder / "suggestion.json", {"chosen_by": "explore", "parameters": parameters})
    write_json(folder / "metrics.json", metrics)
    history = [{"epoch": e, **dict.fromkeys(SCORES, 0.7 + 0.02 * e)} for e in (1, 2)]
    write_csv(folder / "history.csv", ["epoch", *SCORES], history if value else [])
    if index != 1:
        write_json(folder / "timing.json", {"training_seconds": 60.5 + index})


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Write a sweep whose eighth trial is running."""
    write_yaml(tmp_path / "results/sweep/search.yaml", search_settings(STUDY))
    for index, status in enumerate(ENDINGS):
        trial(tmp_path / f"results/trials/{index:03d}", index, status)
    write_json(tmp_path / "results/trials/007/suggestion.json", {"parameters": {}})
    return tmp_path / "results"


def test_a_results_folder_is_read(results: Path) -> None:
    sweep = read_sweep(str(results))
    assert (sweep.metric, sweep.goal) == ("val_dice_coefficient", "maximize")
    assert sweep.space == STUDY.sweep.parameters
    assert [trial.status for trial in sweep.trials] == ENDINGS
    assert sweep.left_out == {"no metrics.json yet": 1}
    first, second, third, fourth = sweep.trials[:4]
    assert (first.name, first.value, first.seconds) == ("000", 0.8, 60.5)
    assert first.history == (0.72, 0.74)
    assert second.seconds is None
    assert (third.value, third.history) == (None, ())
    assert (fourth.value, fourth.outcomes["val_dice_coefficient"]) == (None, 0.83)
    assert first.outcomes["effective_batch_size"] == 16
    assert {"val_loss", "val_iou", "best_epoch", "epochs", "parameters"} <= set(first.outcomes)
    assert not {"status", "reason", "key"} & set(first.outcomes)


def test_count_limits_the_trials(results: Path) -> None:
    assert [trial.name for trial in read_sweep(str(results), count=2).trials] == ["000", "001"]
    assert len(read_results(results, 100).trials) == len(ENDINGS)


def test_results_without_a_trial_are_an_error(tmp_path: Path) -> None:
    write_yaml(tmp_path / "sweep/search.yaml", search_settings(STUDY))
    with pytest.raises(
        UserError, match=r"found no trial with a metrics.json, .* run snakemake first"
    ):
        read_sweep(str(tmp_path))


def test_the_leaderboard_gives_the_same_sweep_as_the_folders(results: Path, tmp_path: Path) -> None:
    search = read_yaml(results / "sweep/search.yaml")
    order = rank(load_trials(results / "trials", len(ENDINGS), search), search["metric"])
    table = rows(order)
    path = tmp_path / "leaderboard.csv"
    write_csv(path, list(table[0]), table)
    board, folders = read_sweep(str(path)), read_results(results)
    assert (board.metric, board.goal) == (folders.metric, folders.goal)
    assert set(board.space) == set(folders.space)
    assert board.space["batch_size"] == Categorical(values=[16, 32, 64, 128])
    assert [trial.status for trial in board.trials] == ENDINGS
    assert [trial.value for trial in board.trials] == [trial.value for trial in folders.trials]
    assert [trial.parameters for trial in board.trials] == [
        trial.parameters for trial in folders.trials
    ]
    assert set(board.trials[0].outcomes) == {*SCORES, "best_epoch", "effective_batch_size"}
    assert board.left_out == {}


def test_options_that_do_not_apply_to_a_source_are_an_error(results: Path) -> None:
    with pytest.raises(
        UserError, match=r"found --metric, --sweep-config, which this source determines"
    ):
        read_sweep(str(results), metric="val_loss", sweep_config="sweep.yaml", goal=None)
    with pytest.raises(
        UserError, match=r"team/cells/k3x9: found --sweep, which this source determines"
    ):
        read_sweep("team/cells/k3x9", sweep="k3x9")


def test_a_source_without_a_sweep_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        read_sweep(str(tmp_path))
    assert str(error.value) == (
        f"{tmp_path}: found a folder with neither sweep/search.yaml nor W&B runs, expected a "
        "results folder of this project, a folder of W&B's offline runs, a CSV export of W&B's "
        "table of runs, or entity/project/sweep"
    )
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(
        UserError, match=r"found a file that does not end in \.csv, expected a results folder"
    ):
        read_sweep(str(tmp_path / "notes.txt"))
    for missing in ("nowhere", "a/b/c/d/e", "team/cells/export.csv"):
        with pytest.raises(UserError, match="found no such file or folder, expected a results"):
            read_sweep(missing)
