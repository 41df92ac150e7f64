"""The content of the three files of a sweep: `sweep.yaml`, `training.yaml` and `search.yaml`."""

from collections.abc import Sequence
from typing import Any

from segsweep.config.pruner import Hyperband, Pruner
from segsweep.config.search_space import to_table, to_wandb
from segsweep.config.study import Study
from segsweep.search.trial_result import TrialResult

PROGRAM = "workflow/scripts/train.py"


def wandb_sweep(study: Study) -> dict[str, Any]:
    """Return `sweep.yaml`: a sweep configuration that plain `wandb sweep` accepts.

    Source: W&B's "Sweep configuration options". It holds the searched parameters as the study
    writes them, and the constants that W&B's tables and plots should show.
    """
    parameters = {name: to_wandb(p) for name, p in study.sweep.parameters.items()}
    constants = {
        "epochs": study.epochs,
        "input_shape": study.preprocess.input_shape,
        "task": study.model.task,
    }
    for name, value in constants.items():
        parameters.setdefault(name, {"value": value})
    return {
        "program": PROGRAM,
        "project": study.wandb.project,
        "method": study.sweep.method,
        "metric": study.sweep.metric.model_dump(),
        "parameters": parameters,
        **_early_terminate(study.sweep.early_terminate),
        "command": [
            "${env}",
            "${interpreter}",
            "${program}",
            "results/sweep/training.yaml",
            "data/processed",
            "results/agent",
            "--agent",
        ],
    }


def _early_terminate(pruner: Pruner | None) -> dict[str, Any]:
    """Return the pruner's settings if W&B has it: only hyperband."""
    if not isinstance(pruner, Hyperband):
        return {}
    return {"early_terminate": pruner.model_dump(exclude_none=True, exclude_defaults=True)}


def shared_training(study: Study) -> dict[str, Any]:
    """Return `training.yaml`: the training configuration without the searched parameters."""
    searched = study.sweep.parameters
    return {k: v for k, v in study.training_config().to_dict().items() if k not in searched}


def search_settings(study: Study, earlier: Sequence[TrialResult] = ()) -> dict[str, Any]:
    """Return `search.yaml`: all that `suggest.py` reads in addition to the trials.

    Args:
        study: The study.
        earlier: The trials of an earlier study.
    """
    sweep = study.sweep
    return {
        **sweep.model_dump(include={"method", "metric"}),
        "parameters": {name: to_table(p) for name, p in sweep.parameters.items()},
        **sweep.model_dump(include={"seed", "enqueue"}),
        **sweep.model_dump(include={"early_terminate"}, exclude_none=True),
        **({"earlier": [_to_dict(trial) for trial in earlier]} if earlier else {}),
        "shared": shared_training(study),
    }


def _to_dict(trial: TrialResult) -> dict[str, Any]:
    return {"parameters": dict(trial.parameters), "value": trial.value}
