"""CSV exports of W&B's table of runs are read as completed sweeps."""

import csv
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segsweep.config.distributions import IntUniform, LogUniformValues, Uniform
from segsweep.config.search_space import Categorical, Constant, contains
from segsweep.core.errors import UserError
from segsweep.core.files import write_yaml
from segsweep.importers.csv_export import read_export
from segsweep.search.sampler import posterior

METRIC = "val_dice_coefficient"
SEARCHED = ("batch_size", "dropout", "l2_reg", "learning_rate")
SWEEP = {
    "program": "train.py",
    "method": "bayes",
    "metric": {"name": METRIC, "goal": "maximize"},
    "run_cap": 40,
    "parameters": {
        "batch_size": {"values": [4, 8, 16, 32, 64], "distribution": "categorical"},
        "learning_rate": {"min": 8e-5, "max": 1.5e-3, "precision": 3},
        "dropout": {"min": 0.15, "max": 0.25},
        "l2_reg": {"min": 1e-5, "max": 1.5e-4},
        "epochs": {"value": 40},
    },
}


def write(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write a table as W&B does: a BOM, all cells in quotes, empty cells for missing values."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(columns)
        writer.writerows([["" if row.get(c) is None else row[c] for c in columns] for row in rows])
    return path


def run(
    index: int, config: Mapping[str, Any], summary: Mapping[str, Any], **leading: Any
) -> dict[str, Any]:
    return {
        "Name": f"fancy-sweep-{index}",
        "State": "finished",
        "Notes": "-",
        "User": "someone",
        "Tags": "",
        "Created": f"2024-05-{1 + index:02d}T09:00:00.000Z",
        "Runtime": 600 + index,
        "Sweep": "k3x9qz1e",
        **leading,
        **config,
        **summary,
    }


def example_rows(n: int = 24) -> list[dict[str, Any]]:
    """Return a sweep that is best near batch size 16 and learning rate 1.6e-4."""
    rng = np.random.default_rng(7)
    rows = []
    for i in range(n):
        config = {
            "batch_size": int(rng.choice([4, 8, 16, 32, 64])),
            "dropout": rng.uniform(0.15, 0.25),
            "epochs": 40,
            "input_shape": "[256,256,1]",
            "l2_reg": rng.uniform(1e-5, 1.5e-4),
            "learning_rate": rng.uniform(8e-5, 1.5e-3),
            "parameters.batch_size.values": "[4,8,16,32,64]",
            "parameters.learning_rate.max": 0.0015,
            "parameters.learning_rate.min": 8e-5,
            "parameters.learning_rate.value": None,
            "metric.goal": "maximize",
            "task": "segmentation",
        }
        distance = abs(math.log2(config["batch_size"] / 16)) + abs(
            config["learning_rate"] / 1.6e-4 - 1
        )
        dice = 0.82 - 0.02 * distance + rng.normal(0, 0.004)
        summary = {
            "_runtime": 600.25 + i,
            "_step": 39,
            "_timestamp": 1714554000.5 + i,
            "_wandb": '{"runtime":600}',
            "best_epoch": int(rng.integers(20, 40)),
            "epoch": 39,
            "loss": rng.uniform(0.2, 0.4),
            METRIC: dice,
            f"{METRIC}.max": dice + 0.01,
            "val_loss": rng.uniform(0.2, 0.5),
        }
        rows.append(run(i, config, summary))
    return rows


def without_outcomes(row: Mapping[str, Any], state: str, **others: Any) -> dict[str, Any]:
    columns = list(row)
    outcomes = columns[columns.index("_runtime") :]
    return {**row, **dict.fromkeys(outcomes), "State": state, **others}


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """Newest first, with failed, running and duplicate rows, and two without a learning rate."""
    rows = example_rows()
    rows[3] = without_outcomes(rows[3], "failed")
    rows[5] = without_outcomes(rows[5], "crashed", Runtime="1h 2m 3s")
    rows[7] = without_outcomes(rows[7], "running")
    rows[8] = without_outcomes(rows[8], "running")
    rows[9] = without_outcomes(rows[9], "finished")
    rows[11] |= {METRIC: "NaN", "loss": "NaN", "val_loss": "Infinity"}
    rows[13] |= {"learning_rate": None}
    rows[14] |= {"learning_rate": "NaN"}
    rows[15] = without_outcomes(rows[15], "failed") | {"error": "CUDA out of memory. Tried to"}
    return write(tmp_path / "wandb_export.csv", [*rows[::-1], rows[0]])


def test_an_export_is_read_without_options(export: Path) -> None:
    sweep = read_export(export)
    assert (sweep.metric, sweep.goal) == (METRIC, "maximize")
    assert set(sweep.varied) == set(SEARCHED)
    assert sweep.left_out == {
        "a copy of another row": 1,
        "state running": 2,
        "no value of learning_rate": 2,
    }
    assert [trial.name for trial in sweep.trials[:4]] == [f"fancy-sweep-{i}" for i in range(4)]
    states = {trial.name.removeprefix("fancy-sweep-"): trial.status for trial in sweep.trials}
    bad = {i: state for i, state in states.items() if state != "finished"}
    expected = {"3": "failed", "5": "failed", "9": "failed", "11": "diverged"}
    assert bad == {**expected, "15": "out_of_memory"}
    assert len(sweep.finished) == 24 - 4 - 5
    assert all(trial.value is None for trial in sweep.trials if trial.status != "finished")


def test_values_are_those_of_the_table(export: Path) -> None:
    rows, sweep = example_rows(), read_export(export)
    for trial in sweep.finished:
        row = rows[int(trial.name.rpartition("-")[2])]
        assert trial.value == row[METRIC]
        assert {name: trial.parameters[name] for name in SEARCHED} == {n: row[n] for n in SEARCHED}
        assert trial.seconds == row["Runtime"]
        assert set(trial.outcomes) == {"best_epoch", "epoch", "loss", METRIC, f"{METRIC}.max"} | {
            "val_loss"
        }
        assert trial.outcomes["best_epoch"] == row["best_epoch"]
    (crashed,) = [trial for trial in sweep.trials if trial.name == "fancy-sweep-5"]
    assert crashed.seconds == 3723


def test_the_space_is_inferred_from_the_values(export: Path) -> None:
    space = read_export(export).space
    assert space["batch_size"] == Categorical(values=[4, 8, 16, 32, 64])
    assert isinstance(space["learning_rate"], LogUniformValues)
    assert isinstance(space["dropout"], Uniform)
    assert 0.15 <= space["dropout"].min < space["dropout"].max <= 0.25
    assert space["epochs"] == Constant(value=40)
    assert space["input_shape"] == Constant(value=[256, 256, 1])
    assert space["task"] == Constant(value="segmentation")
    assert not [name for name in space if name.startswith(("parameters.", "metric.", "_"))]


def test_the_space_is_taken_from_a_sweep_configuration(export: Path, tmp_path: Path) -> None:
    write_yaml(tmp_path / "sweep.yaml", SWEEP)
    sweep = read_export(export, sweep_config=tmp_path / "sweep.yaml")
    assert sweep.space["learning_rate"] == Uniform(min=8e-5, max=1.5e-3)
    assert sweep.space["epochs"] == Constant(value=40)
    assert list(sweep.space) == list(SWEEP["parameters"])  # type: ignore[call-overload]
    assert all(
        contains(p, trial.parameters[name])
        for trial in sweep.trials
        for name, p in sweep.space.items()
    )


def test_values_outside_the_space_are_left_out(export: Path, tmp_path: Path) -> None:
    narrow = {**SWEEP["parameters"], "batch_size": {"values": [4, 8, 16, 32]}}  # type: ignore[dict-item]
    write_yaml(tmp_path / "sweep.yaml", {**SWEEP, "parameters": narrow})
    sweep = read_export(export, sweep_config=tmp_path / "sweep.yaml")
    left_out = sweep.left_out["batch_size outside the sweep's range"]
    assert left_out == sum(
        trial.parameters["batch_size"] == 64 for trial in read_export(export).trials
    )
    assert left_out > 0


def test_the_surrogate_can_be_fitted_to_an_export(export: Path) -> None:
    sweep = read_export(export)
    predictions = posterior(sweep.space, sweep.observed, sweep.goal)
    assert sum(value is not None for value in predictions) == len(sweep.finished)


def test_rows_have_the_searched_parameters_and_the_outcomes(export: Path) -> None:
    table = read_export(export).rows()
    assert list(table[0])[:3] == ["trial", "status", METRIC]
    assert list(table[0])[3:8] == [*SEARCHED, "best_epoch"]


def test_several_sweeps_need_the_option_sweep(tmp_path: Path) -> None:
    rows = example_rows(12)
    for row in rows[:5]:
        row["Sweep"] = "first-try"
    rows[5]["Sweep"] = ""
    path = write(tmp_path / "two.csv", rows)
    with pytest.raises(UserError) as error:
        read_export(path)
    assert str(error.value) == (
        f"{path}: found 2 sweeps (number of runs): first-try (5), k3x9qz1e (6); expected one; "
        "choose one with --sweep"
    )
    sweep = read_export(path, sweep="k3x9qz1e")
    assert len(sweep.trials) == 6
    assert sweep.left_out == {"another sweep (first-try)": 5, "no sweep": 1}
    with pytest.raises(UserError, match=r"found no sweep other, expected one of first-try \(5\), "):
        read_export(path, sweep="other")


def test_runs_without_a_sweep_are_one_sweep(tmp_path: Path) -> None:
    rows = [row | {"Sweep": "-" if row["Runtime"] % 2 else ""} for row in example_rows(8)]
    path = write(tmp_path / "runs.csv", rows)
    assert len(read_export(path).trials) == 8
    with pytest.raises(UserError, match="found no sweep x, expected one of none"):
        read_export(path, sweep="x")


def test_ids_that_look_like_numbers_stay_text(tmp_path: Path) -> None:
    rows = [row | {"Name": f"00{i}", "Sweep": "12e45678"} for i, row in enumerate(example_rows(6))]
    sweep = read_export(write(tmp_path / "ids.csv", rows), sweep="12e45678")
    assert [trial.name for trial in sweep.trials][:2] == ["000", "001"]


def rows_with(names: Sequence[str], n: int = 8) -> list[dict[str, Any]]:
    """Return runs with one parameter and these outcomes."""
    rng = np.random.default_rng(1)
    rates = rng.uniform(1e-4, 1e-1, n)
    return [
        run(i, {"lr": rates[i]}, {name: rng.random() for name in ("epoch", *names)})
        for i in range(n)
    ]


@pytest.mark.parametrize(
    ("names", "metric", "goal"),
    [
        (["loss", "val_loss", "val/dice"], "val/dice", "maximize"),
        (["val_dice", "val_dice_coefficient", "val_iou"], METRIC, "maximize"),
        (["val_dice.max", "val_loss"], "val_dice.max", "maximize"),
        (["val_dice", "val_dice.max"], "val_dice", "maximize"),
        (["train_loss", "valid_loss"], "valid_loss", "minimize"),
        (["accuracy"], "accuracy", "maximize"),
        (["val.rmse", "grad_norm"], "val.rmse", "minimize"),
    ],
)
def test_the_metric_is_inferred_from_its_name(
    tmp_path: Path, names: list[str], metric: str, goal: str
) -> None:
    sweep = read_export(write(tmp_path / "runs.csv", rows_with(names)))
    assert (sweep.metric, sweep.goal, list(sweep.varied)) == (metric, goal, ["lr"])


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (
            ["val_loss", "val_iou"],
            r"found 2 columns that may be the metric \(val_loss, val_iou\), expected one; choose "
            r"one with --metric$",
        ),
        (["val_dice_soft", "val_dice_pooled"], r"\(val_dice_soft, val_dice_pooled\)"),
        (["steps"], r"found no column that looks like a metric \(epoch, steps\); choose one with"),
    ],
)
def test_an_ambiguous_metric_is_an_error(tmp_path: Path, names: list[str], sentence: str) -> None:
    path = write(tmp_path / "runs.csv", rows_with(names))
    with pytest.raises(UserError, match=sentence):
        read_export(path)
    sweep = read_export(path, metric=names[0], goal="minimize")
    assert (sweep.metric, sweep.goal, len(sweep.finished)) == (names[0], "minimize", 8)


