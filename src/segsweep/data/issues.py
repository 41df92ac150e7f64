"""What can be wrong with images and masks: one list of classes, and one report of all of it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

from segsweep.core.errors import UserError

Severity = Literal["image", "set", "note"]
"""A fault of one image (which may be dropped), of the set as a whole, or only a note."""

CLASSES: dict[str, tuple[str, Severity]] = {
    "partner": ("missing partner", "image"),
    "clash": ("two files of one name", "image"),
    "outside": ("symbolic link out of the folder, or to a folder", "image"),
    "format": ("file that is not read here", "image"),
    "permission": ("no permission to read", "image"),
    "empty": ("empty file", "image"),
    "unreadable": ("unreadable file", "image"),
    "too_large": ("too many pixels", "image"),
    "channels": ("channels that are not colours", "image"),
    "pages": ("several pages in one file", "image"),
    "lossy_mask": ("mask stored with loss (JPEG)", "image"),
    "not_finite": ("NaN or infinity", "image"),
    "constant": ("constant image", "image"),
    "size": ("image and mask differ in size", "image"),
    "mask_is_image": ("mask that is an image", "image"),
    "mask_values": ("mask with more values than the task has", "image"),
    "duplicate": ("the same image in two groups", "image"),
    "groups": ("the table of groups", "set"),
    "few_groups": ("too few groups for three splits", "set"),
    "no_foreground": ("a split without foreground", "set"),
    "inverted": ("masks that look inverted", "note"),
    "saturated": ("saturated images", "note"),
    "near_duplicate": ("nearly the same image in two groups", "note"),
    "own_groups": ("every image is a group of its own", "note"),
}
"""Every class of fault: its title and how grave it is."""

REPORT = "results/data_report.md"
"""Where the whole list is."""

SHOWN = 20
"""Faults of one class on the terminal; the report has them all."""


@dataclass(frozen=True)
class Problem:
    """One fault: its class, the file, what was found there, and what to do."""

    kind: str
    file: str
    found: str
    todo: str

    @property
    def severity(self) -> Severity:
        return CLASSES[self.kind][1]

    def sentence(self) -> str:
        return f"{printable(self.file)}: {printable(self.found)}; {self.todo}"


NOT_PERMITTED = (
    "permission",
    "may not be read by this user",
    "give yourself permission (chmod)",
)
"""Class, what was found and what to do, of a file or folder that is closed to the user."""


class UnusableError(ValueError):
    """Why one file cannot be used: a class of fault, what was found, what to do."""

    def __init__(self, kind: str, found: str, todo: str) -> None:
        super().__init__(f"{found}; {todo}")
        self.kind, self.found, self.todo = kind, found, todo

    def at(self, file: object) -> Problem:
        return Problem(self.kind, str(file), self.found, self.todo)


def by_class(problems: Iterable[Problem]) -> dict[str, list[Problem]]:
    """The problems by class, in the order of `CLASSES`, each class in order of file."""
    groups: dict[str, list[Problem]] = {kind: [] for kind in CLASSES}
    for problem in sorted(problems, key=lambda p: (p.file, p.found)):
        groups[problem.kind].append(problem)
    return {kind: members for kind, members in groups.items() if members}


def for_terminal(problems: Sequence[Problem]) -> str:
    """All classes with their first files, for an error message."""
    lines = []
    for kind, members in by_class(problems).items():
        lines.append(f"{CLASSES[kind][0]} ({len(members)}):")
        for todo, alike in _by_todo(members[:SHOWN]).items():
            lines += [f"  {printable(p.file)}: {printable(p.found)}" for p in alike]
            lines.append(f"  -> {todo}")
        if len(members) > SHOWN:
            lines.append(f"  ... and {len(members) - SHOWN} more")
    return "\n".join(lines)


def as_markdown(problems: Sequence[Problem]) -> list[str]:
    """Every problem, by class, as lines of Markdown."""
    lines: list[str] = []
    for kind, members in by_class(problems).items():
        title, severity = CLASSES[kind]
        word = {"image": "fault", "set": "fault of the set", "note": "note"}[severity]
        lines += [f"### {title.capitalize()} ({len(members)}, {word})", ""]
        for todo, alike in _by_todo(members).items():
            for p in alike:
                file, found = printable(p.file).replace("`", " "), escape(printable(p.found), False)
                lines.append(f"- `{file}`: {found}")
            lines += ["", f"{todo[0].upper()}{todo[1:]}.", ""]
    return lines


def _by_todo(problems: Iterable[Problem]) -> dict[str, list[Problem]]:
    found: dict[str, list[Problem]] = {}
    for problem in problems:
        found.setdefault(problem.todo, []).append(problem)
    return found


def printable(text: str) -> str:
    """The text on one line, with control characters written out."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def count_dropped(problems: Iterable[Problem]) -> int:
    """How many files have a fault of their own, and are left out where faults are dropped."""
    return len({p.file for p in problems if p.severity == "image"})


def advice(problems: Iterable[Problem]) -> str:
    """What to do about faults: those of the set end a run whatever `on_bad` says."""
    if any(p.severity == "set" for p in problems):
        return "mend them"
    return "mend them, or set preprocess.on_bad: drop to go on without those images"


class FaultsError(UserError):
    """The images cannot be used as they are; `problems` has all that was found."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        faults = [p for p in problems if p.severity != "note"]
        kinds = Counter(p.kind for p in faults)
        told = ", ".join(f"{CLASSES[kind][0]} {count}" for kind, count in kinds.items())
        super().__init__(
            f"found {len(faults)} {'fault' if len(faults) == 1 else 'faults'} in the images "
            f"({told}), expected none; {advice(faults)}; all are in {REPORT}\n"
            f"{for_terminal(faults)}"
        )
