"""Draw the masks of all images of a folder from annotations, for `segsweep import-data`."""

import shlex
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from segsweep.config.sections import Preprocess
from segsweep.core.errors import UserError
from segsweep.core.formatting import format_names
from segsweep.data.annotations.drawing import Counts, draw_regions
from segsweep.data.annotations.formats import read_annotations
from segsweep.data.annotations.image_frame import annotated_upright, read_frame, write_mask
from segsweep.data.annotations.matching import match_images
from segsweep.data.annotations.regions import AnnotatedImage, Region
from segsweep.data.annotations.summary import MAX_CLASSES_SHOWN, Summary, show_class
from segsweep.data.discovery import PairedFiles, find_pairs
from segsweep.data.file_listing import relative_stem
from segsweep.data.issues import DataIssue, DataIssuesError, InvalidImageError, write_issue_report

FOREGROUND = 255


@contextmanager
def removed_afterwards(folder: Path) -> Iterator[None]:
    """Remove a folder before and after the block."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def pair_with_annotations(
    images: Path, annotations: Path, labels: Sequence[str], settings: Preprocess, out: Path
) -> PairedFiles:
    """Draw the masks of a folder of images and pair them.

    Args:
        images: Folder of images.
        annotations: The annotation file, or the folder of annotation files.
        labels: The classes that are foreground; none if there is only one.
        settings: The study's `preprocess`.
        out: Folder for the masks.

    Returns:
        The pairs, with the issues of the annotations instead of those of missing masks.

    Raises:
        DataIssuesError: No mask could be drawn; `results/data_report.md` lists the reasons.
        UserError: The annotations or the settings do not fit.
    """
    _check_settings(annotations, settings)
    issues = draw_masks(images, annotations, labels, out, settings.orientation)
    if not any(out.rglob("*.png")):
        write_issue_report(issues)
        raise DataIssuesError(issues)
    files = find_pairs(images, out)
    explained = {issue.file for issue in issues}
    files.issues = [*issues, *(issue for issue in files.issues if issue.file not in explained)]
    return files


def draw_masks(
    images: Path, annotations: Path, labels: Sequence[str], out: Path, orientation: str = "auto"
) -> list[DataIssue]:
    """Draw a mask (PNG, 0 and 255) for each image, stored and turned like the image.

    Args:
        images: Folder of images.
        annotations: The annotation file, or the folder of annotation files.
        labels: The classes that are foreground; none if there is only one.
        out: Folder for the masks, which get the names of the images.
        orientation: `preprocess.orientation`: whether annotations belong to upright or to stored
            images, where recorded sizes fit both.

    Returns:
        Issues of images without a mask, and the assumption that describes the masks.

    Raises:
        UserError: A file is broken, has no annotations of these images, or does not have the
            classes.
    """
    annotated, others = read_annotations(annotations)
    matched = match_images(images, annotations, annotated)
    issues = list(matched.issues)
    if len(matched.absent) == len(annotated):
        raise UserError(
            f"{annotations}: found annotations of {len(matched.absent)} images (such as "
            f"{matched.absent[0]}), none of which is in {images}; give the folder of these images"
        )
    classes = _count_classes(matched.annotated.values())
    chosen = _choose_classes(annotations, classes, labels) if matched.annotated else []
    summary = Summary(chosen, classes, others)
    for image, record in matched.annotated.items():
        regions = [region for region in record.regions if set(region.labels) & set(chosen)]
        path = out / f"{relative_stem(image, images)}.png"
        try:
            summary.add(record, image, *_draw(image, record, regions, orientation, path))
        except InvalidImageError as error:
            issues.append(error.as_issue(image))
    if summary.images:
        issues.append(summary.assumption(annotations, matched))
    return issues


def _check_settings(annotations: Path, settings: Preprocess) -> None:
    """Raise `UserError` if the values of drawn masks would have another meaning."""
    values, background = settings.masks, settings.background
    found: object
    if not isinstance(values, str) and (FOREGROUND not in values or 0 in values):
        key, found, todo = "masks", values, "preprocess.masks: binary"
    elif background not in (None, [0]):
        key, found, todo = "background", background, "preprocess.background: null"
    elif settings.ignore in (0, FOREGROUND):
        key, found, todo = "ignore", settings.ignore, "preprocess.ignore: null"
    else:
        return
    raise UserError(
        f"preprocess.{key}: found {found}, but the masks that are drawn from {annotations} have 0 "
        f"for background and {FOREGROUND} for foreground; set {todo}"
    )


def _count_classes(annotated: Iterable[AnnotatedImage]) -> Counter[str]:
    return Counter(
        label for image in annotated for region in image.regions for label in region.labels
    )


def _choose_classes(annotations: Path, classes: Counter[str], labels: Sequence[str]) -> list[str]:
    """Return the classes that are foreground."""
    if not classes:
        raise UserError(f"{annotations}: found images without any region, expected objects")
    unknown = [label for label in labels if label not in classes]
    if not unknown and (labels or len(classes) == 1):
        return list(dict.fromkeys(labels or classes))
    counts = [f"{show_class(name)} ({count})" for name, count in classes.most_common()]
    found = format_names(counts, MAX_CLASSES_SHOWN)
    example = shlex.quote(classes.most_common(1)[0][0])
    if unknown:
        raise UserError(
            f"--label {shlex.quote(unknown[0])}: no region in {annotations} has this class; found "
            f"{found}; use one of these, such as --label {example}"
        )
    raise UserError(
        f"{annotations}: found {len(classes)} classes: {found}; choose those that are foreground "
        f"with --label, such as --label {example} (repeat it for several)"
    )


def _draw(
    image: Path,
    record: AnnotatedImage,
    regions: Sequence[Region],
    orientation: str,
    path: Path,
) -> tuple[Counts, bool]:
    """Draw the mask of one image; return what was drawn, and whether the image was turned."""
    frame = read_frame(image)
    upright = annotated_upright(frame, record.size, orientation)
    mask, counts = draw_regions(record, regions, *(frame.upright if upright else frame.stored))
    write_mask(mask, frame, upright, path)
    return counts, upright and frame.orientation != 1
