"""A training with its files: what `results/train` and a trial's folder hold."""

import time
from collections.abc import Callable
from pathlib import Path

from safetensors.torch import save_file

from segsweep.data.arrays import ProcessedSet
from segsweep.files import replacing, write_csv, write_json
from segsweep.unet.config import TrainingConfig
from segsweep.unet.training import HISTORY, Outcome, fit

IMAGES = ("name", "true_positives", "false_positives", "false_negatives", "dice")


def train(
    config: TrainingConfig,
    data: ProcessedSet,
    out: Path,
    key: str,
    checkpoints: Path | None = None,
    on_epoch: Callable[[dict[str, float]], None] = lambda row: None,
    before_metrics: Callable[[Outcome], None] = lambda outcome: None,
) -> Outcome:
    """Train and write `history.csv`, `images.csv`, `model.safetensors`, `timing.json` to `out`.

    `metrics.json` is the last act, after `before_metrics`: where it stands, all else does. `key`
    names in it what the result was made from. A training that failed before the end of its first
    epoch leaves weights without tensors.
    """
    started = time.monotonic()
    outcome = fit(config, data, checkpoints, on_epoch)
    outcome.metrics["key"] = key
    write_csv(out / "history.csv", HISTORY, outcome.history)
    write_csv(out / "images.csv", IMAGES, outcome.images)
    with replacing(out / "model.safetensors") as aside:
        save_file(outcome.weights, aside, metadata={"status": outcome.metrics["status"]})
    write_json(out / "timing.json", {"training_seconds": round(time.monotonic() - started, 2)})
    before_metrics(outcome)
    write_json(out / "metrics.json", outcome.metrics)
    return outcome
