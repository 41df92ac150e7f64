"""Measure one batch size: some training steps and an evaluation pass, in a separate process."""

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
from segsweep.training.device import is_out_of_memory, reserve_gpu
from segsweep.training.engine import EVALUATION_BATCH
from segsweep.training.memory import CONTEXT
from segsweep.training.resource_estimate import seconds_per_step
from segsweep.training.trainer import Trainer

STEPS = 3
SOURCE_FOLDER = str(Path(__file__).parents[2])


@dataclass(frozen=True)
class Measurement:
    """Seconds of a step and bytes at the peak; both None if the memory did not suffice."""

    seconds: float | None
    peak: int | None


def probe(config: TrainingConfig) -> Measurement:
    """Train on random images in a separate process.

    Raises:
        UserError: The process failed for another reason than missing memory.
    """
    with tempfile.TemporaryDirectory(prefix="segsweep-") as folder:
        result = Path(folder, "measurement.json")
        command = [sys.executable, "-m", __name__, json.dumps(config.to_dict()), str(result)]
        done = subprocess.run(
            command, env=subprocess_environment(), stderr=subprocess.PIPE, text=True
        )
        if not result.exists():
            reason = done.stderr.strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
            raise UserError(
                f"a batch of {config.batch_size} could not be measured: {reason[0]}; use "
                "`segsweep hardware --memory` for the prediction alone"
            )
        return Measurement(**json.loads(result.read_text()))


def subprocess_environment() -> dict[str, str]:
    """Return this process's environment with segsweep first in PYTHONPATH."""
    paths = [SOURCE_FOLDER, *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)}


def measure(config: TrainingConfig) -> Measurement:
    """Train on random images in this process; the peak is that of the process."""
    data = random_images(config)
    try:
        with reserve_gpu(config):
            seconds = seconds_per_step(config, data, STEPS)
            trainer = Trainer(config, data)
            trainer.evaluate(trainer.validation_loader)
            return Measurement(seconds, _peak(trainer.device))
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        return Measurement(None, None)


def random_images(config: TrainingConfig) -> ProcessedSet:
    """Return one batch of random images to train on, and one to evaluate."""
    height, width, _ = config.input_shape
    count = config.batch_size + EVALUATION_BATCH
    pixels = np.random.default_rng(0).integers(0, 256, (count, height, width), np.uint8)
    splits = ["train"] * config.batch_size + ["validation"] * EVALUATION_BATCH
    names = [str(i) for i in range(count)]
    return ProcessedSet(pixels, (pixels > 127).astype(np.uint8), names, names, splits)


def _peak(device: torch.device) -> int:
    """Return the peak memory of this process in bytes."""
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved() + CONTEXT
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    keep_freed_memory()
    measurement = measure(TrainingConfig.from_dict(json.loads(sys.argv[1])))
    Path(sys.argv[2]).write_text(json.dumps(vars(measurement)))