def test_requested_columns_must_exist(tmp_path: Path) -> None:
    path = write(tmp_path / "runs.csv", rows_with(["val_dice"]))
    with pytest.raises(UserError, match="found no column val_accuracy, expected one of Name, St"):
        read_export(path, metric="val_accuracy")
    with pytest.raises(UserError, match="found no column rate, expected one of Name, State"):
        read_export(path, parameters=["rate"])
    write_yaml(tmp_path / "sweep.yaml", SWEEP)
    with pytest.raises(UserError) as error:
        read_export(path, sweep_config=tmp_path / "sweep.yaml", metric="val_dice")
    assert str(error.value) == (
        f"{path}: found no values of batch_size, learning_rate, dropout, l2_reg, expected "
        "parameters among lr; name them with --parameters, or give the sweep's own configuration "
        "with --sweep-config"
    )
    with pytest.raises(UserError, match=f"found no value of the metric {METRIC} in any of "):
        read_export(path, sweep_config=tmp_path / "sweep.yaml")


def test_columns_of_the_option_parameters_are_parameters(tmp_path: Path) -> None:
    rows = [
        row | {"loss_mix": i / 10, "val/weight": i} for i, row in enumerate(rows_with(["dice"]))
    ]
    path = write(tmp_path / "runs.csv", rows)
    assert list(read_export(path, metric="dice").varied) == ["lr"]
    sweep = read_export(path, parameters=["loss_mix", "val/weight"], metric="dice")
    assert list(sweep.varied) == ["loss_mix", "val/weight"]
    assert "loss_mix" not in sweep.trials[0].outcomes


