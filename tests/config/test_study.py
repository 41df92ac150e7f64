"""Which studies are accepted, and the messages for those that are not."""

import json
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from dvc.utils.hydra import apply_overrides

from project import ROOT
from segsweep.config.study import Study
from segsweep.core.errors import UserError


def default_study() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "params.yaml").read_text())


def changed(path: str, value: Any) -> dict[str, Any]:
    """Return params.yaml with another value of one key, such as `sweep/trials`."""
    study = default_study()
    table = study
    *parents, last = path.split("/")
    for parent in parents:
        table = table[parent]
    table[last] = value
    return study


@pytest.mark.parametrize("name", ["params.yaml", "studies/rtx6000ada.yaml", "studies/pupils.yaml"])
def test_the_studies_of_the_project_are_valid(name: str) -> None:
    Study.read(str(ROOT / name))


def test_the_rtx6000ada_study_is_the_next_sweep_of_the_original_report() -> None:
    study = Study.read(str(ROOT / "studies/rtx6000ada.yaml"))
    raw = yaml.safe_load((ROOT / "studies/rtx6000ada.yaml").read_text())["sweep"]
    assert study.sweep.method == "bayes"
    assert raw["metric"] == {"name": "val_dice_coefficient", "goal": "maximize"}
    assert raw["parameters"] == {
        "batch_size": {"values": [16, 32, 64, 128]},
        "learning_rate": {"distribution": "uniform", "min": 0.00008, "max": 0.0015},
        "dropout": {"distribution": "uniform", "min": 0.15, "max": 0.25},
        "l2_reg": {"distribution": "uniform", "min": 0.00001, "max": 0.00015},
    }
    assert (study.epochs, study.model.task) == (40, "segmentation")
    assert study.preprocess.input_shape == [256, 256, 1]
    best = {"batch_size": 16, "learning_rate": 0.000159, "dropout": 0.2, "l2_reg": 0.00006}
    assert study.sweep.enqueue == [best]


