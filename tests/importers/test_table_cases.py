"""Each kind of table that people have gives the right answer, or a sentence with a way out."""

import re
from pathlib import Path
from typing import Any

import pytest

import table_cases as c
from random_tables import METRIC
from segsweep.analysis.completed_sweep import CompletedSweep
from segsweep.config.search_space import Categorical
from segsweep.core.errors import UserError
from segsweep.importers.aliases import with_standard_names
from segsweep.importers.csv_export import read_export

SEARCHED = {"batch_size", "learning_rate", "dropout", "l2_reg"}

CONFIG = """
method: bayes
metric: {name: val_dice, goal: maximize}
parameters:
  batch_size: {values: [2, 4, 8, 16]}
  learning_rate: {distribution: log_uniform_values, min: 0.00001, max: 0.1}
  dropout: {min: 0.0, max: 0.5}
  l2_reg: {distribution: log_uniform_values, min: 0.0000001, max: 0.01}
"""


def read(folder: Path, edit: c.Edit, config: str = "", **options: Any) -> CompletedSweep:
    table = c.base()
    edit(table.rows)
    (folder / "export.csv").write_bytes(table.content())
    if config:
        (folder / "sweep.yaml").write_text(config)
        options["sweep_config"] = folder / "sweep.yaml"
    return with_standard_names(read_export(folder / "export.csv", **options))


def best(sweep: CompletedSweep) -> str:
    better = max if sweep.goal == "maximize" else min
    return better(sweep.finished, key=lambda trial: trial.value or 0).name


ALIKE: dict[str, c.Edit] = {
    "plain": lambda rows: None,
    "names with dots": c.renamed(
        batch_size="data.batch_size",
        learning_rate="optim.lr",
        l2_reg="optim.weight_decay",
        dropout="model.dropout",
        val_dice="val/dice",
    ),
    "names with slashes": c.renamed(
        batch_size="data/batch_size",
        learning_rate="optim/lr",
        l2_reg="optim/weight_decay",
        dropout="model/dropout",
        val_dice="val/dice",
    ),
    "short names": c.renamed(
        batch_size="bsize", learning_rate="lr", l2_reg="wd", val_dice="val_dicecldice"
    ),
    "names of a training": c.both(
        c.renamed(batch_size="train_batch_size", learning_rate="train_lr", epochs="max_epoch"),
        c.renamed(val_dice="Validation Dice", train_loss="Train Loss"),
    ),
    "prefixes of a data frame": c.renamed(
        batch_size="config.batch_size",
        learning_rate="config.learning_rate",
        l2_reg="config.l2_reg",
        dropout="config.dropout",
        val_dice="summary.val_dice",
    ),
    "Keras": c.both(
        c.renamed(train_loss="loss", val_dice="val_dice_coefficient"),
        c.set_cells("dice_coefficient", lambda i, row: 0.9 + i / 1000),
    ),
    "percentages": c.set_cells(METRIC, lambda i, row: f"{round(100 * row[METRIC], 4)}%"),
    "percentages without a sign": c.set_cells(METRIC, lambda i, row: round(100 * row[METRIC], 4)),
    "dropout in percent": c.set_cells("dropout", lambda i, row: round(100 * row["dropout"], 4)),
    "another unknown run without a metric": c.set_cell(METRIC, "-", 20),
    "infinite metrics": c.set_cell(METRIC, "Infinity", 20),
    "a crashed run with a high value": c.set_cell("State", "crashed", 20),
    "the same runs twice": c.again(10, Tags="seen", Runtime=901),
    "rows twice": c.again(6),
    "a repeated header": lambda rows: rows.insert(12, {name: name for name in rows[0]}),
    "seeds": c.set_cells("seed", c.choose(0, 1, 2)),
    "folds": c.set_cells("fold", c.choose(0, 1, 2, 3, 4)),
    "other metrics of test images": c.set_cells("test_dice", c.choose(0.9, 0.8, 0.7)),
    "an index and failed runs without results": c.both(
        lambda rows: rows.__setitem__(slice(None), [{"": i, **r} for i, r in enumerate(rows)]),
        c.set_cells("State", lambda i, row: "failed" if i > 20 else "finished"),
        c.set_cells(METRIC, lambda i, row: "" if i > 20 else row[METRIC]),
        c.set_cells("train_loss", lambda i, row: "" if i > 20 else row["train_loss"]),
        c.set_cells("val_loss", lambda i, row: "" if i > 20 else row["val_loss"]),
        c.set_cells("epoch", lambda i, row: "" if i > 20 else 39),
    ),
    "hardware": c.both(
        c.set_cells("gpu_type_x", c.choose("A100", "V100")),
        c.set_cells("num_workers", c.choose(4, 8)),
    ),
    "a chart's smoothing": c.set_cells("val_dice (stderr)", c.choose(0.01, 0.02)),
}


