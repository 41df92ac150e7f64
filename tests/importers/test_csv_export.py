"""CSV exports of W&B's table of runs are read as completed sweeps."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from export_example import METRIC, example_rows, rows_with, write
from segsweep.config.distributions import LogUniformValues, Uniform
from segsweep.config.search_space import Categorical, Constant, contains
from segsweep.core.errors import UserError
from segsweep.core.files import write_yaml
from segsweep.importers.csv_export import read_export
from segsweep.search.sampler import posterior

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


def test_ids_that_look_like_numbers_stay_text(tmp_path: Path) -> None:
    rows = [row | {"Name": f"00{i}", "Sweep": "12e45678"} for i, row in enumerate(example_rows(6))]
    sweep = read_export(write(tmp_path / "ids.csv", rows), sweep="12e45678")
    assert [trial.name for trial in sweep.trials][:2] == ["000", "001"]


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
        "parameters among lr; name those that were searched with --parameters, or correct the "
        "sweep's configuration"
    )
    with pytest.raises(UserError, match=f"found no value of the metric {METRIC} in any of "):
        read_export(path, sweep_config=tmp_path / "sweep.yaml")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "found 0 rows of 0 columns, expected one row for each run"),
        ("Name,State\n", "found 0 rows of 2 columns, expected one row for each run"),
        ("Name:lr:dice\na:1:2\n", "found 1 rows of 1 columns, expected one row for each run and"),
        ("Name,lr\na,1,2\n", r"found a row of 3 cells \(a\), expected 2 as in the header"),
        ("PK\x03\x04,\x00\xff\n", "cannot be read as CSV .it is not text.; save the table as CSV"),
        ("Name,lr\n\xe9,\x81\n", "cannot be read as CSV"),
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
            {"parameters": {"lr": {"min": "0.1", "max": 1.0}}},
            "parameters.lr.min: found the text '0.1', expected a number; remove the quotes",
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
