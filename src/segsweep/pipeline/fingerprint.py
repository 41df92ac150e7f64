"""Content hashes of files, kept from run to run: a file is read again only if it changed."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from segsweep.core.errors import UserError
from segsweep.core.files import files_below, hash_of_listing, read_json, sha256, write_json

STATE = Path(".snakemake/segsweep")
"""Where what one run tells the next is kept."""

TO_BE_TOLD = 2_000_000_000
"""Bytes that take seconds to read."""


class Hashes:
    """The hashes that the last run knew, and those that this one asked for."""

    def __init__(self) -> None:
        self.path = STATE / "hashes.json"
        self.known: dict[str, list[Any]] = {}
        if self.path.exists():
            try:
                self.known = dict(read_json(self.path))
            except (UserError, TypeError, ValueError):
                self.path.unlink()
        self.used: dict[str, list[Any]] = {}

    def of(self, path: str) -> str | None:
        """The hash of a file or folder, None where there is none."""
        if not os.path.exists(path):
            return None
        if not os.path.isdir(path):
            return self.known_of(path) or self._read(path)
        hashes = {file: self.known_of(file) for file in files_below(path)}
        new = [file for file, digest in hashes.items() if digest is None]
        size = sum(os.stat(file).st_size for file in new)
        if size > TO_BE_TOLD:
            told = f"reading {len(new):,} files of {path} ({size / 1e9:.1f} GB), once"
            print(told, file=sys.stderr)
        with ThreadPoolExecutor() as pool:
            hashes |= zip(new, pool.map(self._read, new), strict=True)
        return hash_of_listing(path, {file: str(digest) for file, digest in hashes.items()})

    def known_of(self, path: str | Path) -> str | None:
        """The hash of a file if it is known and the file did not change since."""
        entry = self.known.get(str(path))
        if entry is None or entry[:3] != _mark(str(path)):
            return None
        self.used[str(path)] = entry
        return str(entry[3])

    def _read(self, path: str) -> str:
        entry = [*_mark(path), sha256(path)]
        self.known[path] = self.used[path] = entry
        return str(entry[3])

    def save(self) -> None:
        write_json(self.path, self.used)


def _mark(path: str) -> list[int]:
    stat = os.stat(path)
    return [stat.st_size, stat.st_mtime_ns, stat.st_ino]