def test_the_model_chooses_at_least_half_of_the_trials_of_params_yaml() -> None:
    sweep = Study.parse(default_study()).sweep
    assert sweep.trials >= 8
    assert sweep.trials - len(sweep.enqueue) >= sweep.trials / 2


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("sweep/trails", 3, "unknown key 'sweep.trails'; did you mean 'trials'?"),
        ("learning_rat", 0.1, "unknown key 'learning_rat'; did you mean 'learning_rate'?"),
        ("batch_size", "four", "batch_size: found the text 'four', expected a whole number"),
        ("batch_size", 2.5, "batch_size: found 2.5, expected a whole number"),
        ("batch_size", True, "batch_size: found True, expected a whole number"),
        ("learning_rate", "1e-5", "found the text '1e-5', expected a number; remove the quotes"),
        ("sweep/parameters/learning_rate/min", "1e-5", "expected a number; remove the quotes"),
        ("epochs", "010", "epochs: found the text '010', expected a whole number"),
        ("sweep/parameters/learning_rate/min", 1.0, "expected min below max"),
        ("sweep/parameters/l2_reg/min", 0, "above 0 for a logarithmic scale"),
        ("sweep/parameters/batch_size/values", [], "found 0 entries, expected at least 1"),
        ("sweep/early_terminate", {"type": "hyperban"}, "found 'hyperban', expected a table with"),
        ("sweep/early_terminate", "pace", "sweep.early_terminate: found 'pace', expected a table"),
        ("sweep/early_terminate", {"type": "hyperband"}, "expected either min_iter, or max_iter"),
        (
            "sweep/early_terminate",
            {"type": "hyperband", "min_itr": 2},
            "unknown key 'sweep.early_terminate.min_itr'; did you mean 'min_iter'?",
        ),
        ("sweep/early_terminate", {"type": "pace", "min_iter": 0}, "greater than or equal to 1"),
        ("sweep/run_cap", 30, "sweep.run_cap: found 30, and sweep.trials 10, expected one value"),
        (
            "sweep/parameters/l2_reg",
            {"distribution": "log_normal", "mu": 1000.0},
            "found mu 1000.0 and sigma 1.0, expected those of logarithms",
        ),
        ("sweep/prior_trials", "results/leaderboard.csv", "expected a file in studies/prior/"),
        ("sweep/prior_trials", "studies/prior/../x.csv", "expected a file in studies/prior/"),
        ("sweep/parameters/leraning_rate", {"value": 1}, "did you mean 'learning_rate'?"),
        ("sweep/parameters/dropout/distribution", "unifrom", "expected one of constant"),
        ("sweep/parameters/dropout/mni", 0.1, "did you mean 'min'?"),
        ("sweep/parameters/dropout/max", 1.5, "dropout: found 1.5"),
        ("sweep/parameters", {}, "sweep.parameters: found 0 entries"),
        ("sweep/parameters", 3, "sweep.parameters: found 3, expected a table of keys"),
        (
            "sweep/parameters/model",
            {"parameters": {"depht": {"value": 2}}},
            "sweep.parameters.model.depht is not a hyperparameter; did you mean 'depth'?",
        ),
        (
            "sweep/parameters/training",
            {"parameters": {"depth": {"value": 2}}},
            "sweep.parameters.training.depth is not a hyperparameter; did you mean 'depth'?",
        ),
        (
            "sweep/parameters/optimizer",
            {"parameters": {"learning_rate": {"value": 0.1}}},
            "sweep.parameters.optimizer.learning_rate is not a hyperparameter; did you mean",
        ),
        (
            "sweep/parameters",
            {"model": {"parameters": {"depth": {"value": 2}}}, "depth": {"value": 2}},
            "sweep.parameters.model.depth: found sweep.parameters.depth too, expected one of them",
        ),
        (
            "sweep/parameters/model",
            {"parameters": {}},
            "sweep.parameters.model.parameters: found {}, expected a table of parameters",
        ),
        (
            "sweep/parameters/model",
            {"parameters": {"depth": {"value": 2}}, "value": 2},
            "sweep.parameters.model: found ['value'] next to 'parameters', expected",
        ),
        (
            "sweep/parameters/model",
            {"parameters": {"depth": {"values": []}}},
            "sweep.parameters.model.depth.values: found 0 entries",
        ),
        (
            "sweep/parameters/dropout/scale",
            "log",
            "dropout: found scale log with the lower end 0, expected a lower end above 0",
        ),
        ("sweep/metric/name", "val_dice", "did you mean 'val_dice"),
        ("sweep/method", "bayesian", "did you mean 'bayes'?"),
        ("sweep/method", "grid", "expected 'value' or 'values' with method grid"),
        ("sweep/metric", {"name": "val_loss"}, "expected minimize for val_loss"),
        ("sweep/parameters/dropout/distribution", ["uniform"], "expected one of constant"),
        (
            "sweep/enqueue",
            [{"batch_size": 7, "learning_rate": 0.001, "dropout": 0.1, "l2_reg": 0.0001}],
            "sweep.enqueue[0].batch_size: found 7, expected a value that",
        ),
        ("sweep/enqueue", [{"batch_size": 4}], "expected a value for each searched parameter"),
        ("preprocess/input_shape", [250, 256, 1], "expected multiples of 8 for model.depth 3"),
        ("preprocess/percentiles", [99.0, 1.0], "expected 0 <= low < high <= 100"),
        ("preprocess/test_fraction", 0.9, "found the sum 1.1, expected less than 1"),
        ("sweep", 3, "sweep: found 3, expected a table of keys"),
        ("sweep/trials", 100_000_000, "found 100000000, expected a value that is less than or"),
        ("learning_rate", 1e308, "learning_rate: found 1e+308"),
        (
            "sweep/parameters/learning_rate",
            {"min": 5e-324, "max": 1.0},
            "found the range 4.94066e-324 to 1, expected two different numbers",
        ),
        (
            "sweep/parameters/learning_rate",
            {"min": -1e308, "max": 1e308},
            "found the range -1e+308 to 1e+308",
        ),
        (
            "sweep/parameters/learning_rate",
            {"distribution": "normal", "mu": 0.1, "sigma": 5e-324},
            "found the range 0.1 to 0.1, expected two different numbers",
        ),
        (
            "sweep/parameters/learning_rate",
            {"distribution": "q_uniform", "min": 0.1, "max": 1.0, "q": 5e-324},
            "found q 5e-324, which is too small for the range",
        ),
        ("sweep/parameters/batch_size/values", list(range(1, 1002)), "found 1001 entries"),
        ("sweep/early_terminate", {"type": "pace", "min_iter": 10**18}, "less than or equal to"),
    ],
)
def test_each_error_is_one_sentence(path: str, value: Any, expected: str) -> None:
    with pytest.raises(UserError) as caught:
        Study.parse(changed(path, value), "params.yaml")
    message = str(caught.value)
    assert expected in message
    assert len(message.splitlines()) == 1
    assert message.startswith("params.yaml: ")


