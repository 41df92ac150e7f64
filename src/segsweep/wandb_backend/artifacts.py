"""Data and models as W&B artifacts, named by the hashes that DVC knows them by.

The images stay here: the dataset's artifact holds its manifest and its summary.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import wandb

from segsweep.core.files import files_below, read_json, sha256, write_json
from segsweep.pipeline.cache import root


def md5(path: str | Path) -> str:
    """The hash by which DVC 3 knows a file."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def dvc_hash(folder: Path) -> str:
    """The hash by which DVC 3 knows a folder, as it stands in dvc.lock."""
    files = {Path(file).relative_to(folder).as_posix(): md5(file) for file in files_below(folder)}
    entries = [{"md5": files[name], "relpath": name} for name in sorted(files)]
    return hashlib.md5(json.dumps(entries, sort_keys=True).encode()).hexdigest() + ".dir"


def dvc_hash_once(folder: Path) -> str:
    """The same, read only once for what one record (`provenance.json`) tells of the folder."""
    record = folder / "provenance.json"
    if not record.exists():  # preprocessed by hand
        return dvc_hash(folder)
    memory = root() / "wandb" / f"dvc-{sha256(record)[:16]}.json"
    if not memory.exists():
        write_json(memory, {"dvc_md5": dvc_hash(folder)})
    return str(read_json(memory)["dvc_md5"])


def dataset(folder: Path) -> wandb.Artifact:
    """The artifact of a folder that `preprocess` wrote."""
    hashes = {"dvc_md5": dvc_hash_once(folder), "manifest_sha256": sha256(folder / "manifest.csv")}
    artifact = wandb.Artifact("data", "dataset", metadata=hashes)
    for name in ("manifest.csv", "summary.json"):
        _add(artifact, folder / name)
    return artifact


def model(weights: Path, metrics: dict[str, Any]) -> wandb.Artifact:
    """The artifact of a training's weights; `metrics` stand beside the hashes."""
    hashes = {"dvc_md5": md5(weights), "sha256": sha256(weights)}
    artifact = wandb.Artifact("model", "model", metadata=hashes | metrics)
    _add(artifact, weights)
    return artifact


def send_data(run: wandb.Run, data: Path) -> None:
    """Have a run use the data."""
    # use_artifact would wait, without end where the server is gone
    run._log_artifact(dataset(data), is_user_created=True, use_after_commit=True)


def send_model(
    run: wandb.Run, weights: Path, metrics: dict[str, Any], aliases: Sequence[str] = ()
) -> wandb.Artifact:
    """Have a run give out its model under `aliases`; the artifact arrives meanwhile."""
    return run.log_artifact(model(weights, metrics), aliases=["latest", *aliases])


def _add(artifact: wandb.Artifact, path: Path) -> None:
    artifact.add_file(str(path), policy="immutable", skip_cache=True)  # read where it lies
