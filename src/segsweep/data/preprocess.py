"""Turn folders of images and masks into the processed data set, or report all errors at once."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from segsweep.config.sections import Preprocess
from segsweep.core.files import is_there, read_csv
from segsweep.data.assumptions import state_assumptions
from segsweep.data.dataset_writer import write_dataset
from segsweep.data.discovery import Pair, find_pairs
from segsweep.data.groups import GROUPS_FILE, groups_from_folders
from segsweep.data.groups_table import find_page_issues, page_key, read_groups
from segsweep.data.image_cache import PreparedImage
from segsweep.data.image_pool import prepare_images
from segsweep.data.issues import ASSUMPTIONS_FILE, EXCLUDED_FILE, DataIssue, DataIssuesError
from segsweep.data.mask_decision import apply_one_rule
from segsweep.data.prepare import ImageSettings
from segsweep.data.split_foreground import find_splits_without_foreground, foreground_by_group
from segsweep.data.splits import find_far_shares, find_too_few_groups, split_groups
from segsweep.data.validation import find_dataset_issues


@dataclass
class PreparedDataset:
    """The usable images of a data set, and all issues.

    Attributes:
        pairs: The image and mask files.
        prepared: Each image, processed.
        groups: Group of each page of each image.
        given_splits: Split of the groups that have one in `groups.csv`; the others are drawn.
        issues: All issues, warnings included.
    """

    pairs: list[Pair] = field(default_factory=list)
    prepared: list[PreparedImage] = field(default_factory=list)
    groups: list[list[str]] = field(default_factory=list)
    given_splits: dict[str, str] = field(default_factory=dict)
    issues: list[DataIssue] = field(default_factory=list)

    @property
    def groups_of_pages(self) -> list[str]:
        """Group of each page, of all images in their order."""
        return [group for page_groups in self.groups for group in page_groups]


def image_settings(settings: Preprocess) -> ImageSettings:
    """Return the part of the study's `preprocess` that determines the pixels of an image."""
    height, width, _ = settings.input_shape
    low, high = settings.percentiles
    masks, background, nodata = settings.masks, settings.background, settings.nodata
    return ImageSettings(
        (height, width),
        (low, high),
        settings.mode,
        masks if isinstance(masks, str) else tuple(masks),
        settings.stacks,
        None if background is None else tuple(background),
        settings.ignore,
        settings.channel,
        None if nodata is None else tuple(nodata),
        settings.orientation,
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
    split_of = assign_splits(dataset, settings)
    rows = [
        row | {"group": groups[row["page"] - 1], "split": split_of[groups[row["page"] - 1]]}
        for image, groups in zip(dataset.prepared, dataset.groups, strict=True)
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
    imported = [
        DataIssue(**row)
        for file in (raw / EXCLUDED_FILE, raw / ASSUMPTIONS_FILE)
        if is_there(file)
        for row in read_csv(file)
    ]
    issues = [*files.issues, *group_issues, *imported]
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
    image_config = image_settings(settings)
    prepare = partial(
        prepare_images,
        settings=image_config,
        folder=cache,
        workers=workers,
        known_hash=known_hash,
    )
    results, mask_issues = apply_one_rule(
        pairs,
        prepare(pairs),
        image_config.mask_settings,
        lambda again, rule: prepare(again, rule=rule),
    )
    pages = {
        pair: len(result.content_hashes)
        for pair, result in zip(pairs, results, strict=True)
        if isinstance(result, PreparedImage)
    }
    dataset.issues += [*mask_issues, *find_page_issues(pairs, pages, groups)]
    for pair, result in zip(pairs, results, strict=True):
        if isinstance(result, DataIssue):
            dataset.issues.append(result)
        elif page_groups := _groups_of_pages(pair, pages[pair], groups):
            dataset.pairs.append(pair)
            dataset.prepared.append(result)
            dataset.groups.append(page_groups)
    images = [str(pair.image) for pair in dataset.pairs]
    dataset_issues = find_dataset_issues(images, dataset.prepared, dataset.groups, image_config)
    dataset.issues += [*dataset_issues, *state_assumptions(dataset.pairs, dataset.prepared)]
    duplicates = {issue.file for issue in dataset_issues if issue.severity == "image"}
    usable = [i for i, image in enumerate(images) if image not in duplicates]
    dataset.pairs = [dataset.pairs[i] for i in usable]
    dataset.prepared = [dataset.prepared[i] for i in usable]
    dataset.groups = [dataset.groups[i] for i in usable]
    # if an error ends the run anyway, images with an error still count for their groups
    counted = dataset.groups_of_pages if settings.on_bad == "drop" else list(groups.values())
    if counted or settings.on_bad == "drop":  # else no image has a mask, which is an error already
        dataset.issues += find_too_few_groups(counted, splits, _find_stack(pairs, dataset))
    return dataset


def _find_stack(pairs: Sequence[Pair], dataset: PreparedDataset) -> str | None:
    """Return the path of a file with several pages below the images folder, None without."""
    refused = {issue.file for issue in dataset.issues if issue.kind == "pages"}
    used = {
        pair for pair, pages in zip(dataset.pairs, dataset.groups, strict=True) if len(pages) > 1
    }
    stacks = (pair.file for pair in pairs if pair in used or str(pair.image) in refused)
    return next(stacks, None)


def _groups_of_pages(pair: Pair, pages: int, groups: dict[str, str]) -> list[str]:
    """Return the group of each page; empty if `groups` has neither the pages nor the image."""
    names = [page_key(pair.name, number) for number in range(1, pages + 1)]
    found = [groups.get(name) or groups.get(pair.name) for name in names]
    return [group for group in found if group is not None] if all(found) else []


def assign_splits(dataset: PreparedDataset, settings: Preprocess) -> dict[str, str]:
    """Return the split of each group.

    Raises:
        DataIssuesError: With all issues, if one of them ends the run.
    """
    fatal = {"dataset"} if settings.on_bad == "drop" else {"dataset", "image"}
    if any(issue.severity in fatal for issue in dataset.issues):
        raise DataIssuesError(dataset.issues)
    groups = dataset.groups_of_pages
    foreground = [share for image in dataset.prepared for share in image.foreground_of_pages]
    arguments = (
        foreground_by_group(groups, foreground),
        settings.validation_fraction,
        settings.test_fraction,
        settings.seed,
        Counter(groups),
        dataset.given_splits,
    )
    split_of = split_groups(*arguments)
    if far_shares := find_far_shares(split_of, *arguments):
        raise DataIssuesError([*dataset.issues, *far_shares])
    without_foreground = find_splits_without_foreground(
        split_of, arguments[0], dataset.given_splits
    )
    if without_foreground:
        raise DataIssuesError([*dataset.issues, *without_foreground])
    return split_of
