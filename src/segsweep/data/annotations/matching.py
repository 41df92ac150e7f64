"""Pair annotations with the images of a folder."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from segsweep.data.annotations.image_names import ImageNames, Match
from segsweep.data.annotations.regions import AnnotatedImage
from segsweep.data.file_listing import list_images, relative_stem
from segsweep.data.issues import DataIssue

ONE_FILE = "give one annotation file as MASKS_DIR, or remove the annotations that are wrong"


@dataclass
class MatchedImages:
    """Images with their annotations.

    Attributes:
        folder: The images folder.
        annotated: The annotations of each image.
        issues: Images without annotations, and annotations that cannot be paired.
        by_name_alone: Names in annotation files that were paired without their folder or suffix.
        absent: Names of annotated images that are not in the folder.
    """

    folder: Path
    annotated: dict[Path, AnnotatedImage] = field(default_factory=dict)
    issues: list[DataIssue] = field(default_factory=list)
    by_name_alone: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)


def match_images(
    images: Path, annotations: Path, annotated: Sequence[AnnotatedImage]
) -> MatchedImages:
    """Pair annotations with the images below a folder.

    Args:
        images: Folder of images.
        annotations: The annotation file, or the folder of annotation files.
        annotated: What is in them.
    """
    files = list_images(images).files
    names = ImageNames(images, files)
    result = MatchedImages(images)
    refused = set[Path]()
    for record in annotated:
        match, issue = _find(names, images, annotations, record)
        if issue:
            result.issues.append(issue)
            refused |= set(match.images)
        elif not match.images:
            result.absent.append(record.name)
        elif (image := match.images[0]) in result.annotated:
            found = f"is annotated twice: {_where(result.annotated[image])}, {_where(record)}"
            result.issues.append(DataIssue("annotation", str(image), found, ONE_FILE))
            refused.add(image)
        else:
            result.annotated[image] = record
            if match.by_name_alone:
                result.by_name_alone.append(record.name)
    for image in refused:
        result.annotated.pop(image, None)
    unlisted = [image for image in files if image not in result.annotated and image not in refused]
    result.issues += [_unlisted(image, annotations, annotated[0]) for image in unlisted]
    return result


def _find(
    names: ImageNames, images: Path, annotations: Path, record: AnnotatedImage
) -> tuple[Match, DataIssue | None]:
    """Return the image of some annotations, or an issue."""
    parent, source = _folder_below(images, annotations, record.source), str(record.source)
    match = names.find(record.name, parent)
    if record.one_image:
        root = annotations if annotations.is_dir() else annotations.parent
        own = names.find_stem(relative_stem(record.source, root))
        if len(own.images) == 1:
            if len(match.images) == 1 and not match.by_name_alone and match.images != own.images:
                found = f"has the name of {own.images[0].name}, but its imagePath is {record.name}"
                todo = "correct imagePath, or the name of the file"
                return Match(own.images + match.images), DataIssue(
                    "annotation", source, found, todo
                )
            return own, None
        if not match.images:
            found = f"has no image with its name or its imagePath ({record.name}) in {images}"
            todo = "add the image, or remove the annotation"
            return match, DataIssue("partner", source, found, todo)
    if len(match.images) > 1:
        found = f"means one of {len(match.images)} images by {record.name}: " + ", ".join(
            map(str, match.images[:3])
        )
        todo = "write the path below the images folder into the annotations"
        return match, DataIssue("annotation", source, found, todo)
    return match, None


def _folder_below(images: Path, annotations: Path, source: Path) -> str:
    """Return the folder of an annotation file below the images folder or that of annotations."""
    for folder in (images, annotations):
        if source.parent.is_relative_to(folder):
            return source.parent.relative_to(folder).as_posix()
    return ""


def _where(record: AnnotatedImage) -> str:
    return f"as {record.name} in {record.source}" if record.name else f"in {record.source}"


def _unlisted(image: Path, annotations: Path, example: AnnotatedImage) -> DataIssue:
    if example.one_image:
        found = f"has no annotation file with its name in {annotations}"
        todo = (
            'annotate it, or remove it; if it has no objects, write {"shapes": []} into a file '
            "with its name and .json"
        )
    else:
        found = f"is not in the list of images in {annotations}"
        todo = "add it in the tool that made the annotations (without regions if it has no objects)"
        todo += ", or remove it"
    return DataIssue("partner", str(image), found, todo)
