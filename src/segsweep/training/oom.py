"""What PyTorch says when a device fails, told apart: a result, or a fault of the machine."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch

from segsweep.core.errors import MachineError
from segsweep.pipeline import gpus
from segsweep.training import memory
from segsweep.training.trainer import Trainer

SIGNS = ("allocate memory", "out of memory", "ALLOC_FAILED", "unable to find an engine")
"""What is said where memory is lacking, beside `OutOfMemoryError`."""


@contextmanager
def of_the_device() -> Iterator[None]:
    """Turn what a GPU's driver says into one sentence; raises `MachineError`."""
    try:
        yield
    except RuntimeError as error:
        text = str(error).strip().splitlines() or [""]
        if not is_out_of_memory(error) and text[0].startswith(("CUDA error", "CUDA driver")):
            raise MachineError(
                f"the GPU failed ({text[0]}); see `nvidia-smi` and the system's log, then run "
                "again: training goes on from its last epoch"
            ) from error
        raise


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether the device, or the machine, had no more memory to give."""
    return isinstance(error, torch.OutOfMemoryError) or any(sign in str(error) for sign in SIGNS)


def explain_memory(trainer: Trainer, error: RuntimeError) -> str:
    """The batch, what it takes at its peak, and the batch that would have fitted.

    What the device said goes to the log, as it differs from time to time. Raises `MachineError`
    when the batch would fit but for what other processes hold: then it says nothing of the batch.
    """
    print(str(error).strip().splitlines()[0], flush=True)
    traceback.clear_frames(error.__traceback__)  # what the step held is free again
    total, images = trainer.chosen.memory, trainer.resident_images()
    config = replace(trainer.config, batch_size=trainer.batch_size)
    autocast = str(trainer.engine.autocast).removeprefix("torch.")
    need = memory.predict(config, autocast, images)
    if trainer.device.type == "cuda" and need.fits(total):
        _blame_others(total)
    fits = memory.largest_batch(config, autocast, total, images)
    if need.fits(total):  # the prediction was too low
        fits = min(fits, trainer.batch_size // 2)
    return (
        f"a batch of {trainer.batch_size} takes {need.total / 1e9:.1f} GB by prediction and there "
        f"are {total / 1e9:.1f} GB; "
        + (f"{fits} would have fitted" if fits else "not even one image would have fitted")
    )


def _blame_others(total: int) -> None:
    free, _ = torch.cuda.mem_get_info()
    others = total - free - torch.cuda.memory_reserved() - memory.CONTEXT
    if others > memory.RESERVE * total:
        card = gpus.visible()[torch.cuda.current_device()]
        who = "; ".join(map(str, gpus.holders(card))) or "by whom is not told"
        raise MachineError(
            f"{card.name} ran out of memory while other processes held {others / 1e9:.1f} GB of "
            f"it ({who}); end them and run again"
        )
