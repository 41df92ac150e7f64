"""Exports, prior trials and results with numbers and texts that no training has."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export_example import METRIC, example_rows, write
from segsweep.analysis.findings import Analysis
from segsweep.config.distributions import Uniform
from segsweep.core.errors import UserError
from segsweep.importers.csv_export import read_export
from segsweep.importers.own_results import read_results
from segsweep.importers.parsing import number, read_cell, seconds
from segsweep.report.values import parse_number, trial_name
from segsweep.search.warm_start import prior_from_leaderboard


def test_numbers_outside_float32_are_infinite_or_zero() -> None:
    assert number(1e308) == number(10**400) == math.inf
    assert number(-1e39) == -math.inf
    assert number(5e-324) == 0
    assert number(1e-40) == 1e-40
    assert parse_number("1e308") is None
    assert seconds("9" * 308 + "d " + "9" * 308 + "h") is None


@pytest.mark.parametrize("text", ["[" * 100_000, "[" * 900 + "]" * 900, "{" + "9" * 5000])
def test_a_cell_of_many_levels_is_text(text: str) -> None:
    assert read_cell(text) == text


def test_names_of_many_digits_are_names() -> None:
    assert trial_name("7" * 5000) == "7" * 5000
    assert (trial_name("7"), trial_name("0007"), trial_name("0"), trial_name("x")) == (
        "007",
        "007",
        "000",
        "x",
    )


@pytest.mark.parametrize(
    "changes",
    [
        {METRIC: lambda i: 1e308 * (-1) ** i if i < 4 else 0.5 + i / 100},
        {METRIC: lambda i: 3e38 * (i - 12) / 12},
        {METRIC: lambda i: 5e-324 * (i + 1)},
        {METRIC: lambda i: 2e-45 * (i + 1)},
        {"learning_rate": lambda i: 10.0 ** (3 * i - 40)},
        {"learning_rate": lambda i: 1e-44 * (i + 1)},
        {"batch_size": lambda i: 2.0 ** (100 + i % 3)},
        {
            "dropout": lambda i: 5.0 + i,
            "epochs": lambda i: 1e30,
            "val_loss": lambda i: 1e308,
            "loss": lambda i: 1e308,
            "Runtime": lambda i: 3e38,
            "Created": lambda i: "0001-01-01",
            "effective_batch_size": lambda i: -1e30,
        },
    ],
)
def test_an_analysis_of_extreme_values_has_finite_numbers(
    changes: dict[str, Any], tmp_path: Path
) -> None:
    """PSNR has no bounds; a Dice of 1e308 is refused."""
    rows = [
        row | {name: value(i) for name, value in changes.items()}
        for i, row in enumerate(example_rows())
    ]
    rows = [{name.replace("dice", "psnr"): value for name, value in row.items()} for row in rows]
    path, metric = write(tmp_path / "export.csv", rows), METRIC.replace("dice", "psnr")
    with np.errstate(all="raise", under="ignore"):
        analysis = Analysis.of(read_export(path, metric=metric))
        numbers = [finding.number for finding in analysis.findings if finding.number is not None]
    assert np.isfinite(numbers).all()


def test_a_table_of_too_many_columns_or_texts_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text(",".join(["x"] * 2001) + "\n" + ",".join(["1"] * 2001) + "\n")
    with pytest.raises(UserError, match="found 2001 columns, expected at most 2000"):
        read_export(path)
    rows = [row | {"host_kind": f"kind {i // 2}"} for i, row in enumerate(example_rows() * 10)]
    rows = [row | {"Name": f"run-{i}"} for i, row in enumerate(rows)]
    assert "host_kind" not in read_export(write(path, rows)).varied
    with pytest.raises(UserError, match="found 120 different texts of host_kind, expected at most"):
        read_export(path, parameters=["host_kind"])


def test_more_columns_than_the_surrogate_takes_are_an_error(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = [row | {f"layer{i}_size": rng.random() for i in range(101)} for row in example_rows()]
    sweep = read_export(write(tmp_path / "export.csv", rows))
    with pytest.raises(UserError, match="expected at most 100 columns; name the searched"):
        Analysis.of(sweep)


def test_a_prior_trial_with_an_extreme_value_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "prior.csv"
    path.write_text(
        "status,score,dropout\nfinished,1e308,0.1\nfinished,0.5,0.2\nfinished,0.6,1e308\n"
    )
    space, metric = {"dropout": Uniform(min=0.0, max=0.5)}, {"name": "score", "goal": "maximize"}
    earlier = prior_from_leaderboard(str(path), space, metric)
    assert [trial.value for trial in earlier.trials] == [0.5]
    assert sum(earlier.left_out.values()) == 2


def own_results(folder: Path, **files: str) -> Path:
    """Write a results folder with one trial; `files` replace the content of its files."""
    contents = {
        "metrics.json": json.dumps({"status": "finished", "reason": "", "score": 0.5}),
        "suggestion.json": json.dumps({"parameters": {"dropout": 0.1}}),
        "history.csv": "epoch,score\n1,0.5\n2,1e308\n",
    }
    trial = folder / "trials/000"
    trial.mkdir(parents=True)
    (folder / "sweep").mkdir()
    (folder / "sweep/search.yaml").write_text(
        files.pop("search", "metric: {name: score, goal: maximize}\n")
        + "parameters: {dropout: {min: 0.0, max: 0.5}}\n"
    )
    for name, content in (contents | {k.replace("_", "."): v for k, v in files.items()}).items():
        (trial / name).write_text(content)
    (folder / "trials/1 copy").mkdir()
    return folder


def test_a_history_has_only_finite_values(tmp_path: Path) -> None:
    (trial,) = read_results(own_results(tmp_path)).trials
    assert trial.history == (0.5,)


@pytest.mark.parametrize(
    "files",
    [
        {"metrics_json": "[]"},
        {"metrics_json": "[" * 100_000},
        {"metrics_json": '{"status": "finished", "score": 1e308}'},
        {"metrics_json": '{"status": [], "score": 1}'},
        {"metrics_json": "{}"},
        {"suggestion_json": '{"parameters": {"dropout": "x"}}'},
        {"suggestion_json": '{"parameters": {}}'},
        {"suggestion_json": "3"},
        {"history_csv": "epoch\n1\n"},
        {"search": "metric: 3\n"},
        {"search": "metric: {name: score, goal: up}\n"},
    ],
)
def test_a_damaged_results_folder_is_one_sentence(files: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        read_results(own_results(tmp_path, **files))
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path))


@pytest.mark.parametrize("content", ["", "\0" * 40, "{}", "[3]", '{"training_seconds": '])
def test_without_its_damaged_times_a_trial_is_read(tmp_path: Path, content: str) -> None:
    """No record has the hash of these times, so that no job makes them again."""
    folder = own_results(tmp_path, timing_json=content)
    timing = tmp_path / "trials/000/timing.json"
    with pytest.raises(UserError, match=f"^{timing}: found no training_seconds.*; delete it, and"):
        read_results(folder)
    timing.unlink()
    (trial,) = read_results(folder).trials
    assert trial.seconds is None
