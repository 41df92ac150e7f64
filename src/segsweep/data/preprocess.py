"""Turn folders of images and masks into the processed data set, or report all errors at once."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from segsweep.config.sections import Preprocess
from segsweep.core.files import is_there, read_csv
from segsweep.data.dataset import SPLITS
from segsweep.data.dataset_writer import write_dataset
from segsweep.data.discovery import Pair, find_pairs
from segsweep.data.groups import GROUPS_FILE, groups_from_folders
from segsweep.data.groups_table import read_groups
from segsweep.data.image_cache import PreparedImage
from segsweep.data.image_pool import prepare_images
from segsweep.data.issues import EXCLUDED_FILE, DataIssue, DataIssuesError
from segsweep.data.prepare import ImageSettings
from segsweep.data.splits import (
    find_far_shares,
    find_too_few_groups,
    foreground_by_group,
    split_groups,
)
from segsweep.data.validation import find_dataset_issues


@dataclass
class PreparedDataset:
    """The usable images of a data set, and all issues.

    Attributes:
        pairs: The image and mask files.
        prepared: Each image, processed.
        groups: Group of each image.
        given_splits: Split of the groups that have one in `groups.csv`; the others are drawn.
        issues: All issues, warnings included.
    """

    pairs: list[Pair] = field(default_factory=list)
    prepared: list[PreparedImage] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    given_splits: dict[str, str] = field(default_factory=dict)
    issues: list[DataIssue] = field(default_factory=list)


def image_settings(settings: Preprocess) -> ImageSettings:
    """Return the part of the study's `preprocess` that determines the pixels of an image."""
    height, width, _ = settings.input_shape
    low, high = settings.percentiles
    masks = settings.masks
    return ImageSettings(
        (height, width),
        (low, high),
        settings.mode,
        masks if isinstance(masks, str) else tuple(masks),
        settings.stacks,
    )


def preprocess(
    raw: Path,
    out: Path,
    settings: Preprocess,
    cache: Path,
    workers: int = 1,
    known_hash: Callable[[Path], str | None] = lambda path: None,
) -> dict[str, Any]:
    """Write the processed data set. The files do not depend on the number of workers.

    Args:
        raw: Folder with `images/`, `masks/` and, optionally, `groups.csv`.
        out: The folder to write to.
        settings: The study's `preprocess`.
        cache: Folder for processed images; see `image_cache_folder`.
        workers: Maximum number of processes.
        known_hash: Returns the content hash of a file, or None if it is not known.

    Returns:
        The summary.

    Raises:
        DataIssuesError: With all issues, if images cannot be used as they are.
    """
    dataset = prepare_raw_folder(raw, settings, cache, workers, known_hash)
    splits = assign_splits(dataset, settings)
    rows = [
        row | {"group": group, "split": split}
        for image, group, split in zip(dataset.prepared, dataset.groups, splits, strict=True)
        for row in image.rows
    ]
    return write_dataset(out, rows, dataset.prepared, dataset.issues, settings)


def prepare_raw_folder(
    raw: Path,
    settings: Preprocess,
    cache: Path,
    workers: int = 1,
    known_hash: Callable[[Path], str | None] = lambda path: None,
) -> PreparedDataset:
    """Find, process and check everything in `raw`; the arguments are those of `preprocess`."""
    files = find_pairs(raw / "images", raw / "masks")
    groups_file = raw / GROUPS_FILE
    if is_there(groups_file):
        groups, splits, group_issues = read_groups(groups_file, files)
    else:
        groups, splits, group_issues = groups_from_folders(files.pairs)
    excluded = read_csv(raw / EXCLUDED_FILE) if is_there(raw / EXCLUDED_FILE) else []
    issues = [*files.issues, *group_issues, *(DataIssue(**row) for row in excluded)]
    return prepare_dataset(
        files.pairs, groups, splits, issues, settings, cache, workers, known_hash
    )


def prepare_dataset(
    pairs: Sequence[Pair],
    groups: dict[str, str],
    splits: dict[str, str],
    issues: Sequence[DataIssue],
    settings: Preprocess,
    cache: Path,
    workers: int = 1,
    known_hash: Callable[[Path], str | None] = lambda path: None,
) -> PreparedDataset:
    """Process and check image and mask files.

    Args:
        pairs: The files.
        groups: Group by name of an image.
        splits: Split of the groups that have one; the others are drawn.
        issues: The issues so far.
        settings, cache, workers, known_hash: See `preprocess`.
    """
    dataset = PreparedDataset(given_splits=splits, issues=list(issues))
    results = prepare_images(pairs, image_settings(settings), cache, workers, known_hash)
    for pair, result in zip(pairs, results, strict=True):
        if isinstance(result, DataIssue):
            dataset.issues.append(result)
        elif pair.name in groups:
            dataset.pairs.append(pair)
            dataset.prepared.append(result)
            dataset.groups.append(groups[pair.name])
    images = [str(pair.image) for pair in dataset.pairs]
    dataset_issues = find_dataset_issues(images, dataset.prepared, dataset.groups)
    dataset.issues += dataset_issues
    duplicates = {issue.file for issue in dataset_issues if issue.severity == "image"}
    usable = [i for i, image in enumerate(images) if image not in duplicates]
    dataset.pairs = [dataset.pairs[i] for i in usable]
    dataset.prepared = [dataset.prepared[i] for i in usable]
    dataset.groups = [dataset.groups[i] for i in usable]
    # if an error ends the run anyway, images with an error still count for their groups
    counted = dataset.groups if settings.on_bad == "drop" else list(groups.values())
    if counted or settings.on_bad == "drop":  # else no image has a mask, which is an error already
        dataset.issues += find_too_few_groups(counted, splits)
    return dataset


def assign_splits(dataset: PreparedDataset, settings: Preprocess) -> list[str]:
    """Return the split of each usable image.

    Raises:
        DataIssuesError: With all issues, if one of them ends the run.
    """
    fatal = {"dataset"} if settings.on_bad == "drop" else {"dataset", "image"}
    if any(issue.severity in fatal for issue in dataset.issues):
        raise DataIssuesError(dataset.issues)
    foreground = [image.foreground for image in dataset.prepared]
    arguments = (
        foreground_by_group(dataset.groups, foreground),
        settings.validation_fraction,
        settings.test_fraction,
        settings.seed,
        Counter(dataset.groups),
        dataset.given_splits,
    )
    split_of = split_groups(*arguments)
    if far_shares := find_far_shares(split_of, *arguments):
        raise DataIssuesError([*dataset.issues, *far_shares])
    splits = [split_of[group] for group in dataset.groups]
    without_foreground = [
        DataIssue(
            "no_foreground",
            "masks",
            f"all masks of the {split} split are background",
            "choose another preprocess.seed or larger fractions, or import the images with their "
            "splits (segsweep import-data --groups)",
        )
        for split in SPLITS
        if not any(share for share, s in zip(foreground, splits, strict=True) if s == split)
    ]
    if without_foreground:
        raise DataIssuesError([*dataset.issues, *without_foreground])
    return splits
