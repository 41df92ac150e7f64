"""The user's folders in the sample's place, under DVC; and back.

In `data/raw` stand copies: `images/` and `masks/` as in the user's folders, and `groups.csv`.
`data/raw.dvc` says so to DVC, and one line in `dvc.yaml` makes them what preprocess depends on.
"""

import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML, YAMLError

from segsweep.core.errors import UserError
from segsweep.core.files import atomic_write, write_csv, write_text
from segsweep.core.processes import output_of
from segsweep.data.discovery import Pair
from segsweep.data.issues import printable
from segsweep.data.preprocess import LEFT_OUT, Examined
from segsweep.data.processed_files import PROBLEMS
from segsweep.data.raw_data import COPIES, RAW, TRACKED, refuse_foreign
from segsweep.data.splits import TABLE

DVC = (sys.executable, "-m", "dvc")
PIPELINE = Path("dvc.yaml")
STAGE = "preprocess"
SAMPLE_OUT = {str(RAW): {"persist": True}}
OURS = [RAW, Path("data/processed"), Path("results"), Path(".dvc"), Path(".git"), Path(".store")]
COMING, GOING = RAW.with_name(".raw.coming"), RAW.with_name(".raw.going")
"""Where copies are made, and where what stood in `data/raw` waits until DVC has taken them."""
README = (
    COPIES
    + """
Copies, made by `workflow/scripts/use_data.py`, of the folders `{images}` and `{masks}`.
"""
)


def check(*folders: Path) -> None:
    """Raise `UserError` where `place` could not do its work, before anything is read or changed."""
    for folder in folders:
        for own in OURS:
            inside, around = folder.resolve(), own.resolve()
            if inside.is_relative_to(around) or around.is_relative_to(inside):
                raise UserError(
                    f"{folder}: lies in {own}, or holds it, which is the project's; move your "
                    "images into a folder of their own, best out of the project"
                )
    output_of("git", "rev-parse", "--is-inside-work-tree")
    _pipeline()
    if RAW.exists() and not GOING.exists():  # else a killed `place` goes on, which looked before
        _refuse_changes() if TRACKED.exists() else refuse_foreign(RAW)


def place(found: Examined, images: Path, masks: Path | None) -> None:
    """Copy what can be used to `data/raw` and have DVC track it.

    What stood there comes back if DVC refuses; killed half-way, the same command is run again.
    Raises `UserError` when the disk is too small or DVC refuses.
    """
    shutil.rmtree(COMING, ignore_errors=True)
    files = [file for pair in found.pairs for file in (pair.image, *pair.masks)]
    _check_space(files)
    for pair in found.pairs:
        _copy(pair.image, COMING / "images" / pair.file)
        for mask, target in zip(pair.masks, _mask_places(pair), strict=True):
            _copy(mask, COMING / "masks" / target)
    given = found.given_splits
    rows = [
        {"image": pair.file, "group": group} | ({"split": given[group]} if given else {})
        for pair, group in zip(found.pairs, found.groups, strict=True)
    ]
    write_csv(COMING / TABLE, ["image", "group", *(["split"] if given else [])], rows)
    above = images.resolve().parent
    left_out = [
        asdict(
            replace(p, file=printable(p.file.replace(f"{above}/", "")), found=printable(p.found))
        )
        for p in found.problems
        if p.severity == "image"
    ]
    if left_out:
        write_csv(COMING / LEFT_OUT, PROBLEMS, left_out)
    told = README.format(images=images.name, masks=masks.name if masks else images.name)
    write_text(COMING / "README.md", told)

    before = PIPELINE.read_text(encoding="utf-8")
    if GOING.exists():
        shutil.rmtree(RAW, ignore_errors=True)
    else:
        RAW.mkdir(exist_ok=True)
        RAW.rename(GOING)
    COMING.rename(RAW)
    try:
        _depend_on_raw(True)
        output_of(*DVC, "add", str(RAW))
    except BaseException:
        shutil.rmtree(RAW)
        GOING.rename(RAW)
        write_text(PIPELINE, before)
        raise
    shutil.rmtree(GOING)
    output_of("git", "add", "--", str(PIPELINE), str(TRACKED))


def back_to_sample() -> None:
    """Undo `place`: what DVC has cached stays in its cache, and earlier commits find it there."""
    if not TRACKED.exists():
        raise UserError(f"{TRACKED}: not there; the sample is in use already")
    _pipeline()
    if RAW.exists():
        _refuse_changes()
        shutil.rmtree(RAW)
    shutil.rmtree(GOING, ignore_errors=True)
    _depend_on_raw(False)
    TRACKED.unlink()
    output_of("git", "rm", "--quiet", "--cached", "--ignore-unmatch", "--", str(TRACKED))
    output_of("git", "add", "--", str(PIPELINE))


def _refuse_changes() -> None:
    """Raise `UserError` where `data/raw` holds what DVC has not cached."""
    try:
        output_of(*DVC, "status", "--quiet", str(TRACKED))
    except UserError as error:
        raise UserError(
            f"{RAW}: differs from what {TRACKED} tracks, which would be lost; run `dvc add {RAW}` "
            "to keep it in DVC's cache, or `dvc checkout --force` to have back what was, and try "
            "again"
        ) from error


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


def _yaml() -> YAML:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 1000
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def _pipeline() -> Any:
    """`dvc.yaml` with all its comments. Raises `UserError` if it has no stage to change."""
    try:
        pipeline = _yaml().load(PIPELINE)
        stage = pipeline["stages"][STAGE]
        _ = stage["deps"], stage["outs"]
    except (OSError, YAMLError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"{PIPELINE}: found no stage {STAGE} with deps and outs ({reason}), expected the "
            f"project's; run this in the project's folder, or `git checkout {PIPELINE}`"
        ) from error
    return pipeline


def _depend_on_raw(own: bool) -> None:
    """Have `dvc.yaml` take `data/raw` as what its first stage depends on, or as what it makes."""
    pipeline = _pipeline()
    stage = pipeline["stages"][STAGE]
    for part in ("deps", "outs"):
        for position in [i for i, entry in enumerate(stage[part]) if _path(entry) == str(RAW)]:
            stage[part].pop(position)
    stage["deps" if own else "outs"].insert(0, str(RAW) if own else SAMPLE_OUT)
    with atomic_write(PIPELINE) as aside, aside.open("w", encoding="utf-8") as file:
        _yaml().dump(pipeline, file)


def _path(entry: object) -> str:
    return str(next(iter(entry))) if isinstance(entry, dict) else str(entry)
