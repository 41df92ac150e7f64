"""The main memory of a training, told before for a scheduler that ends what takes more."""

import sys

from segsweep.study import Study
from segsweep.sweep.space import to_wandb
from segsweep.unet.forecast import reach
from segsweep.unet.memory import predict

BESIDE = 1_000_000_000
"""Bytes of what runs beside a training: Snakemake (twice), the agent, W&B, the report so far. They
took 0.5 GB where it was measured."""
CUDA = 5_000_000_000
"""Bytes of main memory that a training on a GPU takes at most: the libraries and pinned batches."""


def main_memory(study: Study) -> int:
    """Bytes of main memory that any training of the study takes, with all that runs beside it.

    On a GPU that is the same whatever is trained. On a CPU it is what the memory model says of the
    largest batch of the largest network, in float32.
    """
    if study.training.device != "cpu":
        return CUDA + BESIDE
    space = {name: to_wandb(parameter) for name, parameter in study.sweep.parameters.items()}
    largest = reach(study.training_config(), space, sys.maxsize)[1]
    return predict(largest, "float32").total + BESIDE
