"""Find which of the user's own images differ from what DVC tracks."""

from pathlib import Path
from typing import Any

from segsweep.core.dvc_hash import hash_of_folder, md5
from segsweep.core.errors import UserError
from segsweep.core.files import files_below, read_json
from segsweep.core.printable import printable
from segsweep.data.raw_data import RAW_DVC_FILE, tracked_by_dvc
from segsweep.pipeline.cache import cache_root
from segsweep.pipeline.fingerprint import FileHashes


def describe_changes(raw: Path) -> str | None:
    """Compare all files with the hashes that DVC tracks.

    The hashes of files are remembered, so only new and changed files are read.

    Returns:
        One sentence: how many files differ, the first of them, and what to do. None if no file
        differs, or if the images are the sample.
    """
    if not RAW_DVC_FILE.exists():
        return None
    tracked_id = str(tracked_by_dvc()["md5"])
    hashes = FileHashes("md5.json", md5)
    hashes.of(str(raw))
    hashes.save()
    present = {
        Path(file).relative_to(raw).as_posix(): hashes.known_of(file) for file in files_below(raw)
    }
    if hash_of_folder(present) == tracked_id:
        return None
    tracked = _tracked_files(tracked_id)
    paths = sorted(present.keys() | tracked.keys())
    differing = [path for path in paths if present.get(path) != tracked.get(path)]
    count = f"{len(differing)} of {len(paths)} files" if tracked else "some files"
    first = f" ({printable(differing[0])})" if tracked else ""
    return (
        f"{raw}: found {count} that differ from those that {RAW_DVC_FILE} tracks{first}; they are "
        f"used as they are; run `dvc add {raw}` to keep them, or `dvc checkout --force "
        f"{RAW_DVC_FILE}` to restore the tracked ones"
    )


def _tracked_files(tracked_id: str) -> dict[str, Any]:
    """Return DVC's hash of each tracked file by its path; empty if DVC's cache lacks the list."""
    cache = cache_root().with_name(".dvc") / "cache/files/md5"
    try:
        listing = read_json(cache / tracked_id[:2] / tracked_id[2:])
        return {entry["relpath"]: entry["md5"] for entry in listing}
    except (UserError, TypeError, KeyError):
        return {}
