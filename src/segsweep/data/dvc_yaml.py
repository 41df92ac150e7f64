"""Edit `dvc.yaml`: `data/raw` is a dependency (your own images) or an output (the sample).

Comments and layout of the file are kept.
"""

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML, YAMLError

from segsweep.core.errors import UserError
from segsweep.core.files import atomic_write
from segsweep.data.raw_data import RAW

DVC_YAML = Path("dvc.yaml")
STAGE = "preprocess"
SAMPLE_OUT = {str(RAW): {"persist": True}}


def read_dvc_yaml() -> Any:
    """Return `dvc.yaml` with its comments.

    Raises:
        UserError: It has no stage `preprocess` with deps and outs.
    """
    try:
        pipeline = _yaml().load(DVC_YAML)
        stage = pipeline["stages"][STAGE]
        _ = stage["deps"], stage["outs"]
    except (OSError, YAMLError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"{DVC_YAML}: found no stage {STAGE} with deps and outs ({reason}), expected the "
            f"project's file; run this in the project's folder, or run `git checkout {DVC_YAML}`"
        ) from error
    return pipeline


def set_own_images(own_images: bool) -> None:
    """Make `data/raw` a dependency of the stage (own images), or one of its outputs (sample)."""
    pipeline = read_dvc_yaml()
    stage = pipeline["stages"][STAGE]
    for part in ("deps", "outs"):
        for index in [i for i, entry in enumerate(stage[part]) if _path_of(entry) == str(RAW)]:
            stage[part].pop(index)
    if own_images:
        stage["deps"].insert(0, str(RAW))
    else:
        stage["outs"].insert(0, SAMPLE_OUT)
    with atomic_write(DVC_YAML) as temporary, temporary.open("w", encoding="utf-8") as file:
        _yaml().dump(pipeline, file)


def _yaml() -> YAML:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 1000
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def _path_of(entry: object) -> str:
    """Return the path of an output, which may be a mapping from the path to options."""
    return str(next(iter(entry))) if isinstance(entry, dict) else str(entry)
