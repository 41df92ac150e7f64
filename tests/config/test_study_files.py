"""Files of studies as people write them: each is read right, or refused in one sentence."""

from pathlib import Path

import pytest

from segsweep.config.search_space import Constant
from segsweep.config.study import Study
from segsweep.core.errors import UserError

HEAD = """\
batch_size: 4
learning_rate: 0.003
dropout: 0.1
l2_reg: 0.00001
epochs: 3
model: {base_channels: 8, depth: 3}
"""


def read(folder: Path, text: str, encoding: str = "utf-8") -> Study:
    path = folder / "study.yaml"
    path.write_bytes(text.encode(encoding))
    return Study.read(str(path))


def parameter(spec: str, name: str = "learning_rate") -> str:
    return f"{HEAD}sweep:\n  parameters:\n    {name}: {spec}\n"


REPORT = """
sweep:
  program: train.py
  name: unet
  method: bayes
  metric: {name: val_dice_coefficient, goal: maximize}
  command: ['${env}', '${interpreter}', '${program}', '${args}']
  parameters:
    batch_size: {values: [16, 32, 64, 128]}
    learning_rate: {distribution: uniform, min: 0.00008, max: 0.0015}
    epochs: {value: 40}
    input_shape: {value: [256, 256, 1]}
    task: {value: segmentation}
"""


def test_a_sweep_of_wandb_can_be_pasted(tmp_path: Path) -> None:
    study = read(tmp_path, HEAD + REPORT)
    assert list(study.sweep.parameters) == ["batch_size", "learning_rate", "epochs"]
    assert study.sweep.parameters["epochs"] == Constant(value=40)
    native = (
        HEAD
        + """
preprocess: {input_shape: [256, 256, 1]}
sweep:
  method: bayes
  metric: {name: val_dice_coefficient, goal: maximize}
  parameters:
    batch_size: {values: [16, 32, 64, 128]}
    learning_rate: {distribution: uniform, min: 0.00008, max: 0.0015}
    epochs: {value: 40}
"""
    )
    assert study.to_params() == read(tmp_path, native).to_params()


def test_constants_of_a_pasted_sweep_go_where_they_belong(tmp_path: Path) -> None:
    text = HEAD + REPORT.replace("[256, 256, 1]", "[128, 128, 1]").replace(
        "  name: unet", "  project: seg\n  run_cap: 30"
    )
    study = read(tmp_path, text)
    assert study.preprocess.input_shape == [128, 128, 1]
    assert (study.wandb.project, study.sweep.trials) == ("seg", 30)
    with pytest.raises(UserError) as caught:
        read(tmp_path, f"{text}preprocess: {{input_shape: [256, 256, 1]}}\n")
    assert str(caught.value) == (
        f"{tmp_path}/study.yaml: sweep.parameters.input_shape.value: found [128, 128, 1], and "
        "preprocess.input_shape [256, 256, 1], expected one value; delete one of them"
    )


GRID = (
    HEAD
    + """
sweep:
  method: grid
  parameters:
    batch_size: {values: [2, 4, 8, 16]}
    learning_rate: {values: [0.01, 0.001, 0.0001]}
    dropout: {values: [0.0, 0.2, 0.4]}
"""
)


def test_a_grid_has_all_its_configurations_unless_trials_are_given(tmp_path: Path) -> None:
    study = read(tmp_path, GRID)
    assert (study.trial_count, study.untried) == (36, "")
    assert Study.parse(study.to_params()).trial_count == 36
    study = read(tmp_path, GRID + "  trials: 20\n")
    assert study.trial_count == 20
    assert study.untried == (
        "sweep.trials is 20, the grid has 36 configurations; never tried: batch_size 16"
    )
    enqueued = "{batch_size: 2, learning_rate: 0.01, dropout: 0.0}"
    assert read(tmp_path, f"{GRID}  enqueue: [{enqueued}]\n").trial_count == 37
    long = GRID.replace("[2, 4, 8, 16]", str(list(range(1, 301))))
    with pytest.raises(UserError, match="a grid of 2700 configurations, expected at most 2000"):
        read(tmp_path, long)


