"""Predict the memory of a training without its device, and explain an out-of-memory failure.

A step and an evaluation pass are run on tensors that have sizes but no storage, and PyTorch's
`MemTracker` adds up what would be allocated at the peak: parameters, gradients, the state of the
optimiser, what autograd saves, and temporary tensors. What a GPU's libraries take is added.
"""

import logging
import traceback
from dataclasses import dataclass, replace
from functools import cache

import torch

from segsweep.config.training_config import TrainingConfig
from segsweep.core.errors import MachineError
from segsweep.pipeline import gpus
from segsweep.training.augmentation import AugmentationParams
from segsweep.training.dataloader import Batch
from segsweep.training.engine import EVALUATION_BATCH, Engine
from segsweep.training.trainer import Trainer

WORKSPACE = 0.05
"""Workspace of convolutions, as a share of what a step holds."""
CONTEXT = 500_000_000
"""Bytes of the libraries of a process: a CUDA context, or PyTorch in main memory."""
RESERVE = 0.1
"""Share of a GPU that is left free, for fragmentation and for the screen."""


@dataclass(frozen=True)
class Need:
    """The peak memory of a training.

    Attributes:
        tensors: Bytes that PyTorch allocates.
        total: All bytes.
    """

    tensors: int
    total: int

    def fits(self, memory: int) -> bool:
        """Return whether it fits into `memory` bytes, with RESERVE left free."""
        return self.total <= (1 - RESERVE) * memory


def predict(config: TrainingConfig, autocast: str, images: int = 0) -> Need:
    """Predict the peak memory of a training.

    Args:
        config: The configuration.
        autocast: Name of the dtype that the device uses for convolutions in mixed precision.
        images: Number of images that are on the device for the whole training.
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
    """Return the largest batch that fits into `memory` bytes, 0 if not even one image does."""

    def need(batch_size: int) -> Need:
        return predict(replace(config, batch_size=batch_size), autocast, images)

    small, large = 8, 64
    per_image = (need(large).total - need(small).total) / (large - small)
    batch = max(1, small + int(((1 - RESERVE) * memory - need(small).total) / per_image))
    while need(batch + 1).fits(memory):
        batch += 1
    while batch and not need(batch).fits(memory):
        batch -= 1
    return batch


@cache
def _peak(config: TrainingConfig, autocast: str, trains: bool) -> int:
    """Return the bytes of all tensors at the peak of two training steps, or of an evaluation."""
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch.distributed._tools.mem_tracker import MemTracker  # takes a second to import

    height, width, _ = config.input_shape
    logging.getLogger("torch.distributed").setLevel(logging.ERROR)
    with FakeTensorMode():
        engine = Engine(config, torch.device("cpu"), autocast)
        n = config.batch_size
        images = torch.zeros(n, 1, height, width, dtype=torch.uint8)
        batch = Batch(images, images, False)
        symmetry, factors = torch.zeros(n, dtype=torch.int64), torch.zeros(n)
        params = AugmentationParams(symmetry, factors, factors)
        tracker = MemTracker()
        tracker.track_external(engine.network, engine.optimizer.inner, images)
        with tracker:
            for _ in range(2):  # the first step allocates the optimiser's state
                if trains:
                    engine.train_step(batch, params, 0.0)
                else:
                    engine.eval_step(batch)
                tracker.reset_mod_stats()
        by_device = tracker.get_tracker_snapshot("peak")
    return int(sum(kinds["Total"] for kinds in by_device.values()))


def explain_out_of_memory(trainer: Trainer, error: RuntimeError) -> str:
    """Return the predicted memory of the batch, and the largest batch that would fit.

    PyTorch's own message differs from run to run, so it is printed but not returned.

    Raises:
        MachineError: The batch would fit if other processes did not use the GPU; the failure is
            then no result of the configuration.
    """
    print(str(error).strip().splitlines()[0], flush=True)
    traceback.clear_frames(error.__traceback__)  # frees the tensors of the failed step
    memory, images = trainer.device_info.memory, trainer.images_on_device()
    config = replace(trainer.config, batch_size=trainer.batch_size)
    autocast = str(trainer.engine.autocast).removeprefix("torch.")
    need = predict(config, autocast, images)
    if trainer.device.type == "cuda" and need.fits(memory):
        _check_other_processes(memory)
    largest = largest_batch(config, autocast, memory, images)
    if need.fits(memory):  # the prediction was too low
        largest = min(largest, trainer.batch_size // 2)
    fitting = f"a batch of {largest} would fit" if largest else "not even one image would fit"
    return (
        f"a batch of {trainer.batch_size} needs {need.total / 1e9:.1f} GB (predicted) of "
        f"{memory / 1e9:.1f} GB; {fitting}"
    )


def _check_other_processes(memory: int) -> None:
    free, _ = torch.cuda.mem_get_info()
    others = memory - free - torch.cuda.memory_reserved() - CONTEXT
    if others > RESERVE * memory:
        gpu = gpus.visible_gpus()[torch.cuda.current_device()]
        processes = "; ".join(map(str, gpus.processes_on(gpu))) or "the driver does not say which"
        raise MachineError(
            f"{gpu.name} ran out of memory while other processes used {others / 1e9:.1f} GB of it "
            f"({processes}); end them and run again"
        )
