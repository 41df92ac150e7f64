"""Load a trained network from its folder: `model.safetensors` and `model.json`.

The two files are sufficient, wherever they are copied to. The dtype of convolutions is that of the
best epoch, if the device supports it.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load

from segsweep.config.sections import Preprocess
from segsweep.config.training_config import TrainingConfig
from segsweep.core.errors import UserError
from segsweep.core.files import check_readable, read_bytes, read_json
from segsweep.core.printable import printable
from segsweep.inference.model_json import (
    preprocessing_of,
    shorten,
    table,
    threshold_of,
    training_config,
)
from segsweep.pipeline import environment
from segsweep.training.columns import MODEL, WEIGHTS
from segsweep.training.device import report_gpu_failure, reserve_gpu
from segsweep.training.engine import Engine
from segsweep.training.trainer import autocast_dtype, set_determinism
from segsweep.training.unet import UNet

METRICS = ("status", "reason", "best_epoch", "float32_since")
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
        weights_sha256: Hash of the file of weights; None in models of version 0.1.0.
    """

    folder: Path
    config: TrainingConfig
    preprocessing: Preprocess
    threshold: dict[str, float]
    metrics: dict[str, Any]
    data_sha256: str
    environment: dict[str, str]
    weights_sha256: str | None

    @classmethod
    def read(cls, folder: Path) -> "SavedModel":
        """Read `model.json`.

        Raises:
            UserError: The file is missing, damaged, or of a training that did not finish.
        """
        path = folder / MODEL
        _require_file(path)
        if not path.exists():
            raise UserError(
                f"{folder}: found no {MODEL}, expected the folder of a finished training, such as "
                "results/best"
            )
        content = read_json(path)
        try:
            metrics = table(table(content, "file")["metrics"], "metrics")
            status, reason, best, since = (metrics[name] for name in METRICS)
            if status == "finished":
                if type(best) is not int or type(since) not in (int, type(None)):
                    raise ValueError(f"found epochs {best} and {since}, expected whole numbers")
                config = training_config(table(content["config"], "config"))
                return cls(
                    folder,
                    config,
                    preprocessing_of(table(content["preprocessing"], "preprocessing"), config),
                    threshold_of(table(content["threshold"], "threshold")),
                    metrics,
                    str(content["data_sha256"]),
                    table(content["environment"], "environment"),
                    content.get("weights_sha256"),
                )
        except KeyError as error:
            raise UserError(f"{path}: the key {error} is missing; {ADVICE}") from error
        except (TypeError, ValueError, OverflowError) as error:
            found = shorten("; ".join(str(error).splitlines()))
            raise UserError(f"{path}: is not a model description ({found}); {ADVICE}") from error
        found = printable(shorten(f"{status} ({reason})"))
        raise UserError(
            f"{path}: found a training with status {found}, expected a finished one; choose "
            "another model"
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
        weights = _weights(config, self.folder / WEIGHTS, self.weights_sha256)
        with reserve_gpu(config), report_gpu_failure():
            set_determinism(config)
            device_info = environment.select(config.device)
            _check_memory(config, device_info.memory, self.folder / MODEL)
            since, best = self.metrics["float32_since"], self.metrics["best_epoch"]
            autocast = autocast_dtype(config, device_info, since, best)
            engine = Engine(config, torch.device(device_info.kind), autocast)
            engine.network.load_state_dict(weights)
            yield engine


def _require_file(path: Path) -> None:
    """Refuse a pipe, device or folder, as reading a pipe may never end; the file may be missing."""
    if path.exists() and not path.is_file():
        kind = "folder" if path.is_dir() else "pipe, socket or device"
        raise UserError(f"{path}: found a {kind}, expected a file; {ADVICE}")


def _check_memory(config: TrainingConfig, memory: int, path: Path) -> None:
    """Refuse images that do not fit in memory, because the system may kill the process.

    The network holds two arrays of the first level at a time, of 2 bytes per value or more.
    """
    height, width, _ = config.input_shape
    needed = 2 * 2 * config.base_channels * height * width
    if needed > memory:
        raise UserError(
            f"{path}: the network needs more than {needed / 1e9:.1f} GB of memory for an image of "
            f"{height} x {width} pixels, found {memory / 1e9:.1f} GB; use another machine or model"
        )


def _weights(
    config: TrainingConfig, path: Path, expected_sha256: str | None
) -> dict[str, torch.Tensor]:
    """Load the weights and compare them with the network before it is allocated."""
    _require_file(path)
    check_readable(path)
    try:
        content = read_bytes(path)
        weights = load(content)
    except UserError:
        raise
    except Exception as error:  # safetensors raises any exception for types that PyTorch lacks
        raise UserError(f"{path}: the weights cannot be read ({error}); {ADVICE}") from error
    if expected_sha256 not in (None, hashlib.sha256(content).hexdigest()):
        raise UserError(
            f"{path}: found other weights than {MODEL} in the same folder describes; {ADVICE}"
        )
    shapes = {name: list(tensor.shape) for name, tensor in weights.items()}
    try:
        with torch.device("meta"):
            network = UNet(config.base_channels, config.depth, config.dropout, config.norm)
    except (RuntimeError, OverflowError, TypeError) as error:  # a size beyond 64 bits
        raise UserError(
            f"{path.with_name(MODEL)}: its network is too large for PyTorch; {ADVICE}"
        ) from error
    tensors = network.state_dict()
    expected = {name: list(tensor.shape) for name, tensor in tensors.items()}
    for name in sorted({**expected, **shapes}):
        if shapes.get(name) != expected.get(name):
            raise UserError(
                f"{path}: found {printable(name)} of shape {shapes.get(name)}, expected "
                f"{expected.get(name)}, as {MODEL} in the same folder says; {ADVICE}"
            )
    for name, tensor in sorted(weights.items()):
        if fault := _fault(name, tensor, tensors[name].dtype):
            raise UserError(f"{path}: found {fault}; {ADVICE}")
    return weights


def _fault(name: str, tensor: torch.Tensor, dtype: torch.dtype) -> str:
    """Return what is wrong with a tensor of the weights, and what was expected; "" if nothing."""
    if tensor.dtype != dtype:
        return f"{name} of type {_name(tensor.dtype)}, expected {_name(dtype)}"
    if not torch.isfinite(tensor).all():
        return f"NaN or infinity in {name}, expected finite numbers"
    if name.endswith("running_var") and (tensor < 0).any():
        return f"a negative variance in {name}, expected 0 or more"
    return ""


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
