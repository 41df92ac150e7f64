"""The main memory of a training, told before for a scheduler that ends what takes more."""

from segsweep.config.gpus import CARDS
from segsweep.config.search_space import to_wandb
from segsweep.config.study import Study
from segsweep.training.dataloader import resident_images
from segsweep.training.memory import predict
from segsweep.training.resource_estimate import reach

BESIDE = 1_000_000_000
"""Bytes of what runs beside a training: Snakemake (twice), the agent, W&B, the report so far. They
took 0.5 GB where it was measured."""
CUDA = 5_000_000_000
"""Bytes of main memory for a training on a GPU beside its data: libraries and pinned batches. A
round figure, on the safe side."""


def main_memory(study: Study, train: int, validation: int) -> int:
    """Bytes of main memory that any training of the study takes, with all that runs beside it.

    `train` and `validation` are numbers of images. On a CPU it is what the memory model says of the
    largest batch of the largest network, in float32, and of all these images and their masks. On a
    GPU it is the same whatever is trained: a round figure, and the images and masks that pass
    through main memory because they would live on the largest of `CARDS`.
    """
    config = study.training_config()
    height, width, _ = config.input_shape
    if config.device != "cpu":
        passing = resident_images((train, validation), height, width, max(CARDS.values()) * 10**9)
        return CUDA + 2 * passing * height * width + BESIDE
    space = {name: to_wandb(parameter) for name, parameter in study.sweep.parameters.items()}
    largest = reach(config, space, train)[1]
    return predict(largest, "float32", train + validation).total + BESIDE
