"""Say in one line which masks were drawn from annotations, and what was guessed."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from segsweep.core.counted import counted
from segsweep.data.annotations.drawing import Counts
from segsweep.data.annotations.matching import MatchedImages
from segsweep.data.annotations.regions import AnnotatedImage
from segsweep.data.issues import DataIssue

MAX_CLASSES_SHOWN = 20


def show_class(label: str) -> str:
    return label or "(none)"


@dataclass
class Summary:
    """What was drawn in all images, for the assumption."""

    chosen: Sequence[str]
    classes: Counter[str]
    others: Sequence[Path]
    images: int = 0
    empty: int = 0
    turned: int = 0
    changed: int = 0
    formats: Counter[str] = field(default_factory=Counter)
    counts: Counts = field(default_factory=Counts)

    def add(self, record: AnnotatedImage, image: Path, counts: Counts, turned: bool) -> None:
        self.images += 1
        self.empty += not counts.regions
        self.turned += turned
        self.changed += record.file_bytes not in (None, image.stat().st_size)
        self.formats[record.format] += 1
        self.counts.add(counts)

    def assumption(self, annotations: Path, matched: MatchedImages) -> DataIssue:
        """Return what was drawn; `matched` adds what was not."""
        classes = "class" if len(self.chosen) == 1 else "classes"
        found = (
            f"masks of {counted(self.images, 'image')} drawn from "
            f"{' and '.join(sorted(self.formats))} regions of the {classes} "
            f"{', '.join(map(show_class, self.chosen))} "
            f"({counted(self.counts.regions, 'region')})"
        )
        found += "".join(f"; {detail}" for count, detail in self._details(matched) if count)
        left = [show_class(name) for name in self.classes if name not in self.chosen]
        if left:
            shown = ", ".join(left[:MAX_CLASSES_SHOWN])
            todo = f"use --label to choose other classes (also found: {shown})"
        else:
            todo = "the contact sheet in results/data_report.md shows the outlines"
        return DataIssue("annotations", str(annotations), found, todo)

    def _details(self, matched: MatchedImages) -> list[tuple[int, str]]:
        """Return what else to say, each with a number that is 0 if it did not happen."""
        counts, by_name, absent = self.counts, matched.by_name_alone, matched.absent
        return [
            (self.empty, f"without regions, so with an empty mask: {self.empty}"),
            (counts.crowds, f"regions that are groups of objects (iscrowd): {counts.crowds}"),
            (counts.cut, f"regions cut at the border of the image: {counts.cut}"),
            (counts.thin, f"outlines too small to contain a pixel: {counts.thin}"),
            (self.turned, f"images with an EXIF orientation, annotated upright: {self.turned}"),
            (self.changed, f"images with another file size than when annotated: {self.changed}"),
            (
                len(by_name),
                f"images found by name although their path differs: {_examples(by_name)}",
            ),
            (
                len(absent),
                f"annotated images that are not in {matched.folder}: {_examples(absent)}",
            ),
            (len(self.others), f"other JSON files, not read: {_examples(self.others)}"),
        ]


def _examples(items: Sequence[object]) -> str:
    return f"{len(items)} (such as {items[0]})" if items else "0"