def test_an_unknown_column_is_a_parameter_if_it_precedes_outcomes_and_failed_rows_have_it(
    tmp_path: Path,
) -> None:
    """`mixup` is a parameter once a failed row has it too; `cells` and `zeal` are outcomes."""
    rng = np.random.default_rng(2)
    rows = []
    for i in range(12):
        config = {"lr": rng.uniform(1e-4, 1e-1), "mixup": rng.random(), "stages": 2 + i % 3}
        summary = {"val_dice": rng.random(), "cells": rng.uniform(80, 90), "zeal": rng.random()}
        rows.append(run(i, config, summary))
    path = tmp_path / "runs.csv"
    assert set(read_export(write(path, rows)).varied) == {"lr", "stages"}
    rows[4] |= {"State": "failed", "val_dice": None, "cells": None, "zeal": None}
    sweep = read_export(write(path, rows))
    assert set(sweep.varied) == {"lr", "stages", "mixup"}
    assert {"cells", "zeal"} <= set(sweep.trials[0].outcomes)


def test_text_that_repeats_is_a_categorical_parameter(tmp_path: Path) -> None:
    rows = rows_with(["val_dice"])
    for i, row in enumerate(rows):
        row |= {"optimizer": ["adam", "sgd"][i % 2], "augment": str(i % 3 == 0)}
        row |= {"note_of_mine": f"try {i}", "checkpoint": ["a.pt", "b.pt"][i % 2]}
        row |= {"channels": json.dumps([16, 32] if i % 2 else [32, 64])}
    space = read_export(write(tmp_path / "runs.csv", rows)).space
    assert space["optimizer"] == Categorical(values=["adam", "sgd"])
    assert space["augment"] == Categorical(values=[False, True])
    assert space["channels"] == Categorical(values=["[16, 32]", "[32, 64]"])
    assert set(space) == {"lr", "optimizer", "augment", "channels"}


