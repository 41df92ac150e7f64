"""One training from a configuration and a processed set: a pure function, epoch by epoch."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from segsweep.config.training_config import TrainingConfig
from segsweep.data.dataset import ProcessedSet
from segsweep.training import checkpoint, oom
from segsweep.training.columns import SCORES, best_epoch
from segsweep.training.pruning import NO_PRUNING, PruningThresholds
from segsweep.training.threshold import choose
from segsweep.training.trainer import DivergedError, Trainer


@dataclass
class Outcome:
    """What a training leaves behind, all of it a function of configuration, data and environment.

    `metrics`: status, reason and the best epoch's numbers. `history`: one row per epoch. `images`:
    exact counts and Dice per validation image. `weights`: the best epoch's. `predictions`: uint8
    (n, height, width) masks of the validation images under those weights. `threshold`: which
    would have been best for these images, None where there are no weights.
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
    on_epoch: Callable[[dict[str, float]], None] = lambda row: None,
    bars: PruningThresholds = NO_PRUNING,
) -> Outcome:
    """Train and return the outcome; a diverged or out-of-memory training is an outcome too.

    `checkpoints` is a folder for the state after each epoch; a training of the same configuration
    found there goes on. `on_epoch` is called with every row of the history, restored ones first.
    A training that misses one of `bars` is stopped there, and can go on from its checkpoint. Where
    autocast may be why a loss is not finite, the training goes on in float32 from the last epoch
    that was good, once. Raises `UserError` when the device fails.
    """
    status, reason = "finished", ""
    with oom.of_the_device():
        trainer = Trainer(config, data)
        try:
            _go_on(trainer, checkpoints, on_epoch, bars)
        except DivergedError as error:
            status, reason = "diverged", str(error)
        except RuntimeError as error:
            if not oom.is_out_of_memory(error):
                raise
            status, reason = "out_of_memory", oom.explain_memory(trainer, error)
        if epoch := bars.first_failed_epoch(trainer.history, config.epochs):
            return _stopped(trainer, bars, epoch)
        return _outcome(trainer, status, reason)


def _go_on(
    trainer: Trainer,
    checkpoints: Path | None,
    on_epoch: Callable[[dict[str, float]], None],
    bars: PruningThresholds,
) -> None:
    epochs = trainer.config.epochs
    saved = checkpoint.load(checkpoints, trainer.made_from) if checkpoints else None
    if saved is not None:
        trainer.restore(saved)
        for row in trainer.history[: bars.first_failed_epoch(trainer.history, epochs)]:
            on_epoch(row)
    good = trainer.state()
    while trainer.epoch < epochs and not bars.first_failed_epoch(trainer.history, epochs):
        try:
            row = trainer.run_epoch()
        except DivergedError as error:
            if not trainer.engine.uses_autocast:
                raise
            print(f"{error}; going on from epoch {trainer.epoch} in float32", flush=True)
            trainer.restore(good)
            trainer.without_autocast()
            continue
        on_epoch(row)
        good = trainer.state()
        if checkpoints is not None:
            checkpoint.save(checkpoints, trainer.made_from, good)


def _stopped(trainer: Trainer, bars: PruningThresholds, epoch: int) -> Outcome:
    metrics = bars.stopped(trainer.history, epoch, trainer.measures())
    return Outcome(metrics, trainer.history[:epoch])


def _outcome(trainer: Trainer, status: str, reason: str) -> Outcome:
    metrics: dict[str, Any] = {"status": status, "reason": reason}
    if not trainer.best:
        metrics |= dict.fromkeys(SCORES) | {"train_dice_coefficient": None, "best_epoch": None}
        return Outcome(metrics | {"epochs": trainer.epoch} | trainer.measures(), trainer.history)
    trainer.take_best()
    validation, train = trainer.evaluate(trainer.validation, True), trainer.evaluate(trainer.train)
    assert validation.predicted is not None
    best = best_epoch(trainer.history)
    metrics |= {name: trainer.history[best - 1][name] for name in SCORES}
    metrics["train_dice_coefficient"] = train.scores()["dice_coefficient"]
    metrics |= {"best_epoch": best, "epochs": trainer.epoch} | trainer.measures()
    return Outcome(
        metrics,
        trainer.history,
        validation.per_image(trainer.validation.names),
        {k: v.cpu().contiguous() for k, v in trainer.best.items()},
        validation.predicted.to(torch.uint8).numpy(),
        choose(trainer.counts_by_threshold()),
    )
