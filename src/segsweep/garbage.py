"""What of the store nothing refers to any more: no present result, no commit, no experiment."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from segsweep.errors import UserError
from segsweep.files import read_json
from segsweep.store import ENTRY, root

RECORDS = "*-from.json"
CACHE = Path(".dvc/cache/files/md5")

Files = frozenset[tuple[str, str]]
"""A result as the names of its files with their content hashes."""


@dataclass(frozen=True)
class Unreferenced:
    """A stored result that could go, and what it takes (bytes)."""

    folder: Path
    size: int


def unreferenced() -> list[Unreferenced]:
    """The entries of the store that no record, commit or experiment names."""
    named = set(_present()) | set(_committed())
    found = []
    for entry in sorted((root() / "entries").glob(f"*/{ENTRY}")):
        if frozenset(read_json(entry).items()) not in named:
            files = [p for p in entry.parent.rglob("*") if p.is_file()]
            found.append(Unreferenced(entry.parent, sum(p.stat().st_size for p in files)))
    return found


def delete(entries: list[Unreferenced]) -> None:
    for entry in entries:
        shutil.rmtree(entry.folder)


def _present() -> Iterator[Files]:
    """The results in the work tree and in the folders of running experiments."""
    for tree in (Path(), *Path(".dvc/tmp/exps").glob("*/")):
        for record in (tree / "results").rglob(RECORDS):
            yield _made(record.read_text(encoding="utf-8"), str(record))


def _committed() -> Iterator[Files]:
    """The results that any commit or experiment has in its dvc.lock, as far as they are cached."""
    seen: set[str] = set()
    for commit in _git("rev-list", "--all", "--", "dvc.lock").split():
        listed = _git("ls-tree", commit, "dvc.lock").split()
        if len(listed) < 3 or listed[2] in seen:
            continue
        seen.add(listed[2])
        lock = yaml.safe_load(_git("cat-file", "blob", listed[2])) or {}
        for stage in lock.get("stages", {}).values():
            for out in stage.get("outs", []):
                if out["md5"] not in seen:
                    seen.add(out["md5"])
                    yield from _cached(out)


def _cached(out: dict[str, Any]) -> Iterator[Files]:
    members = [{"md5": out["md5"], "relpath": out["path"]}]
    if out["md5"].endswith(".dir"):
        listing = _object(out["md5"])
        members = json.loads(listing.read_text(encoding="utf-8")) if listing.exists() else []
    for member in members:
        file = _object(member["md5"])
        if member["relpath"].endswith(RECORDS[1:]) and file.exists():
            yield _made(file.read_text(encoding="utf-8"), str(file))


def _object(md5: str) -> Path:
    return CACHE / md5[:2] / md5[2:]


def _made(record: str, source: str) -> Files:
    try:
        made = json.loads(record)["made"]
        return frozenset((Path(path).name, digest) for path, digest in made.items())
    except (ValueError, KeyError, AttributeError) as error:
        raise UserError(f"{source}: is no record ({error}); make or remove it first") from error


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True)
    if done.returncode:
        raise UserError(f"git {arguments[0]}: {done.stderr.strip() or 'failed'}")
    return done.stdout
