"""Find and check the user's own images and masks, wherever they are."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from segsweep.config.sections import Preprocess
from segsweep.core.errors import UserError
from segsweep.data.annotations.draw_masks import pair_with_annotations
from segsweep.data.annotations.formats import FORMATS, find_annotations
from segsweep.data.discovery import PairedFiles
from segsweep.data.groups import groups_from_folders, groups_from_regex
from segsweep.data.groups_table import read_groups
from segsweep.data.issues import DataIssue
from segsweep.data.mask_names import MASK_SUFFIX
from segsweep.data.name_checks import state_union
from segsweep.data.preprocess import PreparedDataset, assign_splits, prepare_dataset
from segsweep.data.user_folders import NameRules, find_user_pairs


@dataclass(frozen=True)
class Source:
    """Where the user's images and masks are, and what the user says about them.

    Attributes:
        images: Folder of images, or one file.
        masks: Folder of masks, or one file; annotation file, or folder of annotation files; None if
            the masks or annotations are in `images`.
        rules: What the user says about the names of images and masks.
        group_regex: Expression whose first parentheses match the group in an image's path.
        groups_file: Table of groups, with the columns of `groups.csv`.
        labels: The classes of annotations that are foreground; none if there is only one.
    """

    images: Path
    masks: Path | None = None
    rules: NameRules | None = None
    group_regex: str | None = None
    groups_file: Path | None = None
    labels: Sequence[str] = ()


@dataclass(frozen=True)
class OwnImages:
    """Images and masks that can be used.

    Attributes:
        dataset: The images, processed, with all issues.
        groups: Group by the name of an image, or by `page_key`.
        splits: Split of each group.
        assumptions: What was assumed about folders and names.
    """

    dataset: PreparedDataset
    groups: dict[str, str]
    splits: dict[str, str]
    assumptions: list[DataIssue]


def read_own_images(source: Source, settings: Preprocess, cache: Path, drawn: Path) -> OwnImages:
    """Find, process and check the user's images.

    Args:
        source: Where they are.
        settings: The study's `preprocess`.
        cache: Folder for processed images; see `image_cache_folder`.
        drawn: Folder for masks that are drawn from annotations.

    Raises:
        DataIssuesError: Images cannot be used.
        UserError: Nothing was found, or it is not clear which mask belongs to which image.
    """
    files = _find_files(source, settings, drawn)
    groups, splits, group_issues = _find_groups(source, files)
    issues = [*files.issues, *group_issues]
    workers = len(os.sched_getaffinity(0))
    dataset = prepare_dataset(files.pairs, groups, splits, issues, settings, cache, workers)
    drawn_splits = assign_splits(dataset, settings)
    assumptions = [issue for issue in issues if issue.severity == "assumption"]
    return OwnImages(dataset, groups, drawn_splits, assumptions)


def _find_files(source: Source, settings: Preprocess, drawn: Path) -> PairedFiles:
    """Return the images with their masks, which may be drawn from annotations first."""
    suffix = source.rules.mask_suffix if source.rules else None
    if annotations := find_annotations(source.images, source.masks, suffix or MASK_SUFFIX):
        return pair_with_annotations(source.images, annotations, source.labels, settings, drawn)
    if source.labels:
        raise UserError(
            f"--label: found no annotations in {source.masks or source.images}, expected {FORMATS}"
        )
    files = find_user_pairs(source.images, source.masks, source.rules)
    files.issues += state_union(files.pairs, source.images)
    return files


def _find_groups(
    source: Source, files: PairedFiles
) -> tuple[dict[str, str], dict[str, str], list[DataIssue]]:
    """Return the group of each image, the split of the groups that have one, and issues."""
    if source.groups_file:
        return read_groups(source.groups_file, files)
    if source.group_regex:
        groups, issues = groups_from_regex(files.pairs, source.group_regex)
        return groups, {}, issues
    return groups_from_folders(files.pairs)