@pytest.mark.parametrize(
    "spec",
    [
        "{distribution: log_uniform, min: -9.9, max: -4.6}",
        "{distribution: log_uniform_values, min: 1e-5, max: 1e-1}",
        "{distribution: inv_log_uniform, min: 4.6, max: 9.9}",
        "{values: [1e-2, 1e-3, 1e-4]}",
        "{value: 0.01}",
        "{values: [0.01]}",
    ],
)
def test_forms_of_a_learning_rate(tmp_path: Path, spec: str) -> None:
    rate = read(tmp_path, parameter(spec)).sweep.parameters["learning_rate"]
    values = getattr(rate, "values", [getattr(rate, "low", 0.01), getattr(rate, "high", 0.01)])
    assert all(1e-6 < value < 0.2 for value in values)


@pytest.mark.parametrize(
    ("text", "encoding", "batch_size"),
    [
        (HEAD, "utf-8-sig", 4),
        (HEAD.replace("\n", "\r\n"), "utf-8", 4),
        (HEAD.replace("size: 4", "size: 1_6"), "utf-8", 16),
        (HEAD.replace("size: 4", "size: 0x10"), "utf-8", 16),
        (HEAD.replace("0.003", "3e-3"), "utf-8", 4),
        (HEAD + "training: {mixed_precision: yes}\n", "utf-8", 4),
        (
            parameter("&c {distribution: uniform, min: 0.0, max: 0.4}", "dropout")
            + "    augmentation: *c\n",
            "utf-8",
            4,
        ),
    ],
)
def test_ways_to_write_a_study(tmp_path: Path, text: str, encoding: str, batch_size: int) -> None:
    study = read(tmp_path, text, encoding)
    assert (study.batch_size, study.learning_rate) == (batch_size, 0.003)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            parameter("{distribution: log_uniform, min: 0.0001, max: 0.1}"),
            "sweep.parameters.learning_rate: found min 0.0001 and max 0.1, which log_uniform takes "
            "as exponents of e (1 to 1.105), expected logarithms; for values write distribution "
            "log_uniform_values",
        ),
        (
            parameter("{distribution: q_log_uniform, min: 16, max: 128, q: 8}", "batch_size"),
            "sweep.parameters.batch_size: found min 16.0 and max 128.0, which q_log_uniform takes "
            "as exponents of e (8.886e+06 to 3.888e+55), expected logarithms; for values write "
            "distribution q_log_uniform_values",
        ),
        (
            parameter("{distribution: log_uniform, min: 1, max: 2}", "dropout"),
            "sweep.parameters.dropout: found 2.718281828459045, expected a value that is less than "
            "1; min and max of log_uniform are exponents of e; for values write log_uniform_values",
        ),
        (
            parameter("{distribution: log_uniform, min: 0.00005, max: 1.5}"),
            "sweep.parameters.learning_rate: found min 5e-05 and max 1.5, which log_uniform takes "
            "as exponents of e (1 to 4.482), expected logarithms; for values write distribution "
            "log_uniform_values",
        ),
        (
            parameter("{distribution: log_uniform, min: 0.5, max: 3}"),
            "sweep.parameters.learning_rate: found values with the median 5.755, expected below 1; "
            "min and max of log_uniform are exponents of e; for values write log_uniform_values",
        ),
        (
            parameter("{distribution: log_normal, mu: 0.001, sigma: 0.1}"),
            "sweep.parameters.learning_rate: found mu 0.001 and sigma 0.1, expected those of "
            "logarithms (to the base e) of the values",
        ),
        (
            parameter("{distribution: uniform, min: 4, max: 32}", "batch_size"),
            "sweep.parameters.batch_size: found 4.0, expected a whole number; for whole numbers "
            "write distribution int_uniform, or one with q: 1",
        ),
        (
            parameter("{min: 0, max: 1}", "dropout"),
            "sweep.parameters.dropout: found 1, expected a value that is less than 1",
        ),
        (
            parameter("{values: [null, 0.2]}", "dropout"),
            "sweep.parameters.dropout.values.0: found nothing (null), expected a number, text, "
            "true or false; write a value, such as 0 for no dropout",
        ),
        (
            parameter("{values: [8, 8, 16]}", "batch_size"),
            "sweep.parameters.batch_size.values: found 8 twice, expected different values; delete "
            "one, and give probabilities if it should be drawn more often",
        ),
        (
            parameter("{values: [no, batch]}", "norm"),
            "sweep.parameters.norm: found False, expected 'none', 'batch' or 'group'; put text in "
            "quotes (YAML reads yes, no, on and off as true and false)",
        ),
        (
            parameter("{min: 0.0001, max: 0.1}", "lr"),
            "sweep.parameters.lr is not a hyperparameter; did you mean 'learning_rate'?",
        ),
        (
            parameter("{values: [0.1, 0.2]}", "optim.weight_decay"),
            "sweep.parameters.optim.weight_decay is not a hyperparameter; did you mean 'l2_reg'?",
        ),
        (
            HEAD.replace("size: 4", "size: 016"),
            "batch_size: found the text '016', expected a whole number; write 16 (a leading zero "
            "means octal in YAML 1.1)",
        ),
        (
            HEAD.replace("epochs: 3", "epochs: 1:30"),
            "epochs: found the text '1:30', expected a whole number",
        ),
        (
            HEAD.replace("0.003", "0,003"),
            "learning_rate: found the text '0,003', expected a number; write 0.003",
        ),
        (
            HEAD.replace("0.003", "'0.003'"),
            "learning_rate: found the text '0.003', expected a number; remove the quotes",
        ),
        (
            HEAD + "sweep:\n",
            "sweep: found nothing (null), expected a table of keys; indent its keys below it, or "
            "delete the line",
        ),
        (
            HEAD + "sweep: {metric: {name: val_dice_coefficient, goal: minimize}}\n",
            "sweep.metric.goal: found minimize, expected maximize for val_dice_coefficient",
        ),
    ],
)
def test_what_is_refused_and_what_to_do(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        read(tmp_path, text)
    assert str(caught.value) == f"{tmp_path}/study.yaml: {sentence}"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("val/dice", "val_dice_coefficient"),
        ("val_dice", "val_dice_coefficient"),
        ("valid_mIoU", "val_iou"),
        ("val/loss", "val_loss"),
        ("soft dice", "val_dice_soft"),
    ],
)
def test_the_metric_that_is_meant(tmp_path: Path, name: str, meant: str) -> None:
    with pytest.raises(UserError, match=f"; did you mean '{meant}'") as caught:
        read(tmp_path, f"{HEAD}sweep: {{metric: {{name: {name}}}}}\n")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "advice"),
    [
        (
            f"{HEAD}sweep:\n\tmethod: bayes\n".encode(),
            "; replace the tab at the beginning of line 8 by",
        ),
        (
            HEAD.replace("out: ", "out:\N{NO-BREAK SPACE}").encode(),
            "; replace the no-break space in line 3",
        ),
        (HEAD.encode("utf-16"), "; save it as UTF-8"),
        (f"{HEAD}epochs: 5\n".encode(), "the key 'epochs' is given twice"),
    ],
)
def test_files_that_are_not_yaml(tmp_path: Path, content: bytes, advice: str) -> None:
    (tmp_path / "study.yaml").write_bytes(content)
    with pytest.raises(UserError) as caught:
        Study.read(str(tmp_path / "study.yaml"))
    assert advice in str(caught.value)
