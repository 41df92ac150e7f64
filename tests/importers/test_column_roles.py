"""Columns of a CSV export become parameters or outcomes by name, place and values."""

import json
from pathlib import Path

import numpy as np

from export_example import rows_with, run, write
from segsweep.config.search_space import Categorical, Constant
from segsweep.importers.csv_export import read_export


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
    assert list(sweep.varied) == ["lr"]
    assert sweep.notes[0] == (
        "weight_decay was not used as a parameter: 7 of 8 runs have no value of it. With "
        "--parameters it is used, and these runs are left out."
    )


def test_the_second_of_two_columns_with_the_same_name_is_an_outcome(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    lines = ["Name,State,epochs,lr,epochs,val_dice"]
    lines += [f"run-{i},finished,40,0.{i + 1},{30 + i},0.{50 + i}" for i in range(6)]
    path.write_text("\n".join(lines) + "\n")
    sweep = read_export(path)
    assert sweep.space["epochs"] == Constant(value=40)
    assert [trial.outcomes["epochs.copy"] for trial in sweep.trials] == [30, 31, 32, 33, 34, 35]
