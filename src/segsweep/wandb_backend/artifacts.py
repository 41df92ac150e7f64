"""Dataset and model as W&B artifacts, with the hashes that DVC has for them.

The dataset artifact holds the manifest and the summary; the images are not uploaded.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import wandb

from segsweep.core.checked_json import read_checked_json, write_checked_json
from segsweep.core.dvc_hash import hash_of_folder, md5
from segsweep.core.files import files_below, sha256
from segsweep.pipeline.cache import cache_root


def dvc_hash(folder: Path) -> str:
    """Return the hash that DVC 3 has for a folder, as in dvc.lock."""
    files = files_below(folder)
    return hash_of_folder({Path(file).relative_to(folder).as_posix(): md5(file) for file in files})


def cached_dvc_hash(folder: Path) -> str:
    """Return `dvc_hash` of a folder; it is computed once for each content of `provenance.json`."""
    record = folder / "provenance.json"
    if not record.exists():  # preprocessed by hand
        return dvc_hash(folder)
    path = cache_root() / "wandb" / f"dvc-{sha256(record)[:16]}.json"
    digest = read_checked_json(path)
    if digest is None:
        digest = dvc_hash(folder)
        write_checked_json(path, digest)
    return str(digest)


def dataset_artifact(folder: Path) -> wandb.Artifact:
    """Return the artifact of a folder that preprocess.py wrote."""
    hashes = {
        "dvc_md5": cached_dvc_hash(folder),
        "manifest_sha256": sha256(folder / "manifest.csv"),
    }
    artifact = wandb.Artifact("data", "dataset", metadata=hashes)
    for name in ("manifest.csv", "summary.json"):
        _add_file(artifact, folder / name)
    return artifact


def model_artifact(weights: Path, metrics: dict[str, Any]) -> wandb.Artifact:
    """Return the artifact of trained weights, with `metrics` and hashes as metadata."""
    hashes = {"dvc_md5": md5(weights), "sha256": sha256(weights)}
    artifact = wandb.Artifact("model", "model", metadata=hashes | metrics)
    _add_file(artifact, weights)
    return artifact


def use_dataset(run: wandb.Run, folder: Path) -> None:
    """Record the dataset artifact as an input of a run."""
    # use_artifact would wait for the upload, forever if the server is gone
    run._log_artifact(dataset_artifact(folder), is_user_created=True, use_after_commit=True)


def log_model(
    run: wandb.Run, weights: Path, metrics: dict[str, Any], aliases: Sequence[str] = ()
) -> wandb.Artifact:
    """Record the model artifact as an output of a run; it is uploaded in the background."""
    return run.log_artifact(model_artifact(weights, metrics), aliases=["latest", *aliases])


def _add_file(artifact: wandb.Artifact, path: Path) -> None:
    artifact.add_file(str(path), policy="immutable", skip_cache=True)  # read in place, not copied
