"""The user's own images in `data/raw`: never overwritten by the sample, never taken for another."""

import os
from pathlib import Path

from segsweep.core.errors import UserError
from segsweep.core.files import SNAKEMAKE_TIMESTAMP, content_hash, read_csv, read_json, read_yaml

RAW = Path("data/raw")
TRACKED = Path("data/raw.dvc")
"""Where this stands (`use_data.py` makes it), the images are the user's and no sample is made."""
COPIES = "# Your own images\n"
"""How the README begins that `use_data.py` puts beside its copies."""


def refuse_own_images(raw: Path) -> None:
    """Raise `UserError` if `raw` is not what it must be: the sample, or what DVC tracks.

    Whether it is what DVC tracks is told by the number and size of the files, which costs nothing.
    """
    if TRACKED.exists():
        _refuse_untracked(raw)
        return
    if not (raw / "images").is_dir() or _as_recorded(raw):
        return
    present = {path.name for path in (raw / "images").iterdir() if path.name[0] != "."}
    if _readme(raw).startswith(COPIES):
        raise UserError(
            f"{raw}: found copies of your own images, but no {TRACKED}, expected both or neither; "
            "run use_data.py again (or, after a `git checkout`, `dvc checkout --force`)"
        )
    own = sorted(present - (_sample_names(raw) or set()))
    if own:
        raise UserError(
            f"{raw / 'images'}: found {len(own)} images that are not the sample's ({own[0]}, ...), "
            "which the sample would replace; move the folder out of the project and give it to "
            "`python workflow/scripts/use_data.py IMAGES_DIR MASKS_DIR`"
        )


def refuse_foreign(raw: Path) -> None:
    """Raise `UserError` if anything at all in `raw` is not of the sample."""
    refuse_own_images(raw)
    names, known = _sample_names(raw), set[str]()
    if names is not None:
        known = {f"{folder}/{name}" for folder in ("images", "masks") for name in names}
        known |= {"groups.csv", "README.md", "provenance.json"}
    files = [p for p in raw.rglob("*") if not p.is_dir() and p.name != SNAKEMAKE_TIMESTAMP]
    found = sorted({p.relative_to(raw).as_posix() for p in files} - known)
    if found:
        raise UserError(
            f"{raw}: found {len(found)} files that are not the sample's ({found[0]}, ...), which "
            "would be lost; move them out of the project"
        )


def _sample_names(raw: Path) -> set[str] | None:
    """The files that the sample in `raw` lists, None where there is no sample."""
    if not _readme(raw).startswith("# Sample: "):
        return None
    groups = raw / "groups.csv"
    return {row.get("image", "") for row in read_csv(groups)} if groups.exists() else set()


def _readme(raw: Path) -> str:
    file = raw / "README.md"
    return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""


def _refuse_untracked(raw: Path) -> None:
    if not raw.is_dir():
        raise UserError(
            f"{raw}: not here, expected what {TRACKED} tracks; run `dvc checkout` (on another "
            "machine `dvc pull`)"
        )
    out = read_yaml(TRACKED)["outs"][0]
    told = out.get("nfiles"), out.get("size")
    sizes = [
        os.stat(os.path.join(parent, name)).st_size  # noqa: PTH118, for 100,000 files
        for parent, _, names in os.walk(raw)
        for name in names
    ]
    if (len(sizes), sum(sizes)) != told:
        raise UserError(
            f"{raw}: found {len(sizes)} files of {sum(sizes)} bytes, expected the {told[0]} of "
            f"{told[1]} that {TRACKED} tracks; run `dvc add {raw}` "
            "to take what is there, or `dvc checkout --force` to have back what was"
        )


def _as_recorded(raw: Path) -> bool:
    """Whether the images are what the record of the sample says was made."""
    try:
        made = read_json(raw / "provenance.json")["made"]
        return bool(made[str(raw / "images")] == content_hash(raw / "images"))
    except (UserError, KeyError, TypeError):
        return False