@pytest.mark.parametrize("name", ALIKE)
def test_tables_that_show_the_same_runs(tmp_path: Path, name: str) -> None:
    """Whatever the columns are called, run-1 is the best and four parameters were searched."""
    sweep = read(tmp_path, ALIKE[name])
    assert set(sweep.varied) == SEARCHED
    assert sweep.goal == "maximize"
    assert best(sweep) == "run-1"
    first = next(trial for trial in sweep.trials if trial.name == "run-1")
    row = c.base().rows[0]
    assert first.value == pytest.approx(row[METRIC], rel=1e-12)
    assert first.parameters == pytest.approx(first.parameters | {n: row[n] for n in SEARCHED})


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
@pytest.mark.parametrize(
    ("separator", "comma"), [(";", True), (";", False), ("\t", True), (",", True)]
)
def test_files_of_spreadsheets(tmp_path: Path, encoding: str, separator: str, comma: bool) -> None:
    table = c.base()
    table.separator, table.comma, table.encoding = separator, comma, encoding
    table.rows[3]["Notes"] = "größer"
    (tmp_path / "export.csv").write_bytes(table.content())
    sweep = with_standard_names(read_export(tmp_path / "export.csv"))
    assert [trial.value for trial in sweep.trials] == [
        table.truth[int(trial.seconds or 0)][METRIC] for trial in sweep.trials
    ]
    assert set(sweep.varied) == SEARCHED
    assert ("decimal commas" in " ".join(sweep.notes)) == comma
    assert ("Windows-1252" in " ".join(sweep.notes)) == (encoding == "cp1252")


METRICS = {
    "val_surface_distance": "minimize",
    "val_asd": "minimize",
    "val/hd95": "minimize",
    "val_hausdorff_distance_95": "minimize",
    "val_fpr": "minimize",
    "val_dice_loss": "minimize",
    "val_error_rate": "minimize",
    "val_false_negative_rate": "minimize",
    "val_1-dice": "minimize",
    "val_ece": "minimize",
    "val_positive_predictive_value": "maximize",
    "metrics/mAP50(B)": "maximize",
    "Dice (val)": "maximize",
    "val_iou": "maximize",
    "valid_mIoU": "maximize",
    "val_sensitivity": "maximize",
    "val_surface_dice": "maximize",
    "val_JaccardIndex": "maximize",
    "val_f1_score": "maximize",
}


@pytest.mark.parametrize(("metric", "goal"), METRICS.items())
def test_the_direction_of_a_metric(tmp_path: Path, metric: str, goal: str) -> None:
    """A training loss in the same table is never chosen."""
    sweep = read(tmp_path, c.both(c.renamed(val_dice=metric), c.without("val_loss")))
    assert (sweep.metric, sweep.goal) == (metric, goal)


OTHER_PROGRAMS = [
    (c.comet, "metric: val_dice", {"batch_size", "learning_rate"}),
    (c.neptune, "metrics/val_dice (last)", {"batch_size", "learning_rate"}),
    (c.tensorboard, "metric/val_dice", {"batch_size", "learning_rate"}),
    (c.mlflow, "metrics.val_dice", {"batch_size", "learning_rate", "dropout"}),
    (c.nested_json, METRIC, SEARCHED),
]