def test_every_whole_number_of_a_study_has_an_upper_bound() -> None:
    def unbounded(node: Any, path: str) -> list[str]:
        if isinstance(node, list):
            return [name for part in node for name in unbounded(part, path)]
        if not isinstance(node, dict):
            return []
        is_open = node.get("type") == "integer" and not {"maximum", "exclusiveMaximum"} & set(node)
        inner = [name for key, part in node.items() for name in unbounded(part, f"{path}/{key}")]
        return [path] * is_open + inner

    schema = json.loads((ROOT / "docs/study.schema.json").read_text())
    definitions = schema["$defs"]
    sections = ("Preprocess", "Model", "Training", "Sweep", "Confirm", "Slurm", "Wandb")
    pruners = ("Hyperband", "Pace")
    for name in (*sections, *pruners):
        assert unbounded(definitions[name], name) == []
    assert unbounded(schema["properties"], "") == []


def test_nested_parameters_equal_flat_ones() -> None:
    depth, seed = {"values": [2, 3]}, {"min": 0, "max": 9}
    nested = changed(
        "sweep/parameters",
        {"model": {"parameters": {"depth": depth}}, "training": {"parameters": {"seed": seed}}},
    )
    assert Study.parse(nested) == Study.parse(
        changed("sweep/parameters", {"depth": depth, "seed": seed})
    )
    jsonschema.validate(nested, json.loads((ROOT / "docs/study.schema.json").read_text()))


def test_an_exponent_without_a_point_is_a_number(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("learning_rate: 1e-5\n")
    assert Study.read(str(path)).learning_rate == 1e-5


def test_small_numbers_that_dvc_writes_are_read(tmp_path: Path) -> None:
    """`dvc exp run -S learning_rate=0.00001` writes 1e-05 into params.yaml."""
    path = tmp_path / "params.yaml"
    shutil.copy(ROOT / "params.yaml", path)
    changes = ["learning_rate=0.00001", "sweep.parameters.l2_reg.min=1e-7"]
    apply_overrides(path, changes)
    assert "learning_rate: 1e-05" in path.read_text()
    study = Study.read(str(path))
    assert study.learning_rate == 1e-5
    assert study.sweep.parameters["l2_reg"].min == 1e-7  # type: ignore[union-attr]


def test_the_schema_and_the_reference_page_are_up_to_date() -> None:
    """Run `make schema` after a change to the study."""
    from segsweep.config.json_schema import reference, schema

    assert json.loads((ROOT / "docs/study.schema.json").read_text()) == schema()
    assert (ROOT / "docs/study.md").read_text() == reference()


def test_the_reference_page_has_ranges_and_names() -> None:
    from segsweep.config.gpus import GPU_MEMORY_GB
    from segsweep.config.json_schema import reference

    plain = reference().replace("\N{NO-BREAK SPACE}", " ")
    rows = {row.split("`")[1]: row for row in plain.splitlines() if row.startswith("| `")}
    assert "| whole number ≥ 1, ≤ 8 |" in rows["model.depth"]
    assert "| number ≥ 0, < 1 |" in rows["dropout"]
    assert "| `resize`, `pad`, `tile` |" in rows["preprocess.mode"]
    assert all(f"`{gpu}`" in rows["hardware.target"] for gpu in GPU_MEMORY_GB)


def test_every_field_of_the_study_has_a_description() -> None:
    from segsweep.config.json_schema import fields

    assert [key for key, field in fields() if not field.description] == []


def test_the_sweep_subset_ignores_the_number_of_trials_and_unused_values() -> None:
    one = Study.parse(changed("sweep/trials", 8))
    other = Study.parse({**changed("sweep/trials", 40), "batch_size": 64})
    assert one.sweep_subset() == other.sweep_subset()
    longer = Study.parse(changed("epochs", 7))
    assert longer.sweep_subset() != one.sweep_subset()
    assert Study.parse(one.sweep_subset()).sweep_subset() == one.sweep_subset()


def test_val_loss_is_refused_as_metric_if_the_loss_varies() -> None:
    sweep = {
        "metric": {"name": "val_loss", "goal": "minimize"},
        "parameters": {"loss": {"values": ["bce", "dice"]}},
    }
    with pytest.raises(UserError, match=r"found val_loss while sweep\.parameters\.loss varies"):
        Study.parse({"sweep": sweep})


def test_batch_norm_on_a_single_pixel_is_refused() -> None:
    study = {"preprocess": {"input_shape": [64, 64, 1]}, "model": {"depth": 6}}
    with pytest.raises(
        UserError, match=r"model\.depth: found 6, which halves 64 x 64 to one pixel"
    ):
        Study.parse(study)
    Study.parse({**study, "model": {"depth": 6, "norm": "group"}})
