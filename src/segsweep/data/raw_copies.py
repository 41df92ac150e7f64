"""Copy the user's images and masks to `data/raw`, under equal names, with their tables."""

import shutil
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from segsweep.core.errors import UserError
from segsweep.core.files import write_csv, write_text
from segsweep.core.printable import printable
from segsweep.data.dataset_writer import ISSUE_COLUMNS
from segsweep.data.discovery import Pair, find_pairs
from segsweep.data.groups import GROUPS_FILE
from segsweep.data.groups_table import table_rows
from segsweep.data.issues import ASSUMPTIONS_FILE, EXCLUDED_FILE, DataIssue
from segsweep.data.preprocess import PreparedDataset
from segsweep.data.raw_data import OWN_IMAGES_TITLE
from segsweep.data.readers import written_suffix

README = (
    OWN_IMAGES_TITLE
    + """
Copies of `{images}` and `{masks}`, made by `segsweep import-data`.
"""
)


def copy_dataset(
    dataset: PreparedDataset,
    groups: dict[str, str],
    assumptions: Sequence[DataIssue],
    images: Path,
    masks: Path | None,
    out: Path,
) -> None:
    """Write the new `data/raw` to a temporary folder.

    Raises:
        UserError: The disk is too small, or names in the copies would not be unique.

    Args:
        dataset: What to copy.
        groups: Group by the name of an image, or by `page_key`.
        assumptions: What was assumed about folders and names.
        images, masks: The user's folders or files.
        out: The temporary folder.
    """
    shutil.rmtree(out, ignore_errors=True)
    pairs = list(dict.fromkeys(dataset.pairs))
    _check_disk_space([file for pair in pairs for file in (pair.image, *pair.masks)], out.parent)
    for pair in pairs:
        _copy_file(pair.image, out / "images" / pair.file)
        for mask, target in zip(pair.masks, _mask_targets(pair), strict=True):
            _copy_file(mask, out / "masks" / target)
    _check_copies(pairs, out)
    rows = table_rows(pairs, groups, dataset.given_splits)
    write_csv(out / GROUPS_FILE, list(rows[0]), rows)
    parent = images.resolve().parent
    excluded = [issue for issue in dataset.issues if issue.severity == "image"]
    for name, issues in ((EXCLUDED_FILE, excluded), (ASSUMPTIONS_FILE, assumptions)):
        if issues:
            rows = [asdict(_without_folder(issue, parent)) for issue in issues]
            write_csv(out / name, ISSUE_COLUMNS, rows)
    readme = README.format(images=images.name, masks=masks.name if masks else images.name)
    write_text(out / "README.md", readme)


def _check_copies(pairs: Sequence[Pair], out: Path) -> None:
    """Raise `UserError` unless `preprocess` will find the same pairs in the copies."""
    copied = find_pairs(out / "images", out / "masks")
    expected = {pair.name: len(pair.masks) for pair in pairs}
    found = {pair.name: len(pair.masks) for pair in copied.pairs}
    if found != expected:
        name = min(expected.items() ^ found.items())[0]
        raise UserError(
            f"{name}: the name of this image, or of its masks, is also that of other files in the "
            "copies, where images and masks have equal names; rename the image"
        )


def _without_folder(issue: DataIssue, folder: Path) -> DataIssue:
    """Return an issue with paths relative to a folder, and without control characters."""
    file = printable(issue.file.replace(f"{folder}/", ""))
    return replace(issue, file=file, found=printable(issue.found))


def _mask_targets(pair: Pair) -> list[str]:
    """Return the paths of a pair's masks below `masks/`: one file, or a folder of several."""
    if len(pair.masks) == 1:
        return [f"{pair.name}{written_suffix(pair.masks[0])}"]
    return [f"{pair.name}/{mask.name}" for mask in pair.masks]


def _copy_file(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _check_disk_space(files: Sequence[Path], folder: Path) -> None:
    needed = 2 * sum(file.stat().st_size for file in files)
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise UserError(
            f"{folder}: found {free / 1e9:.1f} GB free, expected {needed / 1e9:.1f} GB for a "
            "copy and DVC's own copy; free some space, or use another disk"
        )