@pytest.mark.parametrize(("edit", "metric", "searched"), OTHER_PROGRAMS)
def test_tables_of_other_programs(
    tmp_path: Path, edit: c.Edit, metric: str, searched: set[str]
) -> None:
    sweep = read(tmp_path, edit)
    assert (sweep.metric, set(sweep.varied)) == (metric, searched)
    assert len(sweep.finished) >= 23


READ_OTHERWISE: list[tuple[c.Edit, str]] = [
    (c.set_cells("fold", c.choose(0, 1, 2)), "only in fold are repetitions of one configuration"),
    (c.set_cells("data_seed", c.choose(0, 1)), "only in data_seed are repetitions"),
    (c.set_cells("gpu_type_x", c.choose("A100", "V100")), "Varies, and is not used: gpu_type_x."),
    (c.set_cells("zeal", lambda i, row: i / 7), "results of the trainings, not as .*: .*zeal"),
    (c.none_is_best, "dropout is empty in 8 runs, which was read as 0"),
    (c.set_cells("scheduler", c.choose("none", "cosine")), "scheduler is empty in 12 runs, .*none"),
    (
        c.set_cells("momentum", lambda i, row: "" if i % 2 else 0.7 + i / 100),
        "momentum was not used as a parameter: 12 of 24 runs have no value",
    ),
    (c.set_cells("image_size", c.choose("1,024", "512")), "Commas mark thousands: 1,024 was read"),
    (c.set_cells(METRIC, lambda i, row: 100 * row[METRIC]), "divided by 100: val_dice"),
    (c.set_cells("dropout", lambda i, row: 100 * row["dropout"]), "dropout was read as percent"),
    (c.set_cells("random_state", c.choose(0, 1)), "only in random_state are repetitions"),
    (c.set_cells("grad_clip", c.choose("", 1.0, 5.0)), "grad_clip is empty in 8 runs, .* none"),
    (c.early, "8 of 24 runs ended at epoch 4 of 39, .*their values are not used"),
    (
        c.both(c.without("epoch"), c.set_cells("_step", c.choose(99, 999, 999))),
        "8 of 24 runs ended at step 99 of 999, .*their values are not used",
    ),
    (
        c.both(c.without("epoch"), c.set_cells("epochs_run", c.choose(5, 40, 40))),
        "8 of 24 runs ended at epoch 5 of 40, .*their values are not used",
    ),
    (
        c.set_cells("epoch", lambda i, row: 39 if i < 12 else i - 6),
        "12 of 24 runs ended at epochs 6 to 17 of 39, .*; their values are used",
    ),
    (
        c.both(c.renamed(val_dice="Average Dice Score"), c.without("val_loss")),
        "The metric Average Dice Score was inferred; its name does not say",
    ),
]


@pytest.mark.parametrize("cells", [["[0.7, 0.6]", "[0.8, 0.7]"], ["True", "False"], ["max"]])
def test_a_second_column_of_a_metric_without_numbers(tmp_path: Path, cells: list[str]) -> None:
    """The column is not used if another one has the metric's numbers; else it is refused."""
    sweep = read(tmp_path, c.set_cells("val_dice_per_class", c.choose(*cells)))
    assert (sweep.metric, set(sweep.varied)) == (METRIC, SEARCHED)
    with pytest.raises(UserError, match="in the column val_dice, expected numbers; correct"):
        read(tmp_path, c.set_cells(METRIC, c.choose(*cells)))


@pytest.mark.parametrize(("edit", "note"), READ_OTHERWISE, ids=[n for _, n in READ_OTHERWISE])
def test_what_is_not_obvious_is_stated(tmp_path: Path, edit: c.Edit, note: str) -> None:
    sweep = read(tmp_path, edit)
    assert any(re.search(note, text) for text in sweep.notes), sweep.notes
    assert len(sweep.trials) == 24


