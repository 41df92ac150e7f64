"""A whole training: its outcome (`fit`), and its files in `results/train` or a trial (`train`)."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from segsweep.config.training_config import TrainingConfig
from segsweep.core.files import sha256, write_csv, write_json
from segsweep.data.dataset import ProcessedSet
from segsweep.pipeline import environment
from segsweep.training import checkpoint
from segsweep.training.columns import HISTORY, IMAGES, MODEL, SCORES, WEIGHTS, best_epoch
from segsweep.training.device import is_out_of_memory, report_gpu_failure
from segsweep.training.memory import explain_out_of_memory
from segsweep.training.metrics import choose_threshold
from segsweep.training.pruning import NO_PRUNING, PruningThresholds
from segsweep.training.trainer import DivergedError, Trainer

OnEpoch = Callable[[dict[str, float]], None]
"""Called with each row of the history."""


@dataclass
class Outcome:
    """The result of a training, a function of its configuration, data and environment.

    Attributes:
        metrics: Status, reason and the numbers of the best epoch.
        history: One row per epoch.
        images: Confusion counts and Dice of each validation image.
        weights: The weights of the best epoch.
        predictions: Masks of the validation images with these weights, uint8 (n, height, width),
            0 or 1.
        threshold: The best threshold for these images; None if there are no weights.
    """

    metrics: dict[str, Any]
    history: list[dict[str, float]] = field(default_factory=list)
    images: list[dict[str, Any]] = field(default_factory=list)
    weights: dict[str, torch.Tensor] = field(default_factory=dict)
    predictions: np.ndarray | None = None
    threshold: dict[str, float] | None = None


def fit(
    config: TrainingConfig,
    data: ProcessedSet,
    checkpoints: Path | None = None,
    on_epoch: OnEpoch = lambda row: None,
    thresholds: PruningThresholds = NO_PRUNING,
) -> Outcome:
    """Train a network; a diverged or out-of-memory training has an outcome too.

    If the loss is not finite with autocast, the training resumes once from the last good epoch in
    float32. A pruned training can resume later from its checkpoint.

    Args:
        config: The configuration.
        data: The processed set.
        checkpoints: Folder for the state after each epoch. A training of the same configuration
            and data whose state is there resumes from it.
        on_epoch: Called with each row of the history, those of restored epochs first.
        thresholds: The training is pruned at the first of these that it does not reach.

    Raises:
        MachineError: The GPU failed.
    """
    status, reason = "finished", ""
    with report_gpu_failure():
        trainer = Trainer(config, data)
        try:
            _run_epochs(trainer, checkpoints, on_epoch, thresholds)
        except DivergedError as error:
            status, reason = "diverged", str(error)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            status, reason = "out_of_memory", explain_out_of_memory(trainer, error)
        if epoch := thresholds.first_failed_epoch(trainer.history, config.epochs):
            metrics = thresholds.pruned_metrics(trainer.history, epoch, trainer.info())
            return Outcome(metrics, trainer.history[:epoch])
        return _outcome(trainer, status, reason)


def _run_epochs(
    trainer: Trainer, checkpoints: Path | None, on_epoch: OnEpoch, thresholds: PruningThresholds
) -> None:
    """Run the epochs that a checkpoint does not have yet, up to the last or to pruning."""
    epochs = trainer.config.epochs
    saved = checkpoint.load(checkpoints, trainer.inputs) if checkpoints else None
    if saved is not None:
        trainer.restore(saved)
        for row in trainer.history[: thresholds.first_failed_epoch(trainer.history, epochs)]:
            on_epoch(row)
    last_good = trainer.state()
    while trainer.epoch < epochs and not thresholds.first_failed_epoch(trainer.history, epochs):
        try:
            row = trainer.run_epoch()
        except DivergedError as error:
            if not trainer.engine.uses_autocast:
                raise
            print(f"{error}; resuming after epoch {trainer.epoch} in float32", flush=True)
            trainer.restore(last_good)
            trainer.disable_autocast()
            continue
        on_epoch(row)
        last_good = trainer.state()
        if checkpoints is not None:
            checkpoint.save(checkpoints, trainer.inputs, last_good)


def _outcome(trainer: Trainer, status: str, reason: str) -> Outcome:
    metrics: dict[str, Any] = {"status": status, "reason": reason}
    if not trainer.best_weights:
        metrics |= dict.fromkeys(SCORES) | {"train_dice_coefficient": None, "best_epoch": None}
        return Outcome(metrics | {"epochs": trainer.epoch} | trainer.info(), trainer.history)
    trainer.load_best_weights()
    validation = trainer.evaluate(trainer.validation_loader, keep_masks=True)
    train = trainer.evaluate(trainer.train_loader)
    assert validation.predicted is not None
    best = best_epoch(trainer.history)
    metrics |= {name: trainer.history[best - 1][name] for name in SCORES}
    metrics["train_dice_coefficient"] = train.scores()["dice_coefficient"]
    metrics |= {"best_epoch": best, "epochs": trainer.epoch} | trainer.info()
    return Outcome(
        metrics,
        trainer.history,
        validation.per_image(trainer.validation_loader.names),
        {k: v.cpu().contiguous() for k, v in trainer.best_weights.items()},
        validation.predicted.to(torch.uint8).numpy(),
        choose_threshold(trainer.counts_by_threshold()),
    )


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
    checkpoint.write_tensors(out / WEIGHTS, outcome.weights, {"status": outcome.metrics["status"]})
    write_json(out / MODEL, _model_description(config, data, outcome, sha256(out / WEIGHTS)))
    write_json(out / "timing.json", {"training_seconds": round(time.monotonic() - start, 2)})
    before_metrics(outcome)
    write_json(out / "metrics.json", outcome.metrics)
    return outcome


def _model_description(
    config: TrainingConfig, data: ProcessedSet, outcome: Outcome, weights_sha256: str
) -> dict[str, Any]:
    """Return the content of `model.json`: all that a prediction needs in addition to the weights.

    It is a function of the key, as the weights are. `inference.saved_model` reads it.
    """
    return {
        "config": config.to_dict(),
        "preprocessing": data.preprocessing,
        "threshold": outcome.threshold,
        "metrics": outcome.metrics,
        "data_sha256": data.identity,
        "weights_sha256": weights_sha256,
        "environment": environment.hardware_and_versions(),
    }
