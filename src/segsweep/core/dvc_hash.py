"""The hashes that DVC 3 has for files and folders."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path


def md5(path: str | Path) -> str:
    """Return the hash of a file."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def hash_of_folder(hashes: Mapping[str, str | None]) -> str:
    """Return the hash of a folder, as in dvc.lock.

    Args:
        hashes: The hash of each file by its path in the folder, with `/` between names.
    """
    entries = [{"md5": digest, "relpath": path} for path, digest in sorted(hashes.items())]
    return f"{hashlib.md5(json.dumps(entries).encode()).hexdigest()}.dir"
