"""A training with its files: what `results/train` and a trial's folder hold."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch

from segsweep.config.training_config import TrainingConfig
from segsweep.core.files import write_csv, write_json
from segsweep.data.dataset import ProcessedSet
from segsweep.pipeline import environment, gpus
from segsweep.training.checkpoint import write_tensors
from segsweep.training.columns import HISTORY, IMAGES, MODEL, WEIGHTS
from segsweep.training.fit import Outcome, fit
from segsweep.training.pruning import NO_PRUNING, PruningThresholds


@contextmanager
def on_its_own_card(config: TrainingConfig) -> Iterator[None]:
    """Hold a GPU for this process alone meanwhile, or a CPU slot where slots are declared."""
    if environment.select(config.device).kind != "cuda":
        with gpus.own(slots) if (slots := gpus.cpu_slots()) else nullcontext():
            yield
        return
    with gpus.own(gpus.visible()) as card:
        torch.cuda.set_device(card.number)
        for holder in gpus.holders(card):
            print(f"{card.name} {card.uuid}: {holder}", flush=True)
        yield


def train(
    config: TrainingConfig,
    data: ProcessedSet,
    out: Path,
    key: str,
    checkpoints: Path | None = None,
    on_epoch: Callable[[dict[str, float]], None] = lambda row: None,
    before_metrics: Callable[[Outcome], None] = lambda outcome: None,
    bars: PruningThresholds = NO_PRUNING,
) -> Outcome:
    """Train and write the files of a training to `out`: `history.csv`, `images.csv`, the model
    (`model.safetensors`, `model.json`) and `timing.json`.

    `metrics.json` is the last act, after `before_metrics`: where it stands, all else does (unless
    its `status` is "running", see `segsweep.training.dvc_live`). `key` names in it what the result was made
    from. A training that was stopped by `bars`, or failed before the end of its first epoch, leaves
    weights without tensors and images without rows.
    """
    for name in ("metrics.json", "history.csv", "images.csv", WEIGHTS, MODEL):
        (out / name).unlink(missing_ok=True)  # of an earlier training
    started = time.monotonic()
    outcome = fit(config, data, checkpoints, on_epoch, bars)
    outcome.metrics["key"] = key
    write_csv(out / "history.csv", HISTORY, outcome.history)
    write_csv(out / "images.csv", IMAGES, outcome.images)
    told = {"status": outcome.metrics["status"]}
    write_tensors(out / WEIGHTS, outcome.weights, told)
    write_json(out / MODEL, _description(config, data, outcome))
    write_json(out / "timing.json", {"training_seconds": round(time.monotonic() - started, 2)})
    before_metrics(outcome)
    write_json(out / "metrics.json", outcome.metrics)
    return outcome


def _description(config: TrainingConfig, data: ProcessedSet, outcome: Outcome) -> dict[str, Any]:
    """What `model.json` holds: beside the weights all that a prediction needs, and its origin.

    Like the weights it is a function of the key; `unet.model` reads it.
    """
    return {
        "config": config.to_dict(),
        "preprocessing": data.preprocessing,
        "threshold": outcome.threshold,
        "metrics": outcome.metrics,
        "data_sha256": data.identity,
        "environment": environment.hardware_and_versions(),
    }
