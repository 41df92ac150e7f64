"""Metric, goal, sweep and distributions are inferred from a CSV export."""

from pathlib import Path

import pytest

from export_example import METRIC, example_rows, rows_with, write
from segsweep.config.distributions import IntUniform, Uniform
from segsweep.config.search_space import Categorical
from segsweep.core.errors import UserError
from segsweep.importers.csv_export import read_export


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


def test_runs_without_a_sweep_are_one_sweep(tmp_path: Path) -> None:
    rows = [row | {"Sweep": "-" if row["Runtime"] % 2 else ""} for row in example_rows(8)]
    path = write(tmp_path / "runs.csv", rows)
    assert len(read_export(path).trials) == 8
    with pytest.raises(UserError, match="found no sweep x, expected one of none"):
        read_export(path, sweep="x")


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
