"""A sweep configuration as W&B returns it."""

import pytest

from segsweep.importers.sweep_config import parse_sweep_config


@pytest.mark.parametrize("low", [1e-06, "1e-06", "1E-6"])
def test_numbers_that_yaml_1_1_takes_for_text_are_numbers(low: float | str) -> None:
    """PyYAML, with which W&B reads configurations, returns 1e-06 as text."""
    config = {
        "parameters": {
            "lr": {"min": low, "max": 0.1, "distribution": "log_uniform_values"},
            "l2": {"values": [low, "none"]},
        }
    }
    space = parse_sweep_config(config, "a sweep").space
    assert space["lr"].model_dump()["min"] == 1e-06
    assert space["l2"].model_dump()["values"] == [1e-06, "none"]
