"""Replace the sample by the user's own images and masks, tracked by DVC, and go back to it.

`data/raw` gets copies: `images/` and `masks/` as in the user's folders, and `groups.csv`. DVC
tracks them with `data/raw.dvc`, and `dvc.yaml` lists them as a dependency of `preprocess`.
"""

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from segsweep.config.sections import Preprocess
from segsweep.core.errors import UserError
from segsweep.core.files import write_csv, write_text
from segsweep.core.printable import printable
from segsweep.core.processes import output_of
from segsweep.data.annotations.draw_masks import pair_with_annotations, removed_afterwards
from segsweep.data.annotations.formats import FORMATS, find_annotations
from segsweep.data.dataset_writer import ISSUE_COLUMNS
from segsweep.data.discovery import MASK_SUFFIX, Pair, find_pairs
from segsweep.data.dvc_yaml import DVC_YAML, read_dvc_yaml, set_own_images
from segsweep.data.image_cache import image_cache_folder
from segsweep.data.issues import DataIssuesError, write_issue_report
from segsweep.data.preprocess import (
    EXCLUDED_FILE,
    PreparedDataset,
    assign_splits,
    image_settings,
    prepare_dataset,
)
from segsweep.data.raw_data import OWN_IMAGES_TITLE, RAW, RAW_DVC_FILE, check_only_sample
from segsweep.data.splits import (
    GROUPS_FILE,
    groups_from_folders,
    groups_from_regex,
    page_name,
    read_groups,
)

DVC = (sys.executable, "-m", "dvc")
PROJECT_FOLDERS = [
    RAW,
    Path("data/processed"),
    Path("results"),
    Path(".dvc"),
    Path(".git"),
    Path(".store"),
]
NEW_RAW = RAW.with_name(".raw.new")
"""The copies, until they are complete."""
OLD_RAW = RAW.with_name(".raw.old")
"""The previous `data/raw`, until DVC tracks the new one."""
DRAWN_MASKS = RAW.with_name(".raw.drawn")
"""The masks that are drawn from annotations, until they are copied."""
README = (
    OWN_IMAGES_TITLE
    + """
Copies of the folders `{images}` and `{masks}`, made by `segsweep import-data`.
"""
)


@removed_afterwards(DRAWN_MASKS)
def import_data(
    images: Path,
    masks: Path | None,
    settings: Preprocess,
    mask_suffix: str = MASK_SUFFIX,
    group_regex: str | None = None,
    groups_file: Path | None = None,
    labels: Sequence[str] = (),
) -> PreparedDataset:
    """Check the user's images and masks and copy those that can be used to `data/raw`.

    Nothing is changed if a check fails. If the process is killed, the same command continues.

    Args:
        images: Folder of images.
        masks: Folder of masks, annotation file, or folder of annotation files; None if the masks
            or annotations are in `images`.
        settings: The study's `preprocess`.
        mask_suffix: End of a mask's name in a folder with images and masks.
        group_regex: Expression whose first parentheses match the group in an image's path.
        groups_file: Table of groups, with the columns of `groups.csv`.
        labels: The classes of annotations that are foreground; none if there is only one.

    Returns:
        What was imported, with all issues.

    Raises:
        DataIssuesError: Images cannot be used; `results/data_report.md` lists all issues.
        UserError: The project is not ready, the disk is too small, or DVC failed.
    """
    _check_project(*filter(None, (images, masks)))
    if annotations := find_annotations(images, masks, mask_suffix):
        files = pair_with_annotations(images, annotations, labels, settings, DRAWN_MASKS)
    elif labels:
        raise UserError(f"--label: found no annotations in {masks or images}, expected {FORMATS}")
    else:
        files = find_pairs(images, masks, mask_suffix)
    issues, splits = list(files.issues), dict[str, str]()
    if groups_file:
        groups, splits, group_issues = read_groups(groups_file, files)
        issues += group_issues
    elif group_regex:
        groups, group_issues = groups_from_regex(files.pairs, group_regex)
        issues += group_issues
    else:
        groups = groups_from_folders(files.pairs)
    cache, workers = image_cache_folder(image_settings(settings)), len(os.sched_getaffinity(0))
    dataset = prepare_dataset(files.pairs, groups, splits, issues, settings, cache, workers)
    try:
        assign_splits(dataset, settings)
    except DataIssuesError as error:
        write_issue_report(error.issues)
        raise
    try:
        _copy_dataset(dataset, images, masks)
    except BaseException:  # such as a full disk
        shutil.rmtree(NEW_RAW, ignore_errors=True)
        raise
    _replace_raw()
    return dataset


def restore_sample() -> None:
    """Go back to the sample. DVC's cache keeps your images, so earlier commits can restore them."""
    if not RAW_DVC_FILE.exists():
        raise UserError(f"{RAW_DVC_FILE}: no such file; the project already uses the sample")
    read_dvc_yaml()
    if RAW.exists():
        _check_raw_is_cached()
        shutil.rmtree(RAW)
    shutil.rmtree(OLD_RAW, ignore_errors=True)
    set_own_images(False)
    RAW_DVC_FILE.unlink()
    output_of("git", "rm", "--quiet", "--cached", "--ignore-unmatch", "--", str(RAW_DVC_FILE))
    output_of("git", "add", "--", str(DVC_YAML))


