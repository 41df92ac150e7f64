"""The user's own images in `data/raw`: never overwritten by the sample."""

from pathlib import Path

from segsweep.errors import UserError
from segsweep.files import content_hash, read_csv, read_json

RAW = Path("data/raw")
TRACKED = Path("data/raw.dvc")
"""Where this stands (`use_data.py` makes it), the images are the user's and no sample is made."""


def refuse_own_images(raw: Path) -> None:
    """Raise `UserError` if `raw` holds images that no sample wrote and DVC does not track."""
    if TRACKED.exists() or not (raw / "images").is_dir():
        return
    if _as_recorded(raw):
        return
    present = {path.name for path in (raw / "images").iterdir() if path.name[0] != "."}
    readme, groups = raw / "README.md", raw / "groups.csv"
    is_sample = readme.exists() and readme.read_text(encoding="utf-8").startswith("# Sample: ")
    known = {row.get("image", "") for row in read_csv(groups)} if groups.exists() else set()
    own = sorted(present - known) if is_sample else sorted(present)
    if own:
        raise UserError(
            f"{raw / 'images'}: found {len(own)} images that are not the sample's ({own[0]}, ...), "
            "which the sample would replace; move the folder out of the project and give it to "
            "`python workflow/scripts/use_data.py IMAGES_DIR MASKS_DIR`"
        )


def _as_recorded(raw: Path) -> bool:
    """Whether the images are what the record of the sample says was made."""
    try:
        made = read_json(raw / "made-from.json")["made"]
        return bool(made[str(raw / "images")] == content_hash(raw / "images"))
    except (UserError, KeyError, TypeError):
        return False