def test_a_logged_learning_rate_is_not_a_second_parameter(tmp_path: Path) -> None:
    rows = rows_with(["val_dice"])
    for row in rows:
        row |= {"learning_rate": row["lr"] * 0.01, "lr-Adam": row["lr"], "train/lr": row["lr"]}
    assert list(read_export(write(tmp_path / "runs.csv", rows)).varied) == ["lr"]


def test_a_key_that_most_runs_lack_is_not_a_parameter(tmp_path: Path) -> None:
    rows = rows_with(["val_dice"])
    rows[0]["weight_decay"] = 0.01
    sweep = read_export(write(tmp_path / "runs.csv", rows))
    assert len(sweep.trials) == 8
    assert sweep.left_out == {"values of weight_decay, which most runs lack": 1}


def test_the_second_of_two_columns_with_the_same_name_is_an_outcome(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    lines = ["Name,State,epochs,lr,epochs,val_dice"]
    lines += [f"run-{i},finished,40,0.{i + 1},{30 + i},0.{50 + i}" for i in range(6)]
    path.write_text("\n".join(lines) + "\n")
    sweep = read_export(path)
    assert sweep.space["epochs"] == Constant(value=40)
    assert [trial.outcomes["epochs.copy"] for trial in sweep.trials] == [30, 31, 32, 33, 34, 35]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 5, 9, 14, 20, 30, 41, 55], IntUniform(min=1, max=55)),
        ([0.1, 0.2, 0.1, 0.2, 0.1, 0.2, 0.1, 0.2], Categorical(values=[0.1, 0.2])),
        ([-1.5, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 99.5], Uniform(min=-1.5, max=99.5)),
        ([3.0, 2.0, 3.0, 2.0, 3.0, 2.0, 3.0, 2.0], Categorical(values=[2, 3])),
    ],
)
def test_the_distribution_is_inferred_from_the_values(
    tmp_path: Path, values: list[float], expected: object
) -> None:
    rows = [{**row, "gamma": v} for row, v in zip(rows_with(["val_dice"]), values, strict=True)]
    assert read_export(write(tmp_path / "runs.csv", rows)).space["gamma"] == expected


