"""Finished results by key, so that the same work is never done twice.

`.store/entries/KEY/` holds the files of one result, and `entry.json` with their hashes; it appears
as a whole, by a rename, once its files are on the disk. `.store/checkpoints/KEY/` holds the state
of an unfinished training; it is deleted once the entry is on the disk, so that after a power cut
one of them is there. One kernel lock for each key lets the second of two equal jobs wait for the
first.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from segsweep.core.errors import UserError
from segsweep.core.expected_inputs import check_written
from segsweep.core.files import atomic_write, locked, read_json, sha256, sync, sync_tree, write_json
from segsweep.core.temporary_files import delete, remove_abandoned, temporary_path

ENTRY = "entry.json"
FICLONE = 0x40049409  # ioctl_ficlone(2)


def cache_root() -> Path:
    """Return the cache folder of this project, also from inside a DVC experiment's folder."""
    return Path(os.getcwd().split("/.dvc/tmp/exps/")[0]) / ".store"


class CacheEntry:
    """One result in the cache."""

    def __init__(self, key: str) -> None:
        self.folder = cache_root() / "entries" / key
        self.checkpoints = cache_root() / "checkpoints" / key
        self._lock = cache_root() / "locks" / key

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold this key: wait while another process holds it, release when this process ends."""
        with locked(self._lock):
            yield

    def restore(
        self, outputs: Sequence[Path], unhashed: Sequence[Path] = ()
    ) -> dict[str, str] | None:
        """Copy the cached files to `outputs` (by file name) if the entry is complete.

        An entry in which a file differs from its hash is deleted.

        Args:
            outputs: Where the hashed files go.
            unhashed: Files or folders, such as times and logs, that are copied if they are there.

        Returns:
            The SHA-256 of the restored outputs by absolute path; None if there is no entry.
        """
        if not self.folder.exists():
            return None
        hashes = self._intact_hashes([output.name for output in outputs])
        if hashes is None:
            shutil.rmtree(self.folder)
            return None
        for output in outputs:
            _copy(self.folder / output.name, output)
        for path in unhashed:
            if (self.folder / path.name).exists():
                _copy(self.folder / path.name, path)
        return {str(output.absolute()): hashes[output.name] for output in outputs}

    def _intact_hashes(self, names: Sequence[str]) -> dict[str, str] | None:
        """Return the hashes of the files if they are those of the entry, else None."""
        try:
            expected = read_json(self.folder / ENTRY)
            hashes = {name: sha256(self.folder / name) for name in names}
            return hashes if all(hashes[name] == expected[name] for name in names) else None
        except (UserError, OSError, KeyError, TypeError):
            return None

    def save(
        self,
        outputs: Sequence[Path],
        unhashed: Sequence[Path] = (),
        written: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Copy a finished result into the cache and delete its checkpoints.

        Args:
            outputs: The files with hashes.
            unhashed: Files or folders without hashes, which may be missing.
            written: The SHA-256 of outputs as the job wrote them, by absolute path.

        Raises:
            UserError: An output is no longer as the job wrote it.
        """
        with self._new_folder() as folder:
            for path in (*outputs, *(p for p in unhashed if p.exists())):
                _copy(path, folder / path.name)
            hashes = {path.name: sha256(folder / path.name) for path in outputs}
            for path in outputs:
                check_written(path, hashes[path.name], written)
            write_json(folder / ENTRY, hashes, durable=False)  # the whole folder is synced
        shutil.rmtree(self.checkpoints, ignore_errors=True)

    def alias(self, other: "CacheEntry") -> None:
        """Copy the result and the checkpoints of another key to this key."""
        if other.folder == self.folder:
            return
        if (other.folder / ENTRY).exists():
            with self._new_folder() as folder:
                for path in other.folder.iterdir():
                    _copy(path, folder / path.name)
        if other.checkpoints.exists() and not self.checkpoints.exists():
            _copy(other.checkpoints, self.checkpoints)

    @contextmanager
    def _new_folder(self) -> Iterator[Path]:
        """Yield a folder that replaces the entry if the block succeeds; else it is deleted."""
        folder = temporary_path(self.folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        remove_abandoned(folder.parent)
        try:
            delete(folder)  # of an ended process with this ID
            folder.mkdir()
            yield folder
            sync_tree(folder)
            delete(self.folder)
            folder.rename(self.folder)
            sync(self.folder.parent)
        finally:
            delete(folder)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        delete(target)
        try:
            shutil.copytree(source, target, symlinks=True, copy_function=_clone)
        except shutil.Error as error:
            copied, _, reason = error.args[0][0]
            raise UserError(
                f"{copied}: cannot be copied to {target} ({reason}); free space there, or give "
                "yourself permission (chmod), then run the same command again"
            ) from error
    else:
        with atomic_write(target, durable=False) as temporary:
            _clone(source, temporary)


def _clone(source: str | Path, target: str | Path) -> None:
    """Share the blocks of a file where the file system can (Btrfs, XFS), else copy it."""
    with Path(source).open("rb") as old, Path(target).open("wb") as new:
        try:
            fcntl.ioctl(new, FICLONE, old.fileno())
        except OSError:
            shutil.copyfileobj(old, new, 1 << 20)
