"""Replace the sample by the user's own images and masks, tracked by DVC, and go back to it.

`data/raw` gets copies: `images/` and `masks/` as in the user's folders, and `groups.csv`. DVC
tracks them with `data/raw.dvc`, and `dvc.yaml` lists them as a dependency of `preprocess`.
"""

import os
import shutil
import sys
from pathlib import Path

from segsweep.config.sections import Preprocess
from segsweep.core.errors import UserError
from segsweep.core.files import write_text
from segsweep.core.processes import output_of
from segsweep.data.annotations.draw_masks import removed_afterwards
from segsweep.data.dvc_yaml import DVC_YAML, read_dvc_yaml, set_own_images
from segsweep.data.image_cache import image_cache_folder
from segsweep.data.issues import DataIssuesError, write_issue_report
from segsweep.data.own_images import Source, read_own_images
from segsweep.data.preprocess import PreparedDataset, image_settings
from segsweep.data.raw_copies import copy_dataset
from segsweep.data.raw_data import RAW, RAW_DVC_FILE, check_only_sample

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


@removed_afterwards(DRAWN_MASKS)
def import_data(source: Source, settings: Preprocess) -> PreparedDataset:
    """Check the user's images and masks and copy those that can be used to `data/raw`.

    Nothing is changed if a check fails. If the process is killed, the same command continues.

    Args:
        source: Where the images and masks are.
        settings: The study's `preprocess`.

    Returns:
        What was imported, with all issues.

    Raises:
        DataIssuesError: Images cannot be used; `results/data_report.md` lists all issues.
        UserError: The project is not ready, the disk is too small, or DVC failed.
    """
    _check_project(*filter(None, (source.images, source.masks)))
    try:
        cache = image_cache_folder(image_settings(settings))
        own = read_own_images(source, settings, cache, DRAWN_MASKS)
    except DataIssuesError as error:
        write_issue_report(error.issues)
        raise
    try:
        copy_dataset(own.dataset, own.groups, own.assumptions, source.images, source.masks, NEW_RAW)
    except BaseException:  # such as a full disk
        shutil.rmtree(NEW_RAW, ignore_errors=True)
        raise
    _replace_raw()
    return own.dataset


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
