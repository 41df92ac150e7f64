"""What a training will take, told before it begins: time, disk, and whether its batch fits."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch

from segsweep.config.search_space import extremes, read_space
from segsweep.config.training_config import MEMORY_PARAMETERS, TrainingConfig
from segsweep.core.errors import UserError
from segsweep.data.dataset import ProcessedSet
from segsweep.pipeline import environment
from segsweep.training import memory
from segsweep.training.dataloader import resident_images
from segsweep.training.oom import is_out_of_memory
from segsweep.training.trainer import Trainer
from segsweep.training.unet import UNet

FORWARD = 0.3
"""A validation pass takes about this share of a training step, image by image."""


def seconds_per_step(config: TrainingConfig, data: ProcessedSet, steps: int = 1) -> float:
    """The median of some training steps after a first one, of a network that is thrown away."""
    trainer = Trainer(config, data)
    index = trainer.train.steps(1, trainer.batch_size, 1)
    (batch,), (draws,) = trainer.train.batches(index), trainer.draws(1, index)
    seconds = []
    for _ in range(1 + steps):
        started = time.perf_counter()
        float(trainer.engine.step(batch, draws, config.learning_rate))
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds[1:])


def study_seconds(
    config: TrainingConfig, trials: int, per_image: float, train: int, validation: int
) -> float:
    """How long `trials` trainings take, at `per_image` seconds for an image of a training step."""
    shown = (config.steps_per_epoch or 0) * min(config.batch_size, train) or train
    return trials * config.epochs * per_image * (shown + FORWARD * validation)


def weight_bytes(config: TrainingConfig) -> int:
    """What the weights of a training take on disk, in bytes; a checkpoint takes four times that."""
    with torch.device("meta"):
        network = UNet(config.base_channels, config.depth, config.dropout, config.norm)
    return sum(t.numel() * t.element_size() for t in network.state_dict().values())


def reach(
    config: TrainingConfig, parameters: Mapping[str, Any], train: int
) -> tuple[TrainingConfig, TrainingConfig]:
    """The configurations of a W&B sweep's space that take least and most memory.

    `train` is the number of training images, beyond which no batch goes.
    """
    read = read_space(dict(parameters))
    space = {name.rpartition(".")[2]: extremes(p) for name, p in read.items()}

    def at(choose: Callable[[list[Any]], Any]) -> TrainingConfig:
        found = {name: int(choose(space[name])) for name in MEMORY_PARAMETERS if name in space}
        batch = min(found.pop("batch_size", config.batch_size), train)
        mixed = space.get("mixed_precision", [config.mixed_precision])
        precision = {"mixed_precision": bool((max if choose is min else min)(mixed))}
        return replace(config, batch_size=batch, **found, **precision)  # type: ignore[arg-type]

    return at(min), at(max)


def check_memory(least: TrainingConfig, most: TrainingConfig, train: int, validation: int) -> None:
    """Say before the first trial if `most` will not fit; raises `UserError` if `least` won't.

    `train` and `validation` are numbers of images.
    """
    device = environment.select(most.device)
    height, width, _ = most.input_shape
    images = resident_images((train, validation), height, width, device.memory)
    need = memory.predict(most, device.autocast, images)
    if need.fits(device.memory):
        return
    there = f"{device.memory / 1e9:.1f} GB of {device.kind} memory are there"
    smallest = memory.predict(least, device.autocast, images)
    if not smallest.fits(device.memory):
        raise UserError(
            f"no trial of the study fits in memory: batch_size {least.batch_size} takes "
            f"{smallest.total / 1e9:.1f} GB by prediction and {there}; choose smaller batches or "
            "fewer base_channels (see workflow/scripts/hardware.py)"
        )
    fitting = memory.largest_batch(most, device.autocast, device.memory, images)
    print(
        f"batch_size {most.batch_size} with base_channels {most.base_channels} and depth "
        f"{most.depth} takes {need.total / 1e9:.1f} GB by prediction and {there}: up to "
        f"{fitting} would fit; larger trials will end as out_of_memory",
        flush=True,
    )


def announce(config: TrainingConfig, data: ProcessedSet, trials: int) -> None:
    """Say how long the sweep will take, from one timed step, and how much disk."""
    try:
        step = seconds_per_step(config, data)
    except RuntimeError as error:
        if is_out_of_memory(error):
            return  # the training itself will say it
        raise
    train, validation = (data.splits.count(split) for split in ("train", "validation"))
    per_image = step / min(config.batch_size, train)
    seconds = study_seconds(config, trials, per_image, train, validation)
    print(
        f"one step of {min(config.batch_size, train)} images takes {step:.2f} s: expect about "
        f"{max(1, round(seconds / 60))} min for {trials} trials of {config.epochs} epochs, "
        "beside start-up"
    )
    weights = weight_bytes(config) / 1e6
    print(
        f"the weights of one training take {weights:.1f} MB on disk: {trials * weights:.0f} MB for "
        f"all trials, in .store, and {4 * weights:.1f} MB for the one that is trained",
        flush=True,
    )
