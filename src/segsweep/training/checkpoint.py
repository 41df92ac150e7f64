"""A training between two epochs, as one safetensors file: tensors, and the rest as JSON text."""

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
    """`tensors`: everything by a dotted name; `state`: plain values (history, best epoch, …)."""

    tensors: dict[str, torch.Tensor]
    state: dict[str, Any]

    def part(self, prefix: str) -> dict[str, torch.Tensor]:
        """The tensors below `prefix`, without it."""
        head = f"{prefix}."
        return {k.removeprefix(head): v for k, v in self.tensors.items() if k.startswith(head)}


def save(folder: Path, made_from: dict[str, Any], checkpoint: Checkpoint) -> None:
    text = {"made_from": json.dumps(made_from), "state": json.dumps(checkpoint.state)}
    write_tensors(folder / FILE, checkpoint.tensors, text)


def write_tensors(path: Path, tensors: dict[str, torch.Tensor], text: dict[str, str]) -> None:
    """Write tensors and named texts as safetensors. Raises `UserError` when the disk refuses."""
    with atomic_write(path) as aside:
        try:
            save_file(tensors, aside, metadata=text)
        except SafetensorError as error:
            raise UserError(f"{path}: cannot be written ({error})") from error


def load(folder: Path, made_from: dict[str, Any]) -> Checkpoint | None:
    """The checkpoint of exactly this configuration and data; None where there is none to trust."""
    path = folder / FILE
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            text = file.metadata() or {}
            if json.loads(text.get("made_from", "null")) != made_from:
                print(f"{path}: belongs to another configuration or data: training starts anew")
                return None
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return Checkpoint(tensors, json.loads(text["state"]))
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        print(f"{path}: cannot be read ({error}), so training starts anew")
        return None
