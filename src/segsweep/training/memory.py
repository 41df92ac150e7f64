"""How much memory a training takes, told before, on a machine without that device.

A step and a validation pass are run with tensors that have sizes but no storage, and PyTorch's own
`MemTracker` adds up what would be allocated at the peak: parameters, gradients, the optimiser's
state, what autograd saves, and what passes by. What a GPU's libraries take beside that is a share
of it.
"""

import logging
from dataclasses import dataclass, replace
from functools import cache

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.distributed._tools.mem_tracker import MemTracker

from segsweep.config.training_config import TrainingConfig
from segsweep.training.augmentation import Draws
from segsweep.training.engine import EVALUATION_BATCH, Engine

WORKSPACE = 0.05
"""What convolutions borrow while they compute, as a share of what a step holds."""
CONTEXT = 500_000_000
"""What the libraries of a process take, in bytes: a CUDA context, or PyTorch in main memory."""
RESERVE = 0.1
"""The share of a card that is left free, for fragments and for what the screen needs."""


@dataclass(frozen=True)
class Need:
    """Bytes at the peak of one training: `tensors` that PyTorch allocates, and all of it."""

    tensors: int
    total: int

    def fits(self, memory: int) -> bool:
        """Whether it fits into `memory` bytes, with the reserve left free."""
        return self.total <= (1 - RESERVE) * memory


def predict(config: TrainingConfig, autocast: str, images: int = 0) -> Need:
    """What a training needs on a device whose autocast, where it is used, is to `autocast`.

    `images` is the number of images that live there too.
    """
    height, width, _ = config.input_shape
    autocast = autocast if config.mixed_precision else "float32"
    tensors = max(
        _peak(config, autocast, True),
        _peak(replace(config, batch_size=EVALUATION_BATCH), autocast, False),
    )
    tensors += 2 * images * height * width
    return Need(tensors, int(tensors * (1 + WORKSPACE)) + CONTEXT)


def largest_batch(config: TrainingConfig, autocast: str, memory: int, images: int = 0) -> int:
    """The largest batch that fits into `memory` bytes; 0 where not even one image does."""

    def need(batch_size: int) -> Need:
        return predict(replace(config, batch_size=batch_size), autocast, images)

    few, many = 8, 64
    each = (need(many).total - need(few).total) / (many - few)
    found = max(1, few + int(((1 - RESERVE) * memory - need(few).total) / each))
    while need(found + 1).fits(memory):
        found += 1
    while found and not need(found).fits(memory):
        found -= 1
    return found


@cache
def _peak(config: TrainingConfig, autocast: str, trains: bool) -> int:
    """Bytes of all tensors at the peak of two steps, or of a validation pass."""
    height, width, _ = config.input_shape
    logging.getLogger("torch.distributed").setLevel(logging.ERROR)
    with FakeTensorMode():
        engine = Engine(config, torch.device("cpu"), autocast)
        n = config.batch_size
        images = torch.zeros(n, 1, height, width, dtype=torch.uint8)
        moves, numbers = torch.zeros(n, dtype=torch.int64), torch.zeros(n)
        tracker = MemTracker()
        tracker.track_external(engine.network, engine.optimizer.inner, images)
        with tracker:
            for _ in range(2):  # the first makes the optimiser's state
                if trains:
                    engine.step((images, images), Draws(moves, numbers, numbers), 0.0)
                else:
                    engine.judge((images, images))
                tracker.reset_mod_stats()
        by_device = tracker.get_tracker_snapshot("peak")
    return int(sum(kinds["Total"] for kinds in by_device.values()))
