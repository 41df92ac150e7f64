"""Load a trained network from its folder: `model.safetensors` and `model.json`.

The two files are sufficient, wherever they are copied to. The dtype of convolutions is that of the
best epoch, if the device supports it.
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
from segsweep.config.validation import check_training, validate
from segsweep.core.errors import UserError
from segsweep.core.files import check_readable, read_json
from segsweep.data.dataset import PREPROCESSING_KEYS
from segsweep.pipeline import environment
from segsweep.training.columns import MODEL, WEIGHTS
from segsweep.training.device import report_gpu_failure, reserve_gpu
from segsweep.training.engine import Engine
from segsweep.training.trainer import autocast_dtype, set_determinism
from segsweep.training.unet import UNet

METRICS = ("status", "reason", "best_epoch", "float32_since")
THRESHOLDS = ("chosen", "val_dice_coefficient", "val_dice_coefficient_at_half")
ADVICE = "copy the model's folder again, or repeat the training"


@dataclass(frozen=True)
class SavedModel:
    """A trained network on disk.

    Attributes:
        folder: The folder of its two files.
        config: The configuration of the training.
        preprocessing: How images become arrays, as in the study.
        threshold: The best threshold for the validation images (`chosen`), and their Dice with it
            and at 0.5.
        metrics: The content of `metrics.json`.
        data_sha256: Hash of the processed set it was trained on.
        environment: Hardware and versions it was trained with.
    """

    folder: Path
    config: TrainingConfig
    preprocessing: Preprocess
    threshold: dict[str, float]
    metrics: dict[str, Any]
    data_sha256: str
    environment: dict[str, str]

    @classmethod
    def read(cls, folder: Path) -> "SavedModel":
        """Read `model.json`.

        Raises:
            UserError: The file is missing, damaged, or of a training that did not finish.
        """
        path = folder / MODEL
        if not path.exists():
            raise UserError(
                f"{folder}: found no {MODEL}, expected the folder of a finished training, such as "
                "results/best"
            )
        content = read_json(path)
        try:
            metrics = dict(content["metrics"])
            status, reason, best, since = (metrics[name] for name in METRICS)
            if status == "finished":
                if type(best) is not int or type(since) not in (int, type(None)):
                    raise ValueError(f"found epochs {best} and {since}, expected whole numbers")
                config = _config(content["config"], path)
                return cls(
                    folder,
                    config,
                    _preprocessing(content["preprocessing"], config),
                    {name: float(content["threshold"][name]) for name in THRESHOLDS},
                    metrics,
                    str(content["data_sha256"]),
                    dict(content["environment"]),
                )
        except KeyError as error:
            raise UserError(f"{path}: the key {error} is missing; {ADVICE}") from error
        except (TypeError, ValueError) as error:
            raise UserError(f"{path}: is not a model description ({error}); {ADVICE}") from error
        raise UserError(
            f"{path}: found a training with status {status} ({reason}), expected a finished one; "
            "choose another model"
        )

    @contextmanager
    def load(self, device: str | None = None, threads: int | None = None) -> Iterator[Engine]:
        """Load the network with its weights, and reserve its GPU until the context ends.

        Args:
            device: auto, cpu, cuda or mps; by default that of the training.
            threads: Threads on a CPU; by default those of the training.

        Raises:
            UserError: The weights cannot be read or do not fit the configuration, or the device
                failed.
        """
        config = replace(
            self.config,
            device=device or self.config.device,
            threads=threads or self.config.threads,
        )
        weights = _weights(config, self.folder / WEIGHTS)
        with reserve_gpu(config), report_gpu_failure():
            set_determinism(config)
            device_info = environment.select(config.device)
            since, best = self.metrics["float32_since"], self.metrics["best_epoch"]
            autocast = autocast_dtype(config, device_info, since, best)
            engine = Engine(config, torch.device(device_info.kind), autocast)
            engine.network.load_state_dict(weights)
            yield engine


def _config(values: dict[str, Any], path: Path) -> TrainingConfig:
    config = TrainingConfig.from_dict(values, str(path))
    check_training(config.to_dict(), str(path))
    return config


def _preprocessing(values: dict[str, Any], config: TrainingConfig) -> Preprocess:
    settings = {name: values[name] for name in PREPROCESSING_KEYS}
    preprocessing = validate(Preprocess, settings, "preprocessing")
    if tuple(preprocessing.input_shape) != config.input_shape:
        raise ValueError(
            f"preprocessing.input_shape: found {preprocessing.input_shape}, expected "
            f"{list(config.input_shape)}, the input_shape of the training"
        )
    return preprocessing


def _weights(config: TrainingConfig, path: Path) -> dict[str, torch.Tensor]:
    """Load the weights and compare their shapes with the network before it is allocated."""
    check_readable(path)
    try:
        weights = load_file(path)
    except (OSError, SafetensorError) as error:
        raise UserError(f"{path}: the weights cannot be read ({error}); {ADVICE}") from error
    shapes = {name: list(tensor.shape) for name, tensor in weights.items()}
    try:
        with torch.device("meta"):
            network = UNet(config.base_channels, config.depth, config.dropout, config.norm)
    except RuntimeError as error:
        raise UserError(
            f"{path.with_name(MODEL)}: its network is too large for PyTorch; {ADVICE}"
        ) from error
    expected = {name: list(tensor.shape) for name, tensor in network.state_dict().items()}
    for name in sorted({**expected, **shapes}):
        if shapes.get(name) != expected.get(name):
            raise UserError(
                f"{path}: found {name} of shape {shapes.get(name)}, expected "
                f"{expected.get(name)}, as {MODEL} in the same folder says; {ADVICE}"
            )
    return weights
