"""Take in a sweep configuration of W&B that is pasted under `sweep` of a study.

Keys that a study has elsewhere are moved there, and keys that say how W&B starts a program are
dropped: trials are always trainings of this project.
"""

from typing import Any

DROPPED = ("program", "command", "name", "description", "entity")
MOVED = {"project": ("wandb", "project"), "run_cap": ("sweep", "trials")}
CONSTANTS = {"input_shape": ("preprocess", "input_shape"), "task": ("model", "task")}
"""Constants among the parameters that are no hyperparameters, and their keys in a study."""


def take_in_wandb_sweep(raw: Any) -> Any:
    """Return the content of a study in which `sweep` has only keys of a study.

    Raises:
        ValueError: A value contradicts that of the study.
    """
    if not isinstance(raw, dict) or not isinstance(raw.get("sweep"), dict):
        return raw
    study = {**raw, "sweep": {k: v for k, v in raw["sweep"].items() if k not in DROPPED}}
    for key, place in MOVED.items():
        if key in study["sweep"]:
            _move(study, f"sweep.{key}", study["sweep"].pop(key), place)
    parameters = study["sweep"].get("parameters")
    if isinstance(parameters, dict):
        parameters = study["sweep"]["parameters"] = dict(parameters)
        for name, place in CONSTANTS.items():
            spec = parameters.get(name)
            if isinstance(spec, dict) and spec.keys() <= {"value", "distribution"}:
                key = f"sweep.parameters.{name}.value"
                _move(study, key, parameters.pop(name).get("value"), place)
    return study


def _move(study: dict[str, Any], key: str, value: Any, place: tuple[str, str]) -> None:
    section, name = place
    present = study.get(section) or {}
    if not isinstance(present, dict):
        return  # reported with the section
    if present.get(name, value) != value:
        raise ValueError(
            f"{key}: found {value}, and {section}.{name} {present[name]}, expected one value; "
            "delete one of them"
        )
    study[section] = {**present, name: value}
