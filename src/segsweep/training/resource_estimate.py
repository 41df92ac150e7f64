"""Estimate what a study takes before it runs: time, disk, and memory."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch

from segsweep.config.gpus import GPU_MEMORY_GB
from segsweep.config.search_space import extremes, read_space, to_wandb
from segsweep.config.study import Study
from segsweep.config.training_config import MEMORY_PARAMETERS, TrainingConfig
from segsweep.core.errors import UserError
from segsweep.data.dataset import ProcessedSet
from segsweep.pipeline import environment
from segsweep.training import memory
from segsweep.training.device import images_on_device, is_out_of_memory
from segsweep.training.trainer import Trainer
from segsweep.training.unet import UNet

EVALUATION_COST = 0.3
"""Time of an evaluation pass as a share of a training step, per image."""
OTHER_PROCESSES = 1_000_000_000
"""Main memory, in bytes, of what runs during a training: Snakemake (twice), the agent, W&B and the
report so far. 0.5 GB were measured."""
CUDA_MAIN_MEMORY = 5_000_000_000
"""Main memory, in bytes, of a training on a GPU without its data: libraries and pinned batches. A
round figure, on the safe side."""


def seconds_per_step(config: TrainingConfig, data: ProcessedSet, steps: int = 1) -> float:
    """Return the median time of `steps` training steps after a first one."""
    trainer = Trainer(config, data)
    indices = trainer.train_loader.batch_indices(1, trainer.batch_size, 1)
    (batch,) = trainer.train_loader.batches(indices)
    (params,) = trainer.augmentation_params(1, indices)
    seconds = []
    for _ in range(1 + steps):
        start = time.perf_counter()
        float(trainer.engine.train_step(batch, params, config.learning_rate))
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[1:])


def study_seconds(
    config: TrainingConfig, trials: int, per_image: float, train: int, validation: int
) -> float:
    """Return the time of `trials` trainings.

    Args:
        config: The configuration of each.
        trials: Number of trainings.
        per_image: Seconds of a training step, per image.
        train: Number of training images.
        validation: Number of validation images.
    """
    per_epoch = (config.steps_per_epoch or 0) * min(config.batch_size, train) or train
    return trials * config.epochs * per_image * (per_epoch + EVALUATION_COST * validation)


def weight_bytes(config: TrainingConfig) -> int:
    """Return the size of a training's weights on disk; a checkpoint takes four times as much."""
    with torch.device("meta"):
        network = UNet(config.base_channels, config.depth, config.dropout, config.norm)
    return sum(t.numel() * t.element_size() for t in network.state_dict().values())


def memory_extremes(
    config: TrainingConfig, parameters: Mapping[str, Any], train: int
) -> tuple[TrainingConfig, TrainingConfig]:
    """Return the configurations of a search space that need least and most memory.

    Args:
        config: The values of parameters that are not searched.
        parameters: The search space, as in a W&B sweep configuration.
        train: Number of training images, the largest possible batch.
    """
    space = {
        name.rpartition(".")[2]: extremes(parameter)
        for name, parameter in read_space(dict(parameters)).items()
    }

    def extreme(choose: Callable[[list[Any]], Any]) -> TrainingConfig:
        values = {name: int(choose(space[name])) for name in MEMORY_PARAMETERS if name in space}
        batch = min(values.pop("batch_size", config.batch_size), train)
        mixed = space.get("mixed_precision", [config.mixed_precision])
        precision = {"mixed_precision": bool((max if choose is min else min)(mixed))}
        return replace(config, batch_size=batch, **values, **precision)  # type: ignore[arg-type]

    return extreme(min), extreme(max)


def main_memory(study: Study, train: int, validation: int) -> int:
    """Return the main memory, in bytes, of any training of a study, for a scheduler's limit.

    On a CPU this is the predicted memory of the largest batch of the largest network in float32,
    with all images and masks. On a GPU it does not depend on the configuration: a fixed amount,
    and the images and masks that are copied to the device if it is the largest GPU of
    `GPU_MEMORY_GB`.

    Args:
        study: The study.
        train: Number of training images.
        validation: Number of validation images.
    """
    config = study.training_config()
    height, width, _ = config.input_shape
    if config.device != "cpu":
        largest_gpu = max(GPU_MEMORY_GB.values()) * 10**9
        copied = images_on_device((train, validation), height, width, largest_gpu)
        return CUDA_MAIN_MEMORY + 2 * copied * height * width + OTHER_PROCESSES
    space = {name: to_wandb(parameter) for name, parameter in study.sweep.parameters.items()}
    largest = memory_extremes(config, space, train)[1]
    return memory.predict(largest, "float32", train + validation).total + OTHER_PROCESSES


def check_memory(least: TrainingConfig, most: TrainingConfig, train: int, validation: int) -> None:
    """Print a warning if the trial that needs most memory does not fit on this device.

    Args:
        least: The configuration that needs least memory.
        most: The configuration that needs most memory.
        train: Number of training images.
        validation: Number of validation images.

    Raises:
        UserError: Not even `least` fits.
    """
    device = environment.select(most.device)
    height, width, _ = most.input_shape
    images = images_on_device((train, validation), height, width, device.memory)
    need = memory.predict(most, device.autocast, images)
    if need.fits(device.memory):
        return
    available = f"{device.memory / 1e9:.1f} GB of {device.kind} memory are available"
    smallest = memory.predict(least, device.autocast, images)
    if not smallest.fits(device.memory):
        raise UserError(
            f"no trial of the study fits in memory: batch_size {least.batch_size} needs "
            f"{smallest.total / 1e9:.1f} GB (predicted) and {available}; choose smaller batches or "
            "fewer base_channels (`segsweep hardware` lists what fits)"
        )
    fitting = memory.largest_batch(most, device.autocast, device.memory, images)
    print(
        f"warning: batch_size {most.batch_size} with base_channels {most.base_channels} and depth "
        f"{most.depth} needs {need.total / 1e9:.1f} GB (predicted) and {available}; with this "
        f"network batches up to {fitting} fit, and trials with larger ones will end as "
        "out_of_memory",
        flush=True,
    )


def print_estimate(config: TrainingConfig, data: ProcessedSet, trials: int) -> None:
    """Print how long the sweep will take, from one timed step, and its space on disk."""
    try:
        step = seconds_per_step(config, data)
    except RuntimeError as error:
        if is_out_of_memory(error):
            return  # the training itself will report it
        raise
    train, validation = (data.splits.count(split) for split in ("train", "validation"))
    per_image = step / min(config.batch_size, train)
    seconds = study_seconds(config, trials, per_image, train, validation)
    minutes = max(1, round(seconds / 60))
    print(
        f"estimated time: {minutes} min for {trials} trials of {config.epochs} epochs, without "
        f"start-up (a step of {min(config.batch_size, train)} images takes {step:.2f} s)"
    )
    weights = weight_bytes(config) / 1e6
    print(
        f"estimated disk space: {trials * weights:.0f} MB in .store for the weights of all trials "
        f"({weights:.1f} MB each), and {4 * weights:.1f} MB for the checkpoint of the running one",
        flush=True,
    )
