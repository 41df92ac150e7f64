"""The hardware that the next sweep is designed for, and which batches fit there."""

import sys
from collections.abc import Callable
from dataclasses import replace

from segsweep.config.gpus import card_memory
from segsweep.config.search_space import to_wandb
from segsweep.config.study import Study
from segsweep.pipeline import environment
from segsweep.pipeline.environment import Device
from segsweep.training import memory
from segsweep.training.resource_estimate import reach


def target_of(study: Study) -> Device:
    """`hardware.target` of a study, whose convolutions are in bfloat16; else this machine's device.

    Raises `UserError` where the study asks for a device that is not here.
    """
    wanted = study.hardware.target
    if wanted is None:
        return environment.select(study.training.device)
    gigabytes = card_memory(wanted) if isinstance(wanted, str) else wanted
    name = wanted if isinstance(wanted, str) else "a card"
    return Device("cuda", name, "bfloat16", int(gigabytes * 1e9))


def fitting(study: Study, device: Device) -> Callable[[int], bool]:
    """Says of a batch whether the study's largest network fits with it, by prediction."""
    space = {name: to_wandb(parameter) for name, parameter in study.sweep.parameters.items()}
    largest = reach(study.training_config(), space, sys.maxsize)[1]

    def fits(batch_size: int) -> bool:
        need = memory.predict(replace(largest, batch_size=batch_size), device.autocast)
        return need.fits(device.memory)

    return fits


def in_words(device: Device) -> str:
    name = "the CPU of this machine" if device.kind == "cpu" else device.name
    return f"{name} with {device.memory / 1e9:.0f} GB"