def test_whole_batch_sizes_are_categorical(tmp_path: Path) -> None:
    rows = [{**row, "batch": 3 * i + 5} for i, row in enumerate(rows_with(["val_dice"]))]
    space = read_export(write(tmp_path / "runs.csv", rows)).space
    assert space["batch"] == Categorical(values=[5, 8, 11, 14, 17, 20, 23, 26])


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "found 0 rows of 0 columns, expected one row for each run"),
        ("Name,State\n", "found 0 rows of 2 columns, expected one row for each run"),
        ("Name;lr;dice\na;1;2\n", "found 1 rows of 1 columns, expected one row for each run and"),
        ("Name,lr\na,1,2\n", r"found a row of 3 cells \(a\), expected 2 as in the header"),
        ("Name,lr\n\xe9,\xff\n", "cannot be read as CSV"),
        (
            "Name,State,lr,dice\na,running,1,\nb,pending,2,\n",
            r"found no usable run \(state running: 1; state pending: 1\), expected runs that have",
        ),
    ],
)
def test_a_file_that_is_not_a_table_of_runs_is_an_error(
    tmp_path: Path, content: str, sentence: str
) -> None:
    path = tmp_path / "export.csv"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(UserError, match=f"export.csv: {sentence}"):
        read_export(path)


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"method": "grid"}, "found no table 'parameters', expected a sweep configuration for"),
        (
            {"parameters": {"lr": {"min": "1e-5", "max": 1.0}}},
            "parameters.lr.min: found the text '1e-5', expected a number; remove the quotes",
        ),
        ({"parameters": {"lr": {"low": 1}}}, "parameters.lr: found only .'low'., expected 'val"),
        (
            {"parameters": {"lr": {"value": 1}}, "metric": {"name": "dice", "goal": "max"}},
            "metric.goal: found 'max', expected maximize or minimize",
        ),
        ({"parameters": {}, "metric": "dice"}, "metric: found 'dice', expected a table with"),
    ],
)
def test_an_invalid_sweep_configuration_is_an_error(
    tmp_path: Path, config: dict[str, Any], sentence: str
) -> None:
    path = write(tmp_path / "runs.csv", rows_with(["val_dice"]))
    write_yaml(tmp_path / "sweep.yaml", config)
    with pytest.raises(UserError, match=f"sweep.yaml: {sentence}"):
        read_export(path, sweep_config=tmp_path / "sweep.yaml")
