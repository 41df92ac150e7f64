"""A trained network as its folder holds it: `model.safetensors`, and `model.json` for all else.

The two files are enough, wherever they are copied to. The arithmetic is the one in which the best
epoch was measured, as far as the device has it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from segsweep.config.sections import Preprocess
from segsweep.config.training_config import TrainingConfig
from segsweep.config.validation import check_training
from segsweep.config.validation_errors import named
from segsweep.core.errors import UserError
from segsweep.core.files import read_json
from segsweep.data.processed_files import REPEATED
from segsweep.pipeline import environment
from segsweep.training import oom
from segsweep.training.columns import MODEL, WEIGHTS
from segsweep.training.engine import Engine
from segsweep.training.run import on_its_own_card
from segsweep.training.trainer import autocast_of, settle
from segsweep.training.unet import UNet

METRICS = ("status", "reason", "best_epoch", "float32_since")
THRESHOLDS = ("chosen", "val_dice_coefficient", "val_dice_coefficient_at_half")
AGAIN = "copy the model's folder anew, or run the training again"


@dataclass(frozen=True)
class Model:
    """`preprocessing`: how an image became an array, as in the study. `threshold`: which would have
    been best for the validation images, and their Dice with it and at 0.5. `metrics`: those of
    `metrics.json`. `data_sha256` and `environment`: what it was trained on, and where.
    """

    folder: Path
    config: TrainingConfig
    preprocessing: Preprocess
    threshold: dict[str, float]
    metrics: dict[str, Any]
    data_sha256: str
    environment: dict[str, str]

    @classmethod
    def read(cls, folder: Path) -> "Model":
        """Read `model.json`. Raises `UserError` when it is not one of a finished training."""
        path = folder / MODEL
        if not path.exists():
            raise UserError(f"{folder}: holds no {MODEL}; expected a trained one, as results/train")
        told = read_json(path)
        try:
            metrics = dict(told["metrics"])
            status, reason, best, since = (metrics[name] for name in METRICS)
            if status == "finished":
                if type(best) is not int or type(since) not in (int, type(None)):
                    raise ValueError(f"epochs {best} and {since}, expected whole numbers")
                config = _config(told["config"], path)
                return cls(
                    folder,
                    config,
                    _preprocessing(told["preprocessing"], config),
                    {name: float(told["threshold"][name]) for name in THRESHOLDS},
                    metrics,
                    str(told["data_sha256"]),
                    dict(told["environment"]),
                )
        except KeyError as error:
            raise UserError(f"{path}: the key {error} is missing; {AGAIN}") from error
        except (TypeError, ValueError) as error:
            raise UserError(f"{path}: is not what a training writes ({error}); {AGAIN}") from error
        raise UserError(
            f"{path}: found a training that is {status} ({reason}), expected a finished one; "
            "choose another"
        )

    @contextmanager
    def ready(self, device: str | None = None, threads: int | None = None) -> Iterator[Engine]:
        """The network with its weights on a device, which is this process's own meanwhile.

        Device and threads are the training's, unless they are given. Raises `UserError` when the
        weights cannot be read or do not fit, and when the device fails.
        """
        config = replace(
            self.config,
            device=device or self.config.device,
            threads=threads or self.config.threads,
        )
        weights = _weights(config, self.folder / WEIGHTS)
        with on_its_own_card(config), oom.of_the_device():
            settle(config)
            chosen = environment.select(config.device)
            since, best = self.metrics["float32_since"], self.metrics["best_epoch"]
            autocast = autocast_of(config, chosen, since, best)
            engine = Engine(config, torch.device(chosen.kind), autocast)
            engine.network.load_state_dict(weights)
            yield engine


def _config(values: dict[str, Any], path: Path) -> TrainingConfig:
    config = TrainingConfig.from_dict(values, str(path))
    check_training(config.to_dict(), str(path))
    return config


def _preprocessing(values: dict[str, Any], config: TrainingConfig) -> Preprocess:
    with named("preprocessing"):
        preprocessing = Preprocess(**{name: values[name] for name in REPEATED})
    if tuple(preprocessing.input_shape) != config.input_shape:
        raise ValueError(
            f"preprocessing.input_shape: found {preprocessing.input_shape}, expected "
            f"{list(config.input_shape)}, on which the network was trained"
        )
    return preprocessing


def _weights(config: TrainingConfig, path: Path) -> dict[str, torch.Tensor]:
    """The weights, held to the network of the configuration before any of it is made."""
    try:
        weights = load_file(path)
    except (OSError, SafetensorError) as error:
        raise UserError(f"{path}: the weights cannot be read ({error}); {AGAIN}") from error
    found = {name: list(tensor.shape) for name, tensor in weights.items()}
    try:
        with torch.device("meta"):
            network = UNet(config.base_channels, config.depth, config.dropout, config.norm)
    except RuntimeError as error:
        raise UserError(f"{path.with_name(MODEL)}: no network is as large; {AGAIN}") from error
    expected = {name: list(tensor.shape) for name, tensor in network.state_dict().items()}
    for name in sorted({**expected, **found}):
        if found.get(name) != expected.get(name):
            raise UserError(
                f"{path}: found {name} of shape {found.get(name)}, expected "
                f"{expected.get(name)} by the {MODEL} beside it; {AGAIN}"
            )
    return weights
