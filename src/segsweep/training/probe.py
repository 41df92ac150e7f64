"""One batch tried for real: some training steps and a validation pass, in a process of its own."""

import json
import os
import resource
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from segsweep.config.training_config import TrainingConfig
from segsweep.core.errors import UserError
from segsweep.core.processes import keep_freed_memory
from segsweep.data.dataset import ProcessedSet
from segsweep.training.engine import EVALUATION_BATCH
from segsweep.training.memory import CONTEXT
from segsweep.training.oom import is_out_of_memory
from segsweep.training.resource_estimate import seconds_per_step
from segsweep.training.run import on_its_own_card
from segsweep.training.trainer import Trainer

STEPS = 3


@dataclass(frozen=True)
class Probed:
    """Seconds of a step and bytes at the peak; None both where the memory did not suffice."""

    seconds: float | None
    peak: int | None


def probe(config: TrainingConfig) -> Probed:
    """Try `config` on random images in another process. Raises `UserError` when that fails."""
    with tempfile.TemporaryDirectory(prefix="segsweep-") as folder:
        told = Path(folder, "probed.json")
        command = [sys.executable, "-m", __name__, json.dumps(config.to_dict()), str(told)]
        paths = {"PYTHONPATH": str(Path(__file__).parents[2])}
        done = subprocess.run(command, env=os.environ | paths, stderr=subprocess.PIPE, text=True)
        if not told.exists():
            said = done.stderr.strip().splitlines()[-1:] or [f"ended with {done.returncode}"]
            raise UserError(f"a batch of {config.batch_size} could not be tried: {said[0]}")
        return Probed(**json.loads(told.read_text()))


def try_here(config: TrainingConfig) -> Probed:
    """The same in this process, whose peak it becomes."""
    data = random_images(config)
    try:
        with on_its_own_card(config):
            seconds = seconds_per_step(config, data, STEPS)
            trainer = Trainer(config, data)
            trainer.evaluate(trainer.validation)
            return Probed(seconds, _peak(trainer.device))
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        return Probed(None, None)


def random_images(config: TrainingConfig) -> ProcessedSet:
    """One batch to train on, and one to validate."""
    height, width, _ = config.input_shape
    count = config.batch_size + EVALUATION_BATCH
    pixels = np.random.default_rng(0).integers(0, 256, (count, height, width), np.uint8)
    splits = ["train"] * config.batch_size + ["validation"] * EVALUATION_BATCH
    names = [str(i) for i in range(count)]
    return ProcessedSet(pixels, (pixels > 127).astype(np.uint8), names, names, splits)


def _peak(device: torch.device) -> int:
    """Of all that the process takes, in bytes."""
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved() + CONTEXT
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    keep_freed_memory()
    result = try_here(TrainingConfig.from_dict(json.loads(sys.argv[1])))
    Path(sys.argv[2]).write_text(json.dumps(vars(result)))
