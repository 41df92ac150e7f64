"""Measure and report which batch sizes of a study fit on a device, and how fast they are.

Each batch size is measured in a separate process, which runs this file (see the last lines).
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from segsweep.config.training_config import TrainingConfig
from segsweep.core.errors import UserError
from segsweep.core.processes import keep_freed_memory
from segsweep.data.dataset import ProcessedSet
from segsweep.pipeline.environment import Device
from segsweep.training.device import is_out_of_memory, reserve_gpu
from segsweep.training.engine import EVALUATION_BATCH
from segsweep.training.memory import CONTEXT, RESERVE, Need, largest_batch, predict
from segsweep.training.resource_estimate import seconds_per_step, study_seconds
from segsweep.training.trainer import Trainer

STEPS = 3
"""Timed training steps of a measurement."""
SOURCE_FOLDER = str(Path(__file__).parents[2])

LARGER_BATCHES = 3
"""How many batch sizes above those of the study are examined, each twice the one before."""
SATURATED = 0.95
"""A batch size saturates the device if it reaches this share of the highest speed."""


@dataclass(frozen=True)
class Measurement:
    """Seconds of a step and bytes at the peak; both None if the memory was too small."""

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


@dataclass(frozen=True)
class Row:
    """One batch size: its predicted memory, whether it fits, and what was measured, if anything."""

    batch_size: int
    need: Need
    fits: bool
    measurement: Measurement | None

    @property
    def images_per_second(self) -> float | None:
        seconds = self.measurement.seconds if self.measurement else None
        return self.batch_size / seconds if seconds else None


def rows(
    config: TrainingConfig, batches: Sequence[int], device: Device, images: int, measured: bool
) -> Iterator[Row]:
    """Yield a row for each of `batches` and for larger ones up to the first that does not fit.

    Args:
        config: The largest network of the study.
        batches: Batch sizes in increasing order.
        device: The device.
        images: Number of images that are on the device for the whole training.
        measured: Whether to measure the batch sizes that fit, and not only predict their memory.
    """
    doubled = [batches[-1] * 2**step for step in range(1, LARGER_BATCHES + 1)]
    for batch in (*batches, *doubled):
        batch_config = replace(config, batch_size=batch)
        need = predict(batch_config, device.autocast, images)
        fits = need.fits(device.memory)
        measurement = probe(batch_config) if measured and fits else None
        fits = fits and (measurement is None or measurement.seconds is not None)
        yield Row(batch, need, fits, measurement)
        if not fits and batch >= batches[-1]:
            return


def table(
    rows: Sequence[Row], config: TrainingConfig, trials: int, train: int, validation: int
) -> str:
    """Return the rows as a Markdown table.

    Its hours are those of the whole study if all trials had that batch size.

    Args:
        rows: The rows.
        config: The largest network of the study.
        trials: Number of trials of the study.
        train: Number of training images; 0 if there is no data yet.
        validation: Number of validation images.
    """
    lines = [
        "| batch | predicted, GB | fits | measured, GB | images/s | hours |",
        "| ---: | ---: | --- | ---: | ---: | ---: |",
    ]
    for row in rows:
        speed = row.images_per_second
        peak = row.measurement.peak if row.measurement else None
        hours = None
        if speed and train:
            batch_config = replace(config, batch_size=row.batch_size)
            hours = study_seconds(batch_config, trials, 1 / speed, train, validation) / 3600
        lines.append(
            f"| {row.batch_size} | {row.need.total / 1e9:.1f} | {'yes' if row.fits else 'no'} "
            f"| {_format(peak and peak / 1e9, '.1f')} | {_format(speed, '.1f')} "
            f"| {_format(hours, '.2f')} |"
        )
    return "\n".join(lines)


def _format(number: float | None, spec: str) -> str:
    return "" if number is None else format(number, spec)


def saturating_batch(rows: Sequence[Row]) -> int | None:
    """Return the smallest batch size that is about as fast as the fastest, in images per second.

    None if nothing was measured.
    """
    speeds = {r.batch_size: r.images_per_second for r in rows if r.images_per_second}
    fast = [batch for batch, speed in speeds.items() if speed >= SATURATED * max(speeds.values())]
    return min(fast, default=None)


def remarks(
    rows: Sequence[Row], config: TrainingConfig, device: Device, images: int, measured: bool
) -> list[str]:
    """Return sentences that explain the table; arguments as for `rows` and `table`."""
    autocast = device.autocast if config.mixed_precision else "float32"
    largest = largest_batch(config, device.autocast, device.memory, images)
    sentences = [
        f"The largest network of the study has base_channels {config.base_channels} and depth "
        f"{config.depth}. The largest batch that fits is {largest} (predicted).",
        f"Device: {device.name}, {device.memory / 1e9:.1f} GB, convolutions in {autocast}. A batch "
        f"fits if it leaves {RESERVE:.0%} of the memory free. Predictions include "
        f"{CONTEXT / 1e9:.1f} GB for libraries.",
    ]
    if not measured:
        sentences.append("Nothing was measured: run this on that machine without --memory.")
    elif batch := saturating_batch(rows):
        sentences.append(f"A batch of {batch} reaches {SATURATED:.0%} of the highest speed.")
    return sentences


if __name__ == "__main__":
    keep_freed_memory()
    measurement = measure(TrainingConfig.from_dict(json.loads(sys.argv[1])))
    Path(sys.argv[2]).write_text(json.dumps(vars(measurement)))
