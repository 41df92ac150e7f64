"""What of the store nothing refers to any more: no present result, no commit, no experiment.

A stored result is referred to by its content or, where it is present, by its key: what a stopped
trial has under its key is the whole training.
The state of an unfinished training is referred to by a present configuration: that of a trial that
was killed or stopped, or the single run's.
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from safetensors import SafetensorError, safe_open

from segsweep.config.study import Study
from segsweep.core.errors import UserError
from segsweep.core.files import read_json, read_yaml
from segsweep.core.processes import output_of
from segsweep.pipeline.cache import ENTRY, key_of_record, root

RECORDS = "*provenance.json"
CACHE = Path(".dvc/cache/files/md5")

CHECKPOINT = "last.safetensors"

TELLING = ("metrics.json", "suggestion.json")
"""The files by which a result is known: a training's and a suggestion's."""


@dataclass(frozen=True)
class Unreferenced:
    """A stored result that could go, and what it takes (bytes)."""

    folder: Path
    size: int


def unreferenced() -> list[Unreferenced]:
    """What of the store no record, commit or experiment names, and images of old settings."""
    named = set(_present()) | set(_committed())
    entries = sorted((root() / "entries").glob("*/"))
    going = [entry for entry in entries if named.isdisjoint(_names(entry))]
    going += _abandoned()
    # images that are ready for the network: those of the settings last used are of use
    kept = sorted((root() / "images").glob("*/"), key=lambda folder: folder.stat().st_mtime)
    return [_whole(folder) for folder in (*going, *kept[:-1])]


def _abandoned() -> list[Path]:
    """Checkpoints of configurations that no trial has any more."""
    present = [Study.read().training_config().to_dict()]
    for tree in _trees():
        present += [read_yaml(path) for path in tree.rglob("config.yaml")]
    folders = sorted((root() / "checkpoints").glob("*/"))
    return [folder for folder in folders if _configuration(folder / CHECKPOINT) not in present]


def _configuration(checkpoint: Path) -> Any:
    """The configuration in a checkpoint; None where it cannot be read, and so not be used."""
    try:
        with safe_open(checkpoint, framework="numpy") as file:
            made_from = json.loads(file.metadata()["made_from"])
            return {name: value for name, value in made_from.items() if name != "data"}
    except (SafetensorError, OSError, ValueError, KeyError, TypeError):
        return None


def _trees() -> tuple[Path, ...]:
    """The work tree's results and the folders of running experiments."""
    return Path("results"), Path(".dvc/tmp/exps")


def _whole(folder: Path) -> Unreferenced:
    files = [p for p in folder.rglob("*") if p.is_file()]
    return Unreferenced(folder, sum(p.stat().st_size for p in files))


def delete(entries: list[Unreferenced]) -> None:
    for entry in entries:
        shutil.rmtree(entry.folder)


def _names(entry: Path) -> list[str]:
    """The key and the telling hashes of an entry; none if it is broken, and so not of use."""
    try:
        files = read_json(entry / ENTRY)
        return [entry.name, *(digest for name, digest in files.items() if name in TELLING)]
    except (UserError, AttributeError):
        return []


def _present() -> Iterator[str]:
    for tree in _trees():
        for record in tree.rglob(RECORDS):
            text = record.read_text(encoding="utf-8")
            yield from _made(text, str(record))
            told = json.loads(text)
            if "work" in told:
                yield key_of_record(told, told["made_from"])


def _committed() -> Iterator[str]:
    """The results that any commit or experiment has in its dvc.lock, as far as they are cached."""
    seen: set[str] = set()
    for commit in output_of("git", "rev-list", "--all", "--", "dvc.lock").split():
        listed = output_of("git", "ls-tree", commit, "dvc.lock").split()
        if len(listed) < 3 or listed[2] in seen:
            continue
        seen.add(listed[2])
        lock = yaml.safe_load(output_of("git", "cat-file", "blob", listed[2])) or {}
        for stage in lock.get("stages", {}).values():
            for out in stage.get("outs", []):
                if out["md5"] not in seen:
                    seen.add(out["md5"])
                    yield from _cached(out)


def _cached(out: dict[str, Any]) -> Iterator[str]:
    members = [{"md5": out["md5"], "relpath": out["path"]}]
    if out["md5"].endswith(".dir"):
        listing = _object(out["md5"])
        members = json.loads(listing.read_text(encoding="utf-8")) if listing.exists() else []
    for member in members:
        file = _object(member["md5"])
        if member["relpath"].endswith(RECORDS[1:]) and file.exists():
            yield from _made(file.read_text(encoding="utf-8"), str(file))


def _object(md5: str) -> Path:
    return CACHE / md5[:2] / md5[2:]


def _made(record: str, source: str) -> list[str]:
    try:
        made = json.loads(record)["made"]
        return [digest for path, digest in made.items() if Path(path).name in TELLING]
    except (ValueError, KeyError, AttributeError) as error:
        raise UserError(f"{source}: is no record ({error}); make or remove it first") from error
