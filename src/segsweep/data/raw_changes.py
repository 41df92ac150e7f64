"""Find which of the user's own images differ from what DVC tracks."""

import hashlib
import json
from pathlib import Path
from typing import Any

from segsweep.core.errors import UserError
from segsweep.core.files import files_below, read_json, read_yaml
from segsweep.data.raw_data import RAW_DVC_FILE
from segsweep.pipeline.cache import cache_root
from segsweep.pipeline.fingerprint import FileHashes


def describe_changes(raw: Path) -> str | None:
    """Compare the content of all files with DVC's hashes; None if they agree or are the sample.

    Only new and changed files are read, as their hashes are remembered.

    Returns:
        One sentence: how many files differ, the first of them, and what to do.
    """
    if not RAW_DVC_FILE.exists():
        return None
    tracked_id = read_yaml(RAW_DVC_FILE)["outs"][0].get("md5")
    hashes = FileHashes("md5.json", _md5)
    hashes.of(str(raw))
    hashes.save()
    present = {
        Path(file).relative_to(raw).as_posix(): hashes.known_of(file) for file in files_below(raw)
    }
    listing = [{"md5": digest, "relpath": path} for path, digest in sorted(present.items())]
    if f"{hashlib.md5(json.dumps(listing).encode()).hexdigest()}.dir" == tracked_id:
        return None
    tracked = _tracked_files(tracked_id)
    differing = sorted(path for path in present if present[path] != tracked.get(path))
    differing += sorted(tracked.keys() - present.keys())
    found = f"{len(differing)} files that differ ({differing[0]})" if tracked else "other files"
    return (
        f"{raw}: found {found}, expected what {RAW_DVC_FILE} tracks; the present files are used; "
        f"run `dvc add {raw}` to keep them, or `dvc checkout --force {RAW_DVC_FILE}` to restore "
        "the tracked ones"
    )


def _md5(path: str) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def _tracked_files(tracked_id: str) -> dict[str, Any]:
    """Return DVC's hash of each file by its path below the folder; empty if DVC's cache lacks it."""
    cache = cache_root().with_name(".dvc") / "cache/files/md5"
    try:
        listing = read_json(cache / tracked_id[:2] / tracked_id[2:])
        return {entry["relpath"]: entry["md5"] for entry in listing}
    except (UserError, TypeError, KeyError):
        return {}
