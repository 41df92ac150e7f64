"""A training with its files, as in `results/train` and in a trial's folder."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from segsweep.config.training_config import TrainingConfig
from segsweep.core.files import write_csv, write_json
from segsweep.data.dataset import ProcessedSet
from segsweep.pipeline import environment
from segsweep.training.checkpoint import write_tensors
from segsweep.training.columns import HISTORY, IMAGES, MODEL, WEIGHTS
from segsweep.training.fit import OnEpoch, Outcome, fit
from segsweep.training.pruning import NO_PRUNING, PruningThresholds


def train(
    config: TrainingConfig,
    data: ProcessedSet,
    out: Path,
    key: str,
    checkpoints: Path | None = None,
    on_epoch: OnEpoch = lambda row: None,
    before_metrics: Callable[[Outcome], None] = lambda outcome: None,
    thresholds: PruningThresholds = NO_PRUNING,
) -> Outcome:
    """Train and write `history.csv`, `images.csv`, the model and `timing.json` to `out`.

    The model is `model.safetensors` and `model.json`. `metrics.json` is written last, so where it
    exists the other files are complete (unless its status is "running", see
    `segsweep.training.dvc_live`). A training that was pruned, or failed in its first epoch, leaves
    weights without tensors and images without rows.

    Args:
        config: The configuration.
        data: The processed set.
        out: The folder to write to; results of an earlier training there are deleted.
        key: The key of the training, written to `metrics.json`.
        checkpoints: As in `fit`.
        on_epoch: As in `fit`.
        before_metrics: Called before `metrics.json` is written.
        thresholds: As in `fit`.
    """
    for name in ("metrics.json", "history.csv", "images.csv", WEIGHTS, MODEL):
        (out / name).unlink(missing_ok=True)
    start = time.monotonic()
    outcome = fit(config, data, checkpoints, on_epoch, thresholds)
    outcome.metrics["key"] = key
    write_csv(out / "history.csv", HISTORY, outcome.history)
    write_csv(out / "images.csv", IMAGES, outcome.images)
    write_tensors(out / WEIGHTS, outcome.weights, {"status": outcome.metrics["status"]})
    write_json(out / MODEL, _model_description(config, data, outcome))
    write_json(out / "timing.json", {"training_seconds": round(time.monotonic() - start, 2)})
    before_metrics(outcome)
    write_json(out / "metrics.json", outcome.metrics)
    return outcome


def _model_description(
    config: TrainingConfig, data: ProcessedSet, outcome: Outcome
) -> dict[str, Any]:
    """Return the content of `model.json`: all that a prediction needs besides the weights.

    It is a function of the key, as the weights are. `inference.saved_model` reads it.
    """
    return {
        "config": config.to_dict(),
        "preprocessing": data.preprocessing,
        "threshold": outcome.threshold,
        "metrics": outcome.metrics,
        "data_sha256": data.identity,
        "environment": environment.hardware_and_versions(),
    }
