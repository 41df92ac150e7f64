"""How a training uses its device: reserving a GPU, what fits there, and failures.

Nothing here changes the numbers of a training.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

from segsweep.config.training_config import TrainingConfig
from segsweep.core.errors import MachineError
from segsweep.core.scratch import process_scratch
from segsweep.pipeline import environment, gpus

# `torch.use_deterministic_algorithms` makes this folder; nothing is compiled, so it stays empty.
os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(process_scratch() / "torchinductor"))

RESIDENT_SHARE = 0.25
"""A split is copied to the device if it takes at most this share of the device's memory."""

OUT_OF_MEMORY = (
    "allocate memory",
    "out of memory",
    "ALLOC_FAILED",
    "unable to find an engine",
)
"""Parts of the messages, besides `OutOfMemoryError`, by which PyTorch reports missing memory."""


def fits_on_device(images: int, height: int, width: int, memory: int) -> bool:
    """Return whether images and masks of a split are copied to a device of `memory` bytes."""
    return 2 * images * height * width <= RESIDENT_SHARE * memory


def images_on_device(splits: Sequence[int], height: int, width: int, memory: int) -> int:
    """Return how many images are on the device, for splits of these numbers of images."""
    return sum(n for n in splits if fits_on_device(n, height, width, memory))


@contextmanager
def reserve_gpu(config: TrainingConfig) -> Iterator[None]:
    """Reserve a GPU for this process and make it PyTorch's current one; no effect on a CPU."""
    if environment.select(config.device).kind != "cuda":
        yield
        return
    with gpus.reserve(gpus.visible_gpus()) as gpu:
        torch.cuda.set_device(gpu.number)
        for process in gpus.processes_on(gpu):
            print(f"{gpu.name} {gpu.uuid}: {process}", flush=True)
        yield


@contextmanager
def report_gpu_failure() -> Iterator[None]:
    """Turn errors of the CUDA driver into a one-line message.

    Raises:
        MachineError: The GPU failed, other than by running out of memory.
    """
    try:
        yield
    except RuntimeError as error:
        first_line = (str(error).strip().splitlines() or [""])[0]
        if not is_out_of_memory(error) and first_line.startswith(("CUDA error", "CUDA driver")):
            raise MachineError(
                f"the GPU failed ({first_line}); look at `nvidia-smi` and the system log, then run "
                "again: the training resumes from its last epoch"
            ) from error
        raise


def is_out_of_memory(error: RuntimeError) -> bool:
    """Return whether the device, or the machine, had no memory left."""
    message = str(error)
    return isinstance(error, torch.OutOfMemoryError) or any(p in message for p in OUT_OF_MEMORY)
