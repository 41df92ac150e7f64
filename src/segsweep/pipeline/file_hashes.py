"""Content hashes of files, remembered from run to run: only changed files are read again."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from segsweep.core.errors import UserError
from segsweep.core.files import files_below, hash_of_listing, read_json, sha256, write_json

STATE = Path(".snakemake/segsweep")
"""The folder of what one run leaves for the next."""

SLOW_TO_READ = 2_000_000_000
"""Bytes from which reading is announced, as it takes seconds."""


class FileHashes:
    """Hashes by path: `known` from the last run, `used` those that this run asked for.

    A hash is valid as long as the file's size, modification time and inode are the same.
    """

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
        """Return the hash of a file or of a whole folder; None if it does not exist."""
        if not os.path.exists(path):
            return None
        if not os.path.isdir(path):
            return self.known_of(path) or self._read(path)
        hashes = {file: self.known_of(file) for file in files_below(path)}
        new = [file for file, digest in hashes.items() if digest is None]
        size = sum(os.stat(file).st_size for file in new)
        if size > SLOW_TO_READ:
            message = f"hashing {len(new):,} new files in {path} ({size / 1e9:.1f} GB)"
            print(message, file=sys.stderr)
        with ThreadPoolExecutor() as pool:
            hashes |= zip(new, pool.map(self._read, new), strict=True)
        return hash_of_listing(path, {file: str(digest) for file, digest in hashes.items()})

    def known_of(self, path: str | Path) -> str | None:
        """Return the remembered hash of a file, None if it is new or has changed since."""
        entry = self.known.get(str(path))
        if entry is None or entry[:3] != _signature(str(path)):
            return None
        self.used[str(path)] = entry
        return str(entry[3])

    def _read(self, path: str) -> str:
        entry = [*_signature(path), sha256(path)]
        self.known[path] = self.used[path] = entry
        return str(entry[3])

    def save(self) -> None:
        write_json(self.path, self.used)


def _signature(path: str) -> list[int]:
    stat = os.stat(path)
    return [stat.st_size, stat.st_mtime_ns, stat.st_ino]
