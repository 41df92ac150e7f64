"""Tables of runs of kinds found in public sweeps and exports, by name."""

import json
import random
from collections.abc import Callable
from typing import Any

from random_tables import METRIC, Row, Table, good_table

Edit = Callable[[list[Row]], object]


def base() -> Table:
    """Return 24 runs; run-1 is the best."""
    table = good_table(random.Random(7))
    table.rows.sort(key=lambda row: -row[METRIC])
    for i, row in enumerate(table.rows):
        row["Name"] = f"run-{i + 1}"
    return table


def set_cells(column: str, value: Callable[[int, Row], Any]) -> Edit:
    def edit(rows: list[Row]) -> None:
        for i, row in enumerate(rows):
            row[column] = value(i, row)

    return edit


def set_cell(column: str, value: Any, index: int = 5) -> Edit:
    return lambda rows: rows[index].update({column: value})


def renamed(**names: str) -> Edit:
    """Rename columns; the new names are given as text."""

    def edit(rows: list[Row]) -> None:
        for i, row in enumerate(rows):
            rows[i] = {names.get(name, name): value for name, value in row.items()}

    return edit


def without(*columns: str) -> Edit:
    def edit(rows: list[Row]) -> None:
        for i, row in enumerate(rows):
            rows[i] = {name: value for name, value in row.items() if name not in columns}

    return edit


def both(*edits: Edit) -> Edit:
    def edit(rows: list[Row]) -> None:
        for part in edits:
            part(rows)

    return edit


def choose(*values: Any) -> Callable[[int, Row], Any]:
    return lambda i, row: values[i % len(values)]


def again(count: int, **changes: Any) -> Edit:
    return lambda rows: rows.extend([{**row, **changes} for row in rows[:count]])


def early(rows: list[Row]) -> None:
    for row in rows[::3]:
        row |= {"epoch": 4, METRIC: round(row[METRIC] * 0.6, 5)}


def none_is_best(rows: list[Row]) -> None:
    for i, row in enumerate(rows):
        row["dropout"] = "" if i < 8 else [0.2, 0.5][i % 2]


def json_column(rows: list[Row]) -> None:
    for i, row in enumerate(rows):
        optimizer = {"name": ["adam", "sgd"][i % 2], "lr": row.pop("learning_rate")}
        row["optimizer"] = json.dumps(optimizer)


def optuna(rows: list[Row]) -> None:
    for i, row in enumerate(rows):
        rows[i] = {
            "number": i,
            "value": row[METRIC],
            "datetime_start": row["Created"],
            "params_batch_size": row["batch_size"],
            "params_lr": row["learning_rate"],
            "params_dropout": row["dropout"],
            "state": "COMPLETE",
        }


def mlflow(rows: list[Row]) -> None:
    for i, row in enumerate(rows):
        rows[i] = {
            "run_id": f"{i:032x}",
            "experiment_id": "0",
            "status": "FAILED" if i == 20 else "FINISHED",
            "artifact_uri": f"mlruns/0/{i}",
            "start_time": row["Created"],
            "metrics.train_loss": row["train_loss"],
            "metrics.val_dice": row[METRIC],
            "params.batch_size": row["batch_size"],
            "params.lr": row["learning_rate"],
            "params.dropout": row["dropout"],
            "tags.mlflow.runName": row["Name"],
        }


def comet(rows: list[Row]) -> None:
    for i, row in enumerate(rows):
        rows[i] = {
            "Experiment Key": f"{i:032x}",
            "Name": row["Name"],
            "param: lr": row["learning_rate"],
            "param: batch_size": row["batch_size"],
            "metric: val_dice": row[METRIC],
        }


def neptune(rows: list[Row]) -> None:
    for i, row in enumerate(rows):
        rows[i] = {
            "sys/id": f"P-{i}",
            "sys/state": "Idle",
            "parameters/lr": row["learning_rate"],
            "parameters/batch_size": row["batch_size"],
            "metrics/val_dice (last)": row[METRIC],
        }


def tensorboard(rows: list[Row]) -> None:
    for i, row in enumerate(rows):
        rows[i] = {
            "trial_id": f"t{i}",
            "hparam/lr": row["learning_rate"],
            "hparam/batch_size": row["batch_size"],
            "metric/val_dice": row[METRIC],
        }


def nested_json(rows: list[Row]) -> None:
    for row in rows:
        optimizer = {"lr": row.pop("learning_rate"), "wd": row.pop("l2_reg")}
        row["cfg"] = json.dumps({"optim": optimizer, "bs": row.pop("batch_size")})


def chart(rows: list[Row]) -> None:
    rows[:] = [
        {"Step": i, "run-0 - val_dice": 0.5, "run-0 - val_dice__MIN": 0.5, "run-0 - x__MAX": 0.6}
        for i in range(6)
    ]


def grouped(rows: list[Row]) -> None:
    for i, row in enumerate(rows[:6]):
        row |= {"Name": f"Group: lr {i}", "Run Count": 3, "batch_size": "2, 4, 8"}
    del rows[6:]


def dictionaries(rows: list[Row]) -> None:
    for i, row in enumerate(rows):
        summary, config = {METRIC: row[METRIC]}, {"batch_size": row["batch_size"]}
        rows[i] = {"": i, "summary": str(summary), "config": str(config), "name": row["Name"]}
