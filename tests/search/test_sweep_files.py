"""The files of a sweep; `sweep.yaml` is checked against W&B's schema."""

import json
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
import yaml

from project import ROOT
from segsweep.config.pruner import read_pruner
from segsweep.config.search_space import read_space
from segsweep.config.study import Study
from segsweep.core.yaml_format import dump_yaml
from segsweep.search import sweep_files

STUDIES = ["params.yaml", "studies/rtx6000ada.yaml", "studies/pupils.yaml"]

FORMATS = jsonschema.FormatChecker()
FORMATS.checks("float")(lambda value: isinstance(value, float))
FORMATS.checks("integer")(lambda value: isinstance(value, int))


NESTED_AND_SCALED = {
    "model": {"parameters": {"depth": {"values": [2, 3], "scale": "unordered"}}},
    "dropout": {"distribution": "uniform", "min": 0.1, "max": 0.4, "scale": "log"},
}


def check_with_wandb(study: Study) -> dict[str, Any]:
    """Validate `sweep.yaml` with W&B's schema and return it as PyYAML, and so W&B, reads it."""
    schema = json.loads(files("sweeps.config").joinpath("schema.json").read_text())
    sweep = yaml.safe_load(dump_yaml(sweep_files.wandb_sweep(study)))
    jsonschema.Draft7Validator(schema, format_checker=FORMATS).validate(sweep)
    return sweep


@pytest.mark.parametrize("name", STUDIES)
def test_the_sweep_is_valid_under_wandbs_schema(name: str) -> None:
    sweep = check_with_wandb(Study.read(str(ROOT / name)))
    assert sweep["parameters"]["input_shape"] == {"value": [256, 256, 1]}
    assert sweep["parameters"]["task"] == {"value": "segmentation"}


def test_searched_and_shared_parameters_are_the_complete_configuration() -> None:
    study = Study.read(str(ROOT / "params.yaml"))
    shared = sweep_files.shared_training(study)
    assert set(shared) | set(study.sweep.parameters) == set(study.training_config().to_dict())
    assert not set(shared) & set(study.sweep.parameters)


def test_scales_are_written_for_suggest_but_not_for_wandb() -> None:
    study = Study.parse({"sweep": {"parameters": NESTED_AND_SCALED}})
    parameters = check_with_wandb(study)["parameters"]
    assert parameters["depth"] == {"values": [2, 3]}
    assert parameters["dropout"] == {"distribution": "uniform", "min": 0.1, "max": 0.4}
    searched = yaml.safe_load(dump_yaml(sweep_files.search_settings(study)))["parameters"]
    assert read_space(searched) == study.sweep.parameters
    assert searched["depth"]["scale"] == "unordered"
    assert searched["dropout"]["scale"] == "log"


def test_without_scales_suggest_and_wandb_read_the_same_space() -> None:
    study = Study.read(str(ROOT / "params.yaml"))
    searched, sweep = sweep_files.search_settings(study), sweep_files.wandb_sweep(study)
    assert searched["parameters"].items() <= sweep["parameters"].items()


@pytest.mark.parametrize(
    "pruner",
    [
        {"type": "hyperband", "min_iter": 3},
        {"type": "hyperband", "max_iter": 27, "s": 2, "eta": 2},
    ],
    ids=str,
)
def test_hyperband_is_written_for_wandb(pruner: dict[str, Any]) -> None:
    study = Study.parse({"sweep": {"early_terminate": pruner}})
    assert check_with_wandb(study)["early_terminate"] == pruner
    searched = yaml.safe_load(dump_yaml(sweep_files.search_settings(study)))
    assert read_pruner(searched["early_terminate"]) == study.sweep.early_terminate


def test_pace_is_not_written_for_wandb() -> None:
    study = Study.parse({"sweep": {"early_terminate": {"type": "pace"}}})
    assert "early_terminate" not in check_with_wandb(study)
    assert sweep_files.search_settings(study)["early_terminate"]["type"] == "pace"
