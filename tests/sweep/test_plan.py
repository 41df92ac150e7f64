"""The sweep configuration against W&B's own schema."""

import json
from importlib.resources import files

import jsonschema
import pytest
import yaml

from project import ROOT
from segsweep.files import dump_yaml
from segsweep.study import Study
from segsweep.sweep import plan

STUDIES = ["params.yaml", "studies/rtx6000ada.yaml", "studies/pupils.yaml"]

FORMATS = jsonschema.FormatChecker()
FORMATS.checks("float")(lambda value: isinstance(value, float))
FORMATS.checks("integer")(lambda value: isinstance(value, int))


@pytest.mark.parametrize("name", STUDIES)
def test_the_sweep_is_valid_under_wandbs_strict_schema(name: str) -> None:
    schema = json.loads(files("sweeps.config").joinpath("schema.json").read_text())
    sweep = yaml.safe_load(dump_yaml(plan.wandb_sweep(Study.read(str(ROOT / name)))))
    jsonschema.Draft7Validator(schema, format_checker=FORMATS).validate(sweep)
    assert sweep["parameters"]["input_shape"] == {"value": [256, 256, 1]}
    assert sweep["parameters"]["task"] == {"value": "segmentation"}


def test_a_sweep_and_what_trials_share_are_the_whole_configuration() -> None:
    study = Study.read(str(ROOT / "params.yaml"))
    shared = plan.shared_training(study)
    assert set(shared) | set(study.sweep.parameters) == set(study.training_config().to_dict())
    assert not set(shared) & set(study.sweep.parameters)
