"""The device that the next sweep is designed for, and what fits in its memory."""

import sys
from collections.abc import Callable
from dataclasses import replace

from segsweep.config.gpus import gpu_memory
from segsweep.config.search_space import to_wandb
from segsweep.config.study import Study
from segsweep.config.training_config import TrainingConfig
from segsweep.pipeline import environment
from segsweep.pipeline.environment import Device
from segsweep.training import memory
from segsweep.training.resource_estimate import memory_extremes


def target_device(study: Study) -> Device:
    """Return the device of `hardware.target`, which computes in bfloat16, or this machine's.

    Raises:
        UserError: The study asks for a device that is not there.
    """
    target = study.hardware.target
    if target is None:
        return environment.select(study.training.device)
    gigabytes = gpu_memory(target) if isinstance(target, str) else target
    name = target if isinstance(target, str) else "a GPU"
    return Device("cuda", name, "bfloat16", int(gigabytes * 1e9))


def batch_size_fits(study: Study, device: Device) -> Callable[[int], bool]:
    """Return a function: whether a batch size fits on `device` with the study's largest network."""
    largest = _largest_trial(study)

    def fits(batch_size: int) -> bool:
        need = memory.predict(replace(largest, batch_size=batch_size), device.autocast)
        return need.fits(device.memory)

    return fits


def memory_of_largest_trial(study: Study, device: Device) -> str:
    """Return the predicted peak memory of the largest batch of a study, and whether it fits."""
    largest = _largest_trial(study)
    need = memory.predict(largest, device.autocast)
    fits = "fits" if need.fits(device.memory) else "is predicted not to fit"
    return (
        f"The largest trial (batch size {largest.batch_size}, base_channels "
        f"{largest.base_channels}, depth {largest.depth}) needs {need.total / 1e9:.1f} GB "
        f"(predicted peak, without images kept on the device) of {device.memory / 1e9:.0f} GB, "
        f"so it {fits}."
    )


def _largest_trial(study: Study) -> TrainingConfig:
    """Return the configuration of the study's search space that needs most memory."""
    space = {name: to_wandb(parameter) for name, parameter in study.sweep.parameters.items()}
    return memory_extremes(study.training_config(), space, sys.maxsize)[1]


def format_device(device: Device) -> str:
    """Return the device and its memory for a sentence."""
    name = "the CPU of this machine" if device.kind == "cpu" else device.name
    return f"{name} with {device.memory / 1e9:.0f} GB"
