"""Finished work by its key: what was made once is copied out, never made again.

`.store/entries/KEY/` holds the files of one result and `entry.json` with their hashes; it appears
whole, by a rename. `.store/checkpoints/KEY/` holds the state of an unfinished training. One kernel
lock per key lets the second of two equal jobs wait for the first.
"""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from segsweep.core.errors import UserError
from segsweep.core.files import aside_of, locked, read_json, replacing, sha256, write_json
from segsweep.pipeline.environment import hardware_and_versions

ENTRY = "entry.json"
FICLONE = 0x40049409  # ioctl_ficlone(2)


def root() -> Path:
    """The store of this project, also from inside the folder of a DVC experiment."""
    return Path(os.getcwd().split("/.dvc/tmp/exps/")[0]) / ".store"


def key_of(work: str, packages: Sequence[str], inputs: Sequence[str]) -> str:
    """The name of a result: a hash of all that decides its bits, and of no path or time.

    `work` says what kind of work it is; `packages` are those whose versions matter beside torch
    and numpy; `inputs` are the content hashes of what goes in, in order.
    """
    decides = hardware_and_versions() | {name: version(name) for name in packages}
    whole = json.dumps([work, dict(sorted(decides.items())), list(inputs)])
    return hashlib.sha256(whole.encode()).hexdigest()


def key_of_record(record: Mapping[str, Any], made_from: Mapping[str, Any]) -> str:
    """The key of the result that `record` tells of, if it were made from `made_from`."""
    decides = [str(d) for path, d in made_from.items() if path not in record.get("beside", [])]
    return key_of(record["work"], record["packages"], decides)


class Entry:
    """The place of one result in the store."""

    def __init__(self, key: str) -> None:
        self.folder = root() / "entries" / key
        self.checkpoints = root() / "checkpoints" / key
        self._lock = root() / "locks" / key

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold this key; waits while another process holds it, and ends with this process."""
        with locked(self._lock):
            yield

    def copy_out(self, outs: Sequence[Path], asides: Sequence[Path] = ()) -> bool:
        """Put the stored files at `outs` (by file name), if they are here whole.

        `asides` (files or folders such as times and logs) are copied where they were kept. An
        entry in which a file is not what it was is dropped.
        """
        if not self.folder.exists():
            return False
        if not self._is_whole([out.name for out in outs]):
            shutil.rmtree(self.folder)
            return False
        for out in outs:
            _copy(self.folder / out.name, out)
        for aside in asides:
            if (self.folder / aside.name).exists():
                _copy(self.folder / aside.name, aside)
        return True

    def _is_whole(self, names: Sequence[str]) -> bool:
        try:
            expected = read_json(self.folder / ENTRY)
            return all(sha256(self.folder / name) == expected[name] for name in names)
        except (UserError, OSError, KeyError, TypeError):
            return False

    def keep(self, outs: Sequence[Path], asides: Sequence[Path] = ()) -> None:
        """Copy a finished result in and drop its checkpoints."""
        with self._coming() as coming:
            for path in (*outs, *(a for a in asides if a.exists())):
                _copy(path, coming / path.name)
            write_json(coming / ENTRY, {p.name: sha256(coming / p.name) for p in outs})
        shutil.rmtree(self.checkpoints, ignore_errors=True)

    def adopt(self, other: "Entry") -> None:
        """Keep what `other` holds under this key too: a result, or the state of a training."""
        if other.folder == self.folder:
            return
        if (other.folder / ENTRY).exists():
            with self._coming() as coming:
                for path in other.folder.iterdir():
                    _copy(path, coming / path.name)
        if other.checkpoints.exists() and not self.checkpoints.exists():
            _copy(other.checkpoints, self.checkpoints)

    @contextmanager
    def _coming(self) -> Iterator[Path]:
        """A folder that takes the entry's place when the block succeeds."""
        coming = aside_of(self.folder)
        shutil.rmtree(coming, ignore_errors=True)
        coming.mkdir(parents=True)
        yield coming
        shutil.rmtree(self.folder, ignore_errors=True)
        coming.rename(self.folder)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target, symlinks=True, copy_function=_clone)
    else:
        with replacing(target) as aside:
            _clone(source, aside)


def _clone(source: str | Path, target: str | Path) -> None:
    """Share the blocks of a file where the file system can (Btrfs, XFS), else copy it."""
    with Path(source).open("rb") as old, Path(target).open("wb") as new:
        try:
            fcntl.ioctl(new, FICLONE, old.fileno())
        except OSError:
            shutil.copyfileobj(old, new, 1 << 20)
