"""The state of a training between two epochs, saved as one safetensors file."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from segsweep.core.errors import UserError
from segsweep.core.files import atomic_write

FILE = "last.safetensors"


@dataclass
class Checkpoint:
    """A state of a training.

    Attributes:
        tensors: Weights, best weights and optimiser state by a dotted name.
        state: Plain values: history, float32_since, state of the loss scaler.
    """

    tensors: dict[str, torch.Tensor]
    state: dict[str, Any]

    def tensors_of(self, prefix: str) -> dict[str, torch.Tensor]:
        """Return the tensors whose names begin with `prefix.`, without that prefix."""
        start = f"{prefix}."
        return {k.removeprefix(start): v for k, v in self.tensors.items() if k.startswith(start)}


def save(folder: Path, inputs: dict[str, Any], checkpoint: Checkpoint) -> None:
    """Save a checkpoint with the configuration and data (`inputs`) of its training."""
    text = {"inputs": json.dumps(inputs), "state": json.dumps(checkpoint.state)}
    text["sha256"] = _digest(text, checkpoint.tensors)
    write_tensors(folder / FILE, checkpoint.tensors, text)


def write_tensors(path: Path, tensors: dict[str, torch.Tensor], text: dict[str, str]) -> None:
    """Write tensors and named texts as safetensors.

    Raises:
        UserError: The file cannot be written.
    """
    with atomic_write(path) as temporary:
        try:
            save_file(tensors, temporary, metadata=text)
        except SafetensorError as error:
            raise UserError(
                f"{path}: cannot be written ({error}); free space there, or choose another folder"
            ) from error


def load(folder: Path, inputs: dict[str, Any]) -> Checkpoint | None:
    """Load the checkpoint of exactly this configuration and data, None where there is none.

    A file that is damaged, or that belongs to another training, is reported and ignored.
    """
    path = folder / FILE
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            text = file.metadata() or {}
            if json.loads(text.get("inputs", "null")) != inputs:
                print(
                    f"{path}: belongs to another configuration or data; training starts at epoch 1"
                )
                return None
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            if text["sha256"] != _digest(text, tensors):
                raise ValueError("its content does not match its SHA-256")
            return Checkpoint(tensors, json.loads(text["state"]))
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        print(f"{path}: cannot be read ({error}); training starts at epoch 1")
        return None


def _digest(text: dict[str, str], tensors: dict[str, torch.Tensor]) -> str:
    """Return the SHA-256 of the texts and tensors of a checkpoint."""
    digest = hashlib.sha256(json.dumps([text["inputs"], text["state"]]).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
