"""Issues of images and masks: all kinds in one list, and their text on the terminal and on disk."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

from segsweep.core.counted import counted
from segsweep.core.errors import UserError
from segsweep.core.files import write_text
from segsweep.core.printable import printable

Severity = Literal["image", "dataset", "warning", "assumption"]
"""`image`: an error of one image, which `preprocess.on_bad: drop` leaves out. `dataset`: an error
of the whole data set, which always ends the run. `warning`: does not end it. `assumption`: what the
program had to guess, with the ground for it and how to change it."""

ISSUE_KINDS: dict[str, tuple[str, Severity]] = {
    "partner": ("missing partner", "image"),
    "clash": ("two files with one name", "image"),
    "outside": ("symbolic link to a folder, or to a file outside the folder", "image"),
    "format": ("unsupported file format", "image"),
    "name": ("name that is too long", "image"),
    "permission": ("no permission to read", "image"),
    "empty": ("empty file", "image"),
    "unreadable": ("unreadable file", "image"),
    "too_large": ("too many pixels", "image"),
    "channels": ("several channels that are not colours", "image"),
    "pages": ("several pages in one file", "image"),
    "annotation": ("annotation that cannot be drawn", "image"),
    "not_finite": ("no finite grey values", "image"),
    "constant": ("constant image", "image"),
    "few_levels": ("nearly all pixels in a few grey levels", "image"),
    "size": ("image and mask differ in size", "image"),
    "orientation": ("image and mask differ in orientation", "image"),
    "mask_is_image": ("mask that looks like an image", "image"),
    "mask_value": ("unexpected values in a mask", "image"),
    "duplicate": ("same image in two groups", "image"),
    "mask_coding": ("masks that cannot be understood together", "dataset"),
    "shrunk": ("foreground lost by shrinking", "dataset"),
    "groups": ("invalid table of groups", "dataset"),
    "shares": ("splits of other sizes than asked for", "dataset"),
    "few_groups": ("too few groups for three splits", "dataset"),
    "no_foreground": ("split without foreground", "dataset"),
    "inverted": ("masks that may be inverted", "warning"),
    "saturated": ("saturated images", "warning"),
    "few_shrunk": ("foreground or objects lost by shrinking", "warning"),
    "near_duplicate": ("nearly the same image in two groups", "warning"),
    "own_groups": ("every image is its own group", "warning"),
    "pairing": ("images and masks paired by a pattern", "assumption"),
    "union": ("several masks of one image united", "assumption"),
    "split_folders": ("folders taken as the splits", "assumption"),
    "group_folders": ("folders taken as the groups", "assumption"),
    "annotations": ("masks drawn from annotations", "assumption"),
    "slices": ("slices of volumes", "assumption"),
    "channel": ("one channel used", "assumption"),
    "turned": ("images turned", "assumption"),
    "negative": ("grey values reversed", "assumption"),
    "mask_file": ("how files of masks were read", "assumption"),
    "missing_pixels": ("pixels without data", "assumption"),
    "mask_values": ("meaning of the mask values", "assumption"),
    "grey_edges": ("masks with grey edges", "assumption"),
}
"""Title and severity of every kind of issue, in the order of the reports."""

SEVERITY_LABELS = {
    "image": "error",
    "dataset": "error of the data set",
    "warning": "warning",
    "assumption": "assumption",
}
ERRORS = ("image", "dataset")
"""The severities that end a run."""

REPORT = "results/data_report.md"
"""The file that lists all issues."""
EXCLUDED_FILE = "excluded.csv"
"""In `data/raw`: the issues of images that `segsweep import-data` left out."""
ASSUMPTIONS_FILE = "assumptions.csv"
"""In `data/raw`: what `segsweep import-data` assumed about folders and names."""

MAX_SHOWN = 20
"""Number of issues of one kind that the terminal shows; the report lists all."""


@dataclass(frozen=True)
class DataIssue:
    """One issue: its kind, the file, what was found there, and what to do."""

    kind: str
    file: str
    found: str
    todo: str

    @property
    def severity(self) -> Severity:
        return ISSUE_KINDS[self.kind][1]

    @property
    def label(self) -> str:
        """`error`, `warning` or `assumption`."""
        return "error" if self.severity in ERRORS else self.severity

    def __str__(self) -> str:
        return f"{printable(self.file)}: {printable(self.found)}; {self.todo}"


NO_PERMISSION = (
    "permission",
    "cannot be read: permission denied",
    "give yourself permission to read it (chmod)",
)
"""`kind`, `found` and `todo` for a file or folder that the user is not allowed to read."""


class InvalidImageError(ValueError):
    """One file cannot be used as an image or mask. The arguments are those of `DataIssue`."""

    def __init__(self, kind: str, found: str, todo: str) -> None:
        super().__init__(f"{found}; {todo}")
        self.kind, self.found, self.todo = kind, found, todo

    def as_issue(self, file: object) -> DataIssue:
        return DataIssue(self.kind, str(file), self.found, self.todo)


class DataIssuesError(UserError):
    """The images cannot be used as they are.

    Args:
        issues: All issues; the message has only the errors.
    """

    def __init__(self, issues: Sequence[DataIssue]) -> None:
        self.issues = list(issues)
        errors = [issue for issue in issues if issue.severity in ERRORS]
        kinds = Counter(issue.kind for issue in errors)
        counts = ", ".join(f"{ISSUE_KINDS[kind][0]}: {count}" for kind, count in kinds.items())
        super().__init__(
            f"found {counted(len(errors), 'error')} in the images "
            f"({counts}), expected none; {_advice(errors)}; {REPORT} lists all\n"
            f"{format_for_terminal(errors)}"
        )


def _advice(issues: Iterable[DataIssue]) -> str:
    """Return what to do about errors; those of the data set end a run whatever `on_bad` is."""
    if any(issue.severity == "dataset" for issue in issues):
        return "fix them"
    return "fix them, or set preprocess.on_bad: drop to continue without these images"


def group_by_kind(issues: Iterable[DataIssue]) -> dict[str, list[DataIssue]]:
    """Return the issues by kind, in the order of `ISSUE_KINDS`, each list in order of file."""
    groups: dict[str, list[DataIssue]] = {kind: [] for kind in ISSUE_KINDS}
    for issue in sorted(issues, key=lambda issue: (issue.file, issue.found)):
        groups[issue.kind].append(issue)
    return {kind: members for kind, members in groups.items() if members}


def _group_by_todo(issues: Iterable[DataIssue]) -> dict[str, list[DataIssue]]:
    groups: dict[str, list[DataIssue]] = {}
    for issue in issues:
        groups.setdefault(issue.todo, []).append(issue)
    return groups


def format_for_terminal(issues: Sequence[DataIssue]) -> str:
    """Return every kind of issue with its first `MAX_SHOWN` files, for an error message."""
    lines = []
    for kind, members in group_by_kind(issues).items():
        lines.append(f"{ISSUE_KINDS[kind][0]} ({len(members)}):")
        for todo, same_todo in _group_by_todo(members[:MAX_SHOWN]).items():
            lines += [f"  {printable(i.file)}: {printable(i.found)}" for i in same_todo]
            lines.append(f"  -> {todo}")
        if len(members) > MAX_SHOWN:
            lines.append(f"  ... and {len(members) - MAX_SHOWN} more")
    return "\n".join(lines)


def format_as_markdown(issues: Sequence[DataIssue]) -> list[str]:
    """Return all issues by kind, as lines of Markdown."""
    lines: list[str] = []
    for kind, members in group_by_kind(issues).items():
        title, severity = ISSUE_KINDS[kind]
        lines += [f"### {title.capitalize()} ({len(members)}, {SEVERITY_LABELS[severity]})", ""]
        for todo, same_todo in _group_by_todo(members).items():
            for issue in same_todo:
                file = printable(issue.file).replace("`", " ")
                lines.append(f"- `{file}`: {escape(printable(issue.found), False)}")
            lines += ["", f"{todo[0].upper()}{todo[1:]}.", ""]
    return lines


def write_issue_report(issues: Sequence[DataIssue], path: str = REPORT) -> None:
    """Write the report on images that cannot be used as they are."""
    lines = [
        "# The images cannot be used as they are",
        "",
        f"Nothing was trained. What to do about the errors: {_advice(issues)}.",
        "",
        *format_as_markdown(issues),
    ]
    write_text(path, "\n".join(lines))


def count_dropped(issues: Iterable[DataIssue]) -> int:
    """Return the number of files with an error of their own, which `on_bad: drop` leaves out."""
    return len({issue.file for issue in issues if issue.severity == "image"})
