"""Check, before jobs run, that files and folders are where the jobs expect them."""

import errno
import os
from collections.abc import Iterable
from pathlib import Path

from segsweep.core.errors import UserError
from segsweep.core.files import has_access
from segsweep.pipeline.cache import cache_root
from segsweep.pipeline.fingerprint import STATE

FOLDERS = (STATE, Path("data"), Path("results"), Path("logs"))
"""The folders that a run writes to, besides the cache."""
NO_LINKS = (Path("data"), Path("results"))
"""Folders of DVC's outputs. With a link in place of one Snakemake works, and DVC fails after the
run: "outside of git repository"."""
CACHE_FOLDERS = ("", "entries", "checkpoints", "locks", "images")


def check_folders() -> None:
    """Raise an error if the run cannot write to a folder; make the folders that are missing."""
    for folder in NO_LINKS:
        if folder.is_symlink():
            raise UserError(
                f"{folder}: found a link to {folder.readlink()}, expected a folder, since DVC "
                "refuses outputs behind a link; replace the link by a folder, and to keep large "
                "files on another disk move the whole project there"
            )
    for folder in (*FOLDERS, *(cache_root() / name for name in CACHE_FOLDERS)):
        _check_place(folder, is_folder=True)
        folder.mkdir(parents=True, exist_ok=True)
        _check_access(folder, os.W_OK | os.X_OK)


def check_outputs(outputs: Iterable[str]) -> None:
    """Raise an error if a job cannot write an output, such as a folder in the place of a file.

    An output without a suffix is a folder.
    """
    for output in map(Path, outputs):
        _check_place(output, is_folder=not output.suffix)
        if output.exists():
            _check_access(output, os.W_OK)
        for parent in list(output.parents)[:-1]:
            _check_place(parent, is_folder=True)


def _check_access(path: Path, mode: int) -> None:
    if not has_access(path, mode):
        is_read_only = os.statvfs(path).f_flag & os.ST_RDONLY
        number = errno.EROFS if is_read_only else errno.EACCES
        raise OSError(number, os.strerror(number), str(path))


def _check_place(path: Path, is_folder: bool) -> None:
    if path.is_symlink() and not path.exists():
        raise UserError(
            f"{path}: found a link to {path.readlink()}, which does not exist, expected a "
            f"{'folder' if is_folder else 'file'}; restore what it links to, or delete the link"
        )
    if path.exists() and path.is_dir() != is_folder:
        found, expected = ("file", "folder") if is_folder else ("folder", "file")
        raise UserError(
            f"{path}: found a {found}, expected a {expected}; move it away, or delete it"
        )