def test_none_is_a_setting(tmp_path: Path) -> None:
    sweep = read(tmp_path, c.none_is_best)
    assert sweep.space["dropout"] == Categorical(values=[0, 0.2, 0.5])
    assert best(sweep) == "run-1"
    quoted = CONFIG.replace("{min: 0.0, max: 0.5}", "{values: ['None', 0.2, 0.5]}")
    sweep = read(tmp_path, c.none_is_best, quoted)
    assert {trial.parameters["dropout"] for trial in sweep.trials[:24]} == {"None", 0.2, 0.5}
    sweep = read(tmp_path, c.set_cells("scheduler", c.choose("none", "cosine", "step")))
    assert sweep.space["scheduler"] == Categorical(values=["cosine", "none", "step"])


def test_runs_that_ended_early_have_no_value(tmp_path: Path) -> None:
    sweep = read(tmp_path, c.early)
    assert len(sweep.finished) == 16
    assert {trial.status for trial in sweep.trials} == {"finished", "pruned"}


def test_steps_that_depend_on_the_batch_size_are_no_early_ends(tmp_path: Path) -> None:
    edit = c.set_cells("_step", lambda i, row: 16000 // row["batch_size"])
    assert len(read(tmp_path, c.both(c.without("epoch"), edit)).finished) == 24


def test_replicates_are_no_parameters_unless_they_are_named(tmp_path: Path) -> None:
    edit = c.set_cells("fold", c.choose(0, 1, 2))
    assert "fold" not in read(tmp_path, edit).space
    config = CONFIG + "  fold: {values: [0, 1, 2]}\n"
    assert set(read(tmp_path, edit, config).varied) == SEARCHED


def test_cells_with_json_are_opened(tmp_path: Path) -> None:
    sweep = read(tmp_path, c.json_column)
    assert set(sweep.varied) == {*SEARCHED, "optimizer"}
    assert sweep.space["optimizer"] == Categorical(values=["adam", "sgd"])


def test_optimizers_in_several_cases_are_one(tmp_path: Path) -> None:
    edit = c.set_cells("optimizer", c.choose("adam", "Adam", "SGD"))
    assert read(tmp_path, edit).space["optimizer"] == Categorical(values=["adam", "sgd"])
    values = "{values: [adam, Adam, SGD], probabilities: [0.25, 0.25, 0.5]}"
    typed = read(tmp_path, edit, CONFIG + f"  optimizer: {values}\n").space["optimizer"]
    assert typed == Categorical(values=["adam", "sgd"], probabilities=[0.5, 0.5])


def test_a_few_cells_of_text_leave_their_runs_out(tmp_path: Path) -> None:
    for column, text in (("learning_rate", "1e-4 (restarted)"), ("batch_size", "auto")):
        sweep = read(tmp_path, c.set_cell(column, text))
        assert set(sweep.varied) == SEARCHED
        reason = f"{column} that is not a number ({text!r} of run-6)"
        assert sweep.left_out == {reason: 1}


def test_a_table_of_optuna(tmp_path: Path) -> None:
    sweep = read(tmp_path, c.optuna, metric="value", goal="maximize")
    assert set(sweep.varied) == {"batch_size", "learning_rate", "dropout"}
    assert len(sweep.finished) == 24


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        (c.set_cell(METRIC, "diverged"), "val_dice of run-6: found 'diverged', expected a number"),
        (
            c.set_cells(METRIC, lambda i, row: "bad"),
            "found .bad. in the column val_dice, expected",
        ),
        (
            c.set_cell(METRIC, 97.0),
            "val_dice of run-6: found 97 where other runs have 0.*one scale",
        ),
        (
            c.set_cells(METRIC, lambda i, row: 300 + i),
            r"val_dice of run-\d+: found 3\d\d .* one scale",
        ),
        (
            c.set_cells(METRIC, lambda i, row: -row[METRIC]),
            "found -0.*; correct the value, or give ",
        ),
        (c.set_cell("dropout", 40.0), "dropout of run-6: found 40 in a column of .* one scale"),
        (
            c.set_cells("batch_size", c.choose("auto", 4, 8)),
            r"batch_size of run-\d+ is 'auto': found 8 of 24 values of batch_size that are not",
        ),
        (
            c.both(c.renamed(val_dice="val_dice_gap"), c.without("val_loss", "train_loss")),
            "looks like a metric .*--goal",
        ),
        (
            c.both(c.renamed(val_dice="train_dice"), c.without("val_loss")),
            r"found only measures of training or test images \(train_loss, train_dice\)",
        ),
        (
            c.both(c.renamed(val_dice="test_dice"), c.without("val_loss")),
            r"found only measures of training or test images \(train_loss, test_dice\)",
        ),
        (
            c.renamed(val_dice="Average Dice Score"),
            r"\(val_loss, Average Dice Score\), expected one",
        ),
        (
            c.set_cells("best_val_dice", c.choose(0.8, 0.9)),
            r"\(val_dice, best_val_dice\), expected one",
        ),
        (c.chart, "found the export of a chart .run-0 - val_dice__MIN.*one row for each run"),
        (c.grouped, "found a table of groups .row Group: lr 0 is a group of 3 runs.*; ungroup"),
        (
            c.set_cells("Run Count", c.choose(6)),
            "a table of groups .row run-1 is a group of 6",
        ),
        (c.dictionaries, "found a Python dictionary in one cell .*pandas.json_normalize"),
        (
            c.optuna,
            "found no column that looks like a metric .value.; choose one with --metric and",
        ),
        (c.set_cells("Sweep", c.choose("a", "b")), "found 2 sweeps .*; choose one with --sweep"),
    ],
)
def test_what_is_not_certain_is_refused(tmp_path: Path, edit: c.Edit, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        read(tmp_path, edit)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (", goal: maximize", "", "found no goal of the metric val_dice .*; give --goal maximize"),
        (
            "maximize",
            "minimize",
            "found the goal minimize for the metric val_dice .* --goal maximi",
        ),
        ("val_dice,", "val_dice_coef,", "found no value of the metric val_dice_coef in any of 24"),
        (
            "{min: 0.0, max: 0.5}",
            "{min: 0, max: 1}",
            r"dropout of run-\d+: found 0.*, expected whole numbers .*; write 0.0 and 1.0 there",
        ),
        ("min: 0.00001, max: 0.1", "min: 1, max: 2", "no run with a value that the sweep's config"),
    ],
)
def test_configurations_that_do_not_fit(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        read(tmp_path, lambda rows: None, CONFIG.replace(old, new))


def test_options_decide_what_is_refused(tmp_path: Path) -> None:
    def plain(rows: Any) -> None:
        pass

    config = CONFIG.replace(", goal: maximize", "")
    assert best(read(tmp_path, plain, config, goal="maximize")) == "run-1"
    edit = c.set_cells(METRIC, lambda i, row: -row[METRIC])
    assert best(read(tmp_path, edit, goal="minimize")) == "run-1"
    edit = c.both(c.renamed(val_dice="train_dice"), c.without("val_loss"))
    assert best(read(tmp_path, edit, metric="train_dice")) == "run-1"
    edit = c.renamed(val_dice="zeal")
    assert best(read(tmp_path, edit, metric="zeal", goal="maximize")) == "run-1"


@pytest.mark.parametrize(
    "config",
    [
        CONFIG,
        CONFIG.replace("val_dice,", "val/dice,"),
        CONFIG + "  model_name: {values: [Unet]}\n",
        CONFIG + "  epochs: {value: 40}\nearly_terminate: {type: hyperband, min_iter: 5}\n",
        CONFIG.replace("[2, 4, 8, 16]", "[2, 4, 8, 16.0]"),
        CONFIG.replace("0.00001, max: 0.1", "1e-5, max: 1e-1"),
        CONFIG.replace("{distribution: log_uniform_values, min: 0.00001", "{min: 0.00001"),
        CONFIG.replace("values, min: 0.00001, max: 0.1", ", min: -11.5, max: -2.3", 1).replace(
            "log_uniform_,", "log_uniform,"
        ),
    ],
)
def test_configurations_that_fit(tmp_path: Path, config: str) -> None:
    sweep = read(tmp_path, lambda rows: None, config)
    assert set(sweep.varied) == SEARCHED
    assert (best(sweep), len(sweep.trials), sweep.left_out) == ("run-1", 24, {})
