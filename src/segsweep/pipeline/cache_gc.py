"""Cached results that nothing refers to: no present result, no commit, no experiment.

A cached result is referred to by its content or, where it is present, by its key: under the key of
a pruned trial the cache holds the whole training. The checkpoints of an unfinished training are
referred to by a present configuration: that of a killed or pruned trial, or of the single run.
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from segsweep.config.study import Study
from segsweep.core.errors import UserError
from segsweep.core.files import read_json, read_yaml
from segsweep.core.json_format import load_json
from segsweep.core.processes import output_of
from segsweep.core.temporary_files import is_abandoned, is_temporary
from segsweep.core.yaml_format import load_yaml
from segsweep.pipeline.cache import ENTRY, cache_root
from segsweep.pipeline.cache_keys import key_of_record
from segsweep.pipeline.job_record import RECORD, read_record

DVC_CACHE = Path(".dvc/cache/files/md5")
CHECKPOINT = "last.safetensors"
IDENTIFYING = ("metrics.json", "suggestion.json")
"""The files whose hashes identify a result: a training's and a suggestion's."""


@dataclass(frozen=True)
class Unreferenced:
    """A folder or file of the cache that can be deleted, and its size in bytes."""

    path: Path
    size: int


def find_unreferenced() -> list[Unreferenced]:
    """Return the cached results that no record, commit or experiment refers to, and old images.

    Half-written files and folders of killed processes of this machine are listed too.
    """
    referenced = set(_in_results()) | set(_in_commits())
    entries = [folder for folder in _folders("entries") if not is_temporary(folder)]
    unused = [entry for entry in entries if referenced.isdisjoint(_identifiers(entry))]
    unused += _abandoned_checkpoints()
    # keep the prepared images of the settings that were used last
    unused += sorted(_folders("images"), key=lambda f: f.stat().st_mtime)[:-1]
    half_written = [path for path in sorted(cache_root().rglob(".*.part")) if is_abandoned(path)]
    unused += [path for path in half_written if set(unused).isdisjoint(path.parents)]
    return [_with_size(path) for path in unused]


def delete(entries: list[Unreferenced]) -> None:
    """Delete these folders and files."""
    for entry in entries:
        if entry.path.is_dir():
            shutil.rmtree(entry.path)
        else:
            entry.path.unlink()


def _folders(part: str) -> list[Path]:
    return sorted((cache_root() / part).glob("*/"))


def _with_size(unused: Path) -> Unreferenced:
    files = [path for path in (unused, *unused.rglob("*")) if path.is_file()]
    return Unreferenced(unused, sum(path.stat().st_size for path in files))


def _abandoned_checkpoints() -> list[Path]:
    """Return the checkpoints of configurations that neither a trial nor the single run has."""
    present = [Study.read().training_config().to_dict()]
    for tree in _result_folders():
        present += [read_yaml(path) for path in _files(tree, "config.yaml")]
    return [
        folder
        for folder in _folders("checkpoints")
        if _configuration(folder / CHECKPOINT) not in present
    ]


def _configuration(checkpoint: Path) -> Any:
    """Return the configuration in a checkpoint, None if the file cannot be read."""
    try:
        with safe_open(checkpoint, framework="numpy") as file:
            inputs = load_json(file.metadata()["inputs"])
            return {name: value for name, value in inputs.items() if name != "data"}
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _result_folders() -> tuple[Path, ...]:
    """Return the results of the work tree and the folders of running experiments."""
    return Path("results"), Path(".dvc/tmp/exps")


def _files(tree: Path, suffix: str) -> Iterator[Path]:
    """Yield the files below `tree` whose names end in `suffix`; raise if a folder is unreadable."""

    def report(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):  # an experiment that ended meanwhile
            raise error

    for folder, _, names in os.walk(tree, onerror=report):
        yield from (Path(folder, name) for name in names if name.endswith(suffix))


def _identifiers(entry: Path) -> list[str]:
    """Return the key of an entry and the hashes that identify it; none if it is damaged."""
    try:
        files = read_json(entry / ENTRY)
        return [entry.name, *(digest for name, digest in files.items() if name in IDENTIFYING)]
    except (UserError, AttributeError):
        return []


def _in_results() -> Iterator[str]:
    for tree in _result_folders():
        for path in _files(tree, RECORD):
            record = _record(path)
            yield from _identifying_hashes(record)
            if "cache_tag" in record:
                yield key_of_record(record, record["made_from"])


def _in_commits() -> Iterator[str]:
    """Return what any commit or experiment has in its dvc.lock, if DVC has it in its cache."""
    seen: set[str] = set()
    for commit in output_of("git", "rev-list", "--all", "--", "dvc.lock").split():
        listed = output_of("git", "ls-tree", commit, "dvc.lock").split()
        if len(listed) < 3 or listed[2] in seen:
            continue
        seen.add(listed[2])
        for md5, path in _outs(output_of("git", "cat-file", "blob", listed[2]), commit):
            if md5 not in seen:
                seen.add(md5)
                yield from _in_dvc_cache(md5, path)


def _outs(lock: str, commit: str) -> list[tuple[str, str]]:
    """Return hash and path of all outputs in a dvc.lock; none if DVC could not read it either."""
    try:
        stages = (load_yaml(lock) or {}).get("stages", {}).values()
        outs = [out for stage in stages for out in stage.get("outs", [])]
        return [(str(out["md5"]), str(out["path"])) for out in outs]
    except (ValueError, KeyError, TypeError, AttributeError):
        print(
            f"warning: the dvc.lock of commit {commit} cannot be read, so results that only this "
            "commit refers to are not kept"
        )
        return []


def _in_dvc_cache(md5: str, path: str) -> Iterator[str]:
    members = [(md5, path)]
    if md5.endswith(".dir"):
        listing = _dvc_object(md5)
        members = _members(listing) if listing.exists() else []
    for member, name in members:
        file = _dvc_object(member)
        if name.endswith(RECORD) and file.exists():
            yield from _identifying_hashes(_record(file))


def _members(listing: Path) -> list[tuple[str, str]]:
    """Return hash and path of the files that DVC has in a folder."""
    try:
        return [(str(member["md5"]), str(member["relpath"])) for member in read_json(listing)]
    except (KeyError, TypeError) as error:
        raise UserError(
            f"{listing}: found no list of files, expected DVC's JSON; delete the file, and "
            "`dvc fetch` or `dvc commit` makes it again"
        ) from error


def _dvc_object(md5: str) -> Path:
    return DVC_CACHE / md5[:2] / md5[2:]


def _identifying_hashes(record: dict[str, Any]) -> list[str]:
    made = record["made"]
    return [digest for path, digest in made.items() if Path(path).name in IDENTIFYING]


def _record(path: Path) -> dict[str, Any]:
    record = read_record(path)
    if record is None:
        raise UserError(
            f"{path}: found no provenance record, expected JSON with 'made_from' and 'made'; "
            "delete the file, and `snakemake` makes its result again"
        )
    return record
