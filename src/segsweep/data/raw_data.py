"""Protect the user's own images in `data/raw`: the sample never overwrites them."""

import os
from pathlib import Path
from typing import Any

from segsweep.core.errors import UserError
from segsweep.core.files import SNAKEMAKE_TIMESTAMP, content_hash, read_csv, read_json, read_yaml

RAW = Path("data/raw")
RAW_DVC_FILE = Path("data/raw.dvc")
"""If this file exists (`segsweep import-data` makes it), the images are the user's own and DVC
tracks them; else they are the sample."""
OWN_IMAGES_TITLE = "# Your own images\n"
"""First line of the README that `segsweep import-data` writes next to its copies."""
SAMPLE_TITLE = "# Sample: "
"""Start of the README of a sample."""


def check_raw_data(raw: Path) -> None:
    """Check that `raw` has the sample or what DVC tracks.

    What DVC tracks is recognised by the number and total size of the files, which is fast.

    Raises:
        UserError: It has other files, or files of DVC are missing.
    """
    if RAW_DVC_FILE.exists():
        _check_tracked_files(raw)
        return
    if not (raw / "images").is_dir() or _is_as_recorded(raw):
        return
    present = {path.name for path in (raw / "images").iterdir() if path.name[0] != "."}
    if _read_readme(raw).startswith(OWN_IMAGES_TITLE):
        raise UserError(
            f"{raw}: found copies of your own images, but no {RAW_DVC_FILE}, expected both or "
            "neither; run segsweep import-data again (or, after a `git checkout`, `dvc checkout "
            "--force`)"
        )
    own = sorted(present - (_sample_names(raw) or set()))
    if own:
        raise UserError(
            f"{raw / 'images'}: found {len(own)} images that are not from the sample ({own[0]}, "
            "...), which the sample would overwrite; move the folder out of the project and import "
            "it with `segsweep import-data IMAGES_DIR MASKS_DIR`"
        )


def check_only_sample(raw: Path) -> None:
    """Raise `UserError` if `raw` has any file that is not from the sample."""
    check_raw_data(raw)
    names, expected = _sample_names(raw), set[str]()
    if names is not None:
        expected = {f"{folder}/{name}" for folder in ("images", "masks") for name in names}
        expected |= {"groups.csv", "README.md", "provenance.json"}
    files = [p for p in raw.rglob("*") if not p.is_dir() and p.name != SNAKEMAKE_TIMESTAMP]
    others = sorted({p.relative_to(raw).as_posix() for p in files} - expected)
    if others:
        raise UserError(
            f"{raw}: found {len(others)} files that are not from the sample ({others[0]}, ...), "
            "which would be lost; move them out of the project"
        )


def _sample_names(raw: Path) -> set[str] | None:
    """Return the file names that the sample in `raw` lists, None if there is no sample."""
    if not _read_readme(raw).startswith(SAMPLE_TITLE):
        return None
    groups = raw / "groups.csv"
    return {row.get("image", "") for row in read_csv(groups)} if groups.exists() else set()


def _read_readme(raw: Path) -> str:
    file = raw / "README.md"
    return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""


def _check_tracked_files(raw: Path) -> None:
    """Raise `UserError` unless `raw` has as many files and bytes as DVC tracks."""
    if not raw.is_dir():
        raise UserError(
            f"{raw}: no such folder, expected what {RAW_DVC_FILE} tracks; run `dvc checkout` (on "
            "another machine `dvc pull`)"
        )
    out = tracked_by_dvc()
    tracked = out.get("nfiles"), out.get("size")
    sizes = [
        os.stat(os.path.join(parent, name)).st_size  # noqa: PTH118, for 100,000 files
        for parent, _, names in os.walk(raw)
        for name in names
    ]
    if (len(sizes), sum(sizes)) != tracked:
        raise UserError(
            f"{raw}: found {len(sizes)} files with {sum(sizes)} bytes, expected {tracked[0]} files "
            f"with {tracked[1]} bytes, as {RAW_DVC_FILE} tracks; run `dvc add {raw}` to keep the "
            "present files, or `dvc checkout --force` to restore the tracked ones"
        )


def tracked_by_dvc() -> dict[str, Any]:
    """Return what DVC tracks as `data/raw`: number and size of the files, hash of their list.

    Raises:
        UserError: The file is damaged.
    """
    try:
        out = dict(read_yaml(RAW_DVC_FILE)["outs"][0])
        _ = int(out["nfiles"]), int(out["size"]), out["md5"]
    except (UserError, KeyError, IndexError, TypeError, ValueError) as error:
        raise UserError(
            f"{RAW_DVC_FILE}: found no output with md5, size and nfiles, expected the file that "
            f"`dvc add {RAW}` writes; run `git checkout -- {RAW_DVC_FILE}`, or `dvc add {RAW}`"
        ) from error
    return out


def _is_as_recorded(raw: Path) -> bool:
    """Return whether the images are those of the sample's provenance record."""
    try:
        made = read_json(raw / "provenance.json")["made"]
        return bool(made[str(raw / "images")] == content_hash(raw / "images"))
    except (UserError, KeyError, TypeError):
        return False