def _check_project(*folders: Path) -> None:
    """Raise `UserError` if the import would fail or lose files, before anything is changed."""
    for folder in folders:
        for project_folder in PROJECT_FOLDERS:
            user_path, project_path = folder.resolve(), project_folder.resolve()
            if user_path.is_relative_to(project_path) or project_path.is_relative_to(user_path):
                raise UserError(
                    f"{folder}: is inside {project_folder} or contains it, which belongs to the "
                    "project; move your images to a folder of their own, best outside the project"
                )
    output_of("git", "rev-parse", "--is-inside-work-tree")
    read_dvc_yaml()
    if RAW.exists() and not OLD_RAW.exists():  # else a killed import continues; it was checked
        _check_raw_is_cached() if RAW_DVC_FILE.exists() else check_only_sample(RAW)


def _check_raw_is_cached() -> None:
    """Raise `UserError` if `data/raw` has files that are not in DVC's cache."""
    try:
        output_of(*DVC, "status", "--quiet", str(RAW_DVC_FILE))
    except UserError as error:
        raise UserError(
            f"{RAW}: differs from what {RAW_DVC_FILE} tracks, and the changes would be lost; run "
            f"`dvc add {RAW}` to keep them in DVC's cache, or `dvc checkout --force` to discard "
            "them, and try again"
        ) from error


def _copy_dataset(dataset: PreparedDataset, images: Path, masks: Path | None) -> None:
    """Write the new `data/raw` to a temporary folder."""
    shutil.rmtree(NEW_RAW, ignore_errors=True)
    _check_disk_space([file for pair in dataset.pairs for file in (pair.image, *pair.masks)])
    for pair in dataset.pairs:
        _copy_file(pair.image, NEW_RAW / "images" / pair.file)
        for mask, target in zip(pair.masks, _mask_targets(pair), strict=True):
            _copy_file(mask, NEW_RAW / "masks" / target)
    splits = dataset.given_splits
    rows = [
        {"image": image, "group": group} | ({"split": splits[group]} if splits else {})
        for pair, groups in zip(dataset.pairs, dataset.groups, strict=True)
        for image, group in _group_rows(pair, groups)
    ]
    columns = ["image", "group", "split"] if splits else ["image", "group"]
    write_csv(NEW_RAW / GROUPS_FILE, columns, rows)
    parent = images.resolve().parent
    excluded = [
        asdict(
            replace(
                issue,
                file=printable(issue.file.replace(f"{parent}/", "")),
                found=printable(issue.found),
            )
        )
        for issue in dataset.issues
        if issue.severity == "image"
    ]
    if excluded:
        write_csv(NEW_RAW / EXCLUDED_FILE, ISSUE_COLUMNS, excluded)
    readme = README.format(images=images.name, masks=masks.name if masks else images.name)
    write_text(NEW_RAW / "README.md", readme)


def _group_rows(pair: Pair, groups: Sequence[str]) -> list[tuple[str, str]]:
    """Return image and group for the rows of `groups.csv`: one, or one for each page."""
    if len(set(groups)) == 1:
        return [(pair.file, groups[0])]
    return [(page_name(pair.file, page), group) for page, group in enumerate(groups, 1)]


def _mask_targets(pair: Pair) -> list[str]:
    """Return the paths of a pair's masks below `masks/`: one file, or a folder of several."""
    if len(pair.masks) == 1:
        return [f"{pair.name}{pair.masks[0].suffix}"]
    return [f"{pair.name}/{mask.name}" for mask in pair.masks]


def _copy_file(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _check_disk_space(files: Sequence[Path]) -> None:
    needed = 2 * sum(file.stat().st_size for file in files)
    RAW.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(RAW.parent).free
    if needed > free:
        raise UserError(
            f"{RAW.parent}: found {free / 1e9:.1f} GB free, expected {needed / 1e9:.1f} GB for a "
            "copy and DVC's own copy; free some space, or use another disk"
        )


def _replace_raw() -> None:
    """Move the copies to `data/raw` and let DVC track them; undo everything if DVC fails."""
    before = DVC_YAML.read_text(encoding="utf-8")
    if OLD_RAW.exists():
        shutil.rmtree(RAW, ignore_errors=True)
    else:
        RAW.mkdir(exist_ok=True)
        RAW.rename(OLD_RAW)
    NEW_RAW.rename(RAW)
    try:
        set_own_images(True)
        output_of(*DVC, "add", str(RAW))
        os.sync()  # DVC does not wait until its copies are on the disk
    except BaseException:
        shutil.rmtree(RAW)
        OLD_RAW.rename(RAW)
        write_text(DVC_YAML, before)
        raise
    shutil.rmtree(OLD_RAW)
    output_of("git", "add", "--", str(DVC_YAML), str(RAW_DVC_FILE))
