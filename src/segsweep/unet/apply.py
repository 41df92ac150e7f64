"""A finished training applied to a split: what its network makes of each image.

The arithmetic is the one in which the best epoch was measured, so on the same kind of machine the
validation images come out as the training left them in `images.csv`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from segsweep.data.arrays import ProcessedSet
from segsweep.errors import UserError
from segsweep.files import read_json
from segsweep.unet import devices, failures
from segsweep.unet.config import TrainingConfig
from segsweep.unet.dice import iou
from segsweep.unet.engine import EVALUATION_BATCH, Engine
from segsweep.unet.evaluation import Evaluation
from segsweep.unet.run import on_its_own_card
from segsweep.unet.split import Split
from segsweep.unet.trainer import autocast_of, settle

NEEDED = {"status", "best_epoch", "float32_since"}
AGAIN = "run the training again"


@dataclass(frozen=True)
class Applied:
    """`images`: a row for each (name; true positives, false positives and false negatives in pixels
    of the processed image; Dice and IoU in 0 to 1). `predicted`: their masks, uint8 (n, height,
    width), 0 or 1.
    """

    images: list[dict[str, Any]]
    predicted: np.ndarray


def apply(trained: Path, data: ProcessedSet, name: str) -> Applied:
    """What the network in the folder `trained` makes of the split `name` of `data`.

    `trained` holds `config.yaml`, `metrics.json` and `model.safetensors`. Raises `UserError` when
    one of them cannot be read or does not fit the others, when the training did not finish, when
    the images have another size, and when the device fails.
    """
    config = TrainingConfig.read(trained / "config.yaml")
    metrics = _metrics(trained / "metrics.json")
    with on_its_own_card(config), failures.of_the_device():
        settle(config)
        chosen = devices.select(config.device)
        device = torch.device(chosen.kind)
        split = Split(data, name, config.seed, device, chosen.memory)
        _check_size(split, config)
        since, best = metrics["float32_since"], metrics["best_epoch"]
        engine = Engine(config, device, autocast_of(config, chosen, since, best))
        _load(engine.network, trained / "model.safetensors")
        batches = split.batches(torch.arange(len(split)).split(EVALUATION_BATCH))
        judged = zip(*map(engine.judge, batches), strict=True)
        found = Evaluation(*(torch.cat(column).cpu() for column in judged))
    assert found.predicted is not None
    rows = zip(found.per_image(split.names), iou(found.count).tolist(), strict=True)
    images = [row | {"iou": score} for row, score in rows]
    return Applied(images, found.predicted.to(torch.uint8).numpy())


def _metrics(path: Path) -> dict[str, Any]:
    metrics = read_json(path)
    if not isinstance(metrics, dict) or not metrics.keys() >= NEEDED:
        raise UserError(f"{path}: is not what a training writes; {AGAIN}")
    if metrics["status"] != "finished":
        raise UserError(
            f"{path}: found a training that is {metrics['status']} ({metrics.get('reason')}), "
            "expected a finished one; choose another"
        )
    return metrics


def _check_size(split: Split, config: TrainingConfig) -> None:
    if split.shape != config.input_shape[:2]:
        found, expected = (" x ".join(map(str, s)) for s in (split.shape, config.input_shape[:2]))
        raise UserError(
            f"the processed images measure {found}, expected {expected}, on which the network was "
            "trained; apply it to the processed set that it was trained on"
        )


def _load(network: nn.Module, path: Path) -> None:
    """Give the network its weights."""
    try:
        weights = load_file(path)
    except (OSError, SafetensorError) as error:
        raise UserError(f"{path}: the weights cannot be read ({error}); {AGAIN}") from error
    found = {name: list(tensor.shape) for name, tensor in weights.items()}
    expected = {name: list(tensor.shape) for name, tensor in network.state_dict().items()}
    for name in sorted({**expected, **found}):
        if found.get(name) != expected.get(name):
            raise UserError(
                f"{path}: found {name} of shape {found.get(name)}, expected "
                f"{expected.get(name)} by the config.yaml beside it; {AGAIN}"
            )
    network.load_state_dict(weights)
