"""The user's folders in the sample's place, under DVC; and back.

In `data/raw` stand copies: `images/` and `masks/` as in the user's folders, and `groups.csv`.
`data/raw.dvc` says so to DVC, and one line in `dvc.yaml` makes them what preprocess depends on.
"""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from ruamel.yaml import YAML

from segsweep.data.dataset import LEFT_OUT, Examined
from segsweep.data.groups import TABLE
from segsweep.data.layout import Pair
from segsweep.data.own import RAW, TRACKED
from segsweep.data.tables import PROBLEMS
from segsweep.errors import UserError
from segsweep.files import replacing, write_csv, write_text

PIPELINE = Path("dvc.yaml")
STAGE = "preprocess"
SAMPLE_OUT = {str(RAW): {"persist": True}}
README = """\
# Your own images

Copies, made by `workflow/scripts/use_data.py` from

- images: {images}
- masks: {masks}
"""


def place(found: Examined, images: Path, masks: Path | None) -> None:
    """Copy what can be used to `data/raw` and have DVC track it.

    Killed half-way, it is run again: the images that stood there before are put aside until the
    new ones are complete. Raises `UserError` when the disk is too small or DVC refuses.
    """
    coming = RAW.with_name("raw.part")
    shutil.rmtree(coming, ignore_errors=True)
    files = [file for pair in found.pairs for file in (pair.image, *pair.masks)]
    _check_space(files)
    for pair in found.pairs:
        _copy(pair.image, coming / "images" / f"{pair.name}{pair.image.suffix}")
        for mask, place in zip(pair.masks, _mask_places(pair), strict=True):
            _copy(mask, coming / "masks" / place)
    columns = ["image", "group", *(["split"] if found.given_splits else [])]
    rows = [
        {"image": f"{pair.name}{pair.image.suffix}", "group": group}
        | ({"split": found.given_splits[group]} if found.given_splits else {})
        for pair, group in zip(found.pairs, found.groups, strict=True)
    ]
    write_csv(coming / TABLE, columns, rows)
    left_out = [asdict(p) for p in found.problems if p.severity == "image"]
    if left_out:
        write_csv(coming / LEFT_OUT, PROBLEMS, left_out)
    write_text(coming / "README.md", README.format(images=images, masks=masks or "beside them"))
    _depend_on_raw(True)
    shutil.rmtree(RAW, ignore_errors=True)
    coming.rename(RAW)
    _run("dvc", "add", "--quiet", str(RAW))
    _stage_for_git()


def back_to_sample() -> None:
    """Undo `place`: what DVC has cached stays in its cache, and earlier commits find it there."""
    if not TRACKED.exists():
        raise UserError(f"{TRACKED}: not there; the sample is in use already")
    _run("dvc", "status", "--quiet", str(TRACKED), refused="differs from what DVC has cached; run "
         "`dvc add data/raw` first, or the changes would be lost")  # fmt: skip
    TRACKED.unlink()
    shutil.rmtree(RAW, ignore_errors=True)
    _depend_on_raw(False)
    _stage_for_git()


def _mask_places(pair: Pair) -> list[str]:
    """Where the masks of a pair go below `masks/`: beside its name, or in a folder of its name."""
    if len(pair.masks) == 1:
        return [f"{pair.name}{pair.masks[0].suffix}"]
    return [f"{pair.name}/{mask.name}" for mask in pair.masks]


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _check_space(files: Sequence[Path]) -> None:
    needed = 2 * sum(file.stat().st_size for file in files)
    RAW.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(RAW.parent).free
    if needed > free:
        raise UserError(
            f"{RAW.parent}: found {free / 1e9:.1f} GB free, expected {needed / 1e9:.1f} GB for a "
            "copy and DVC's own; make room, or work on another disk"
        )


def _depend_on_raw(own: bool) -> None:
    """Have `dvc.yaml` take `data/raw` as what its first stage depends on, or as what it makes."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 1000
    yaml.indent(mapping=2, sequence=4, offset=2)
    pipeline = yaml.load(PIPELINE)
    stage = pipeline["stages"][STAGE]
    for part in ("deps", "outs"):
        for place in [i for i, entry in enumerate(stage[part]) if _path(entry) == str(RAW)]:
            stage[part].pop(place)
    stage["deps" if own else "outs"].insert(0, str(RAW) if own else SAMPLE_OUT)
    with replacing(PIPELINE) as aside, aside.open("w", encoding="utf-8") as file:
        yaml.dump(pipeline, file)


def _path(entry: object) -> str:
    return str(next(iter(entry))) if isinstance(entry, dict) else str(entry)


def _stage_for_git() -> None:
    """Put the changes in git's index, so that one commit records them."""
    _run("git", "add", "--all", "--", str(PIPELINE), str(RAW.parent))


def _run(*command: str, refused: str = "") -> None:
    if command[0] == "dvc":
        command = (sys.executable, "-m", *command)
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        said = " ".join((done.stderr + done.stdout).split())
        raise UserError(f"{RAW}: {refused or said}")
