"""One training from a configuration and a processed set: a pure function, epoch by epoch.

Weights, order, dropout and augmentation are functions of (seed, epoch), so a training that is
killed and goes on from its checkpoint ends with the same bits as one left alone.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from segsweep.data.arrays import ProcessedSet
from segsweep.errors import UserError
from segsweep.unet import checkpoint, devices
from segsweep.unet.augment import augment
from segsweep.unet.bars import NO_BARS, Bars
from segsweep.unet.config import TrainingConfig
from segsweep.unet.dice import bce_dice_loss, counts, soft_dice
from segsweep.unet.evaluation import Evaluation
from segsweep.unet.history import SCORES, best_epoch
from segsweep.unet.network import UNet
from segsweep.unet.split import Split, derive

THRESHOLD = 0.5
EVALUATION_BATCH = 8


@dataclass
class Outcome:
    """What a training leaves behind, all of it a function of configuration, data and environment.

    `metrics`: status, reason and the best epoch's numbers. `history`: one row per epoch. `images`:
    exact counts and Dice per validation image. `weights`: the best epoch's. `predictions`: uint8
    (n, height, width) masks of the validation images under those weights.
    """

    metrics: dict[str, Any]
    history: list[dict[str, float]] = field(default_factory=list)
    images: list[dict[str, Any]] = field(default_factory=list)
    weights: dict[str, torch.Tensor] = field(default_factory=dict)
    predictions: np.ndarray | None = None


class DivergedError(ArithmeticError):
    """The loss became NaN or infinite."""


def fit(
    config: TrainingConfig,
    data: ProcessedSet,
    checkpoints: Path | None = None,
    on_epoch: Callable[[dict[str, float]], None] = lambda row: None,
    bars: Bars = NO_BARS,
) -> Outcome:
    """Train and return the outcome; a diverged or out-of-memory training is an outcome too.

    `checkpoints` is a folder for the state after each epoch; a training of the same configuration
    found there goes on. `on_epoch` is called with every row of the history, restored ones first.
    A training that misses one of `bars` is stopped there, and can go on from its checkpoint.
    """
    trainer = Trainer(config, data)
    if checkpoints is not None:
        trainer.resume(checkpoints)
        for row in trainer.history[: bars.missed(trainer.history, config.epochs)]:
            on_epoch(row)
    status, reason = "finished", ""
    try:
        while trainer.epoch < config.epochs:
            if bars.missed(trainer.history, config.epochs):
                break
            on_epoch(trainer.run_epoch())
            if checkpoints is not None:
                trainer.save(checkpoints)
    except DivergedError as error:
        status, reason = "diverged", str(error)
    except RuntimeError as error:
        if not isinstance(error, torch.OutOfMemoryError) and "allocate memory" not in str(error):
            raise
        status = "out_of_memory"
        reason = f"batch of {trainer.batch_size}: {str(error).splitlines()[0]}"
    if epoch := bars.missed(trainer.history, config.epochs):
        return trainer.stopped(bars, epoch)
    return trainer.outcome(status, reason)


def time_step(config: TrainingConfig, data: ProcessedSet) -> float:
    """Seconds of one training step, the second of two, on a network that is then thrown away."""
    trainer = Trainer(config, data)
    seconds = math.inf
    for _ in range(2):
        started = time.perf_counter()
        float(trainer.step(trainer.train.order(1)[: trainer.batch_size], torch.Generator()))
        seconds = time.perf_counter() - started
    return seconds


def weight_bytes(config: TrainingConfig) -> int:
    """What the weights of a training take on disk, in bytes; a checkpoint takes four times that."""
    with torch.device("meta"):
        network = UNet(config.base_channels, config.depth, config.dropout)
    return sum(t.numel() * t.element_size() for t in network.state_dict().values())


class Trainer:
    """The state of one training."""

    def __init__(self, config: TrainingConfig, data: ProcessedSet) -> None:
        self.config = config
        chosen = devices.select(config.device)
        self.device = torch.device(chosen.kind)
        self.autocast_dtype = getattr(torch, chosen.autocast)
        torch.set_num_threads(config.threads)
        torch.use_deterministic_algorithms(True)
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        self.train = Split(data, "train", config.seed, self.device)
        self.validation = Split(data, "validation", config.seed, self.device)
        height, width, _ = config.input_shape
        if self.train.images.shape[-2:] != (height, width):
            found = " x ".join(map(str, self.train.images.shape[-2:]))
            raise UserError(
                f"the processed images measure {found}, expected input_shape {height} x {width}; "
                "run preprocess again"
            )
        self.batch_size = min(config.batch_size, len(self.train))
        torch.manual_seed(derive(config.seed, 0, "weights"))
        self.network = UNet(config.base_channels, config.depth, config.dropout)
        self.network.to(self.device)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=config.learning_rate)
        self.scaler = torch.amp.GradScaler(
            self.device.type, enabled=self.autocast_dtype == torch.float16
        )
        self.epoch = 0
        self.history: list[dict[str, float]] = []
        self.best: dict[str, torch.Tensor] = {}

    def run_epoch(self) -> dict[str, float]:
        """Train and validate one epoch and return its row of the history.

        Raises `DivergedError` when a loss is not finite.
        """
        epoch = self.epoch + 1
        torch.manual_seed(derive(self.config.seed, epoch, "dropout"))
        augmentation = torch.Generator().manual_seed(derive(self.config.seed, epoch, "augment"))
        self.network.train()
        batches = self.train.order(epoch).split(self.batch_size)
        losses = torch.stack([self.step(index, augmentation) for index in batches])
        broken = (~losses.isfinite()).nonzero().flatten().tolist()
        if broken:
            raise DivergedError(f"the loss was not finite in epoch {epoch}, step {broken[0] + 1}")
        row = {"epoch": epoch, "train_loss": float(losses.double().mean())}
        row |= {f"val_{k}": v for k, v in self.evaluate(self.validation).scores().items()}
        if not math.isfinite(row["val_loss"]):
            raise DivergedError(f"the validation loss was not finite in epoch {epoch}")
        self.epoch = epoch
        self.history.append(row)
        if best_epoch(self.history) == epoch:
            self.best = {k: v.detach().clone() for k, v in self.network.state_dict().items()}
        return row

    def step(self, index: torch.Tensor, augmentation: torch.Generator) -> torch.Tensor:
        """One optimiser step; returns the loss without the L2 term, on the device."""
        images, masks = augment(*self.train.batch(index), augmentation)
        loss = bce_dice_loss(self.predict(images), masks).mean()
        penalty = torch.stack([kernel.square().sum() for kernel in self.network.kernels()]).sum()
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss + self.config.l2_reg * penalty).backward()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return loss.detach()

    def predict(self, images: torch.Tensor) -> torch.Tensor:
        images = images.contiguous(memory_format=torch.channels_last)
        enabled = self.autocast_dtype != torch.float32
        with torch.autocast(self.device.type, dtype=self.autocast_dtype, enabled=enabled):
            return self.network(images).float()

    @torch.no_grad()
    def evaluate(self, split: Split) -> Evaluation:
        self.network.eval()
        parts = []
        for index in torch.arange(len(split)).split(EVALUATION_BATCH):
            images, masks = split.batch(index)
            logits = self.predict(images)
            probability = logits.sigmoid()
            predicted = probability >= THRESHOLD
            loss, soft = bce_dice_loss(logits, masks), soft_dice(probability, masks)
            parts.append((counts(predicted, masks.bool()), loss, soft, predicted[:, 0]))
        return Evaluation(*(torch.cat(column).cpu() for column in zip(*parts, strict=True)))

    def stopped(self, bars: Bars, epoch: int) -> Outcome:
        metrics = bars.stopped(self.history, epoch) | self.measures()
        return Outcome(metrics, self.history[:epoch])

    def outcome(self, status: str, reason: str) -> Outcome:
        metrics: dict[str, Any] = {"status": status, "reason": reason}
        if not self.best:
            metrics |= dict.fromkeys(SCORES) | {"train_dice_coefficient": None}
            images, predictions, best = [], None, None
        else:
            self.network.load_state_dict(self.best)
            validation, train = self.evaluate(self.validation), self.evaluate(self.train)
            best = best_epoch(self.history)
            metrics |= {name: self.history[best - 1][name] for name in SCORES}
            metrics["train_dice_coefficient"] = train.scores()["dice_coefficient"]
            images = validation.per_image(self.validation.names)
            predictions = validation.predicted.to(torch.uint8).numpy()
        metrics |= {"best_epoch": best, "epochs": self.epoch} | self.measures()
        weights = {k: v.cpu().contiguous() for k, v in self.best.items()}
        return Outcome(metrics, self.history, images, weights, predictions)

    def measures(self) -> dict[str, int]:
        return {
            "effective_batch_size": self.batch_size,
            "parameters": sum(p.numel() for p in self.network.parameters()),
        }

    def save(self, folder: Path) -> None:
        tensors = {f"model.{k}": v for k, v in self.network.state_dict().items()}
        tensors |= {f"best.{k}": v for k, v in self.best.items()}
        optimizer = checkpoint.flatten_optimizer(self.optimizer)
        tensors |= {f"optimizer.{k}": v for k, v in optimizer.items()}
        state = {"history": self.history, "scaler": self.scaler.state_dict()}
        checkpoint.save(folder, self.config.to_dict(), checkpoint.Checkpoint(tensors, state))

    def resume(self, folder: Path) -> None:
        found = checkpoint.load(folder, self.config.to_dict())
        if found is None:
            return
        self.network.load_state_dict(found.part("model"))
        checkpoint.restore_optimizer(self.optimizer, found.part("optimizer"))
        self.best = {k: v.to(self.device) for k, v in found.part("best").items()}
        self.scaler.load_state_dict(found.state["scaler"])
        self.history = found.state["history"]
        self.epoch = len(self.history)
