"""`segsweep predict` in a folder that has only a model, for tests of its files."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from project import environment, segsweep


@pytest.fixture
def folder(model_folder: Path, tmp_path: Path) -> Path:
    """A folder that has only copies of a model's two files."""
    (tmp_path / "model").mkdir()
    for name in ("model.json", "model.safetensors"):
        shutil.copy(model_folder / name, tmp_path / "model")
    return tmp_path


def predict(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        segsweep("predict", "--model", "model", *arguments),
        cwd=folder,
        env=environment() | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )


def changed(content: dict, *keys: str, value: object = None) -> dict:
    """Return a copy with one value replaced, or removed if `value` is None."""
    copy = json.loads(json.dumps(content))
    table = copy
    for key in keys[:-1]:
        table = table[key]
    if value is None:
        del table[keys[-1]]
    else:
        table[keys[-1]] = value
    return copy
