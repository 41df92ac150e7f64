"""`results/data_report.md`: what the images are, what the split did, and all that is wrong."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from segsweep.core.files import write_text
from segsweep.data.issues import REPORT, Problem, advice, as_markdown, count_dropped
from segsweep.data.statistics import TITLES


def write_faults(problems: Sequence[Problem], path: str = REPORT) -> None:
    """The report of images that cannot be used as they are."""
    lines = [
        "# The images cannot be used as they are",
        "",
        f"Nothing was trained. What to do about these faults: {advice(problems)}.",
        "",
        *as_markdown(problems),
    ]
    write_text(path, "\n".join(lines))


def write_report(
    summary: Mapping[str, Any],
    splits: Mapping[str, Mapping[str, Any]],
    problems: Sequence[Problem],
    path: str | Path = REPORT,
) -> None:
    """The report of a processed set: `summary.json`, medians by split, and what was noted."""
    height, width, _ = summary["input_shape"]
    dropped = count_dropped(problems)
    lines = [
        "# The images",
        "",
        f"{summary['images']} images of {height} x {width} pixels (mode {summary['mode']}); "
        f"left out for a fault: {dropped}.",
        "",
        "![Every image with the outline of its mask](data/contact_sheet.png)",
        "",
        "## What the split did",
        "",
        "Medians over the images of each split; whole groups are in one split.",
        "",
        "| | " + " | ".join(splits) + " |",
        "| --- |" + " --- |" * len(splits),
    ]
    for column, title in {"images": "images", "groups": "groups", **TITLES}.items():
        cells = [splits[split][column] for split in splits]
        shown = ["" if cell is None else f"{cell:g}" for cell in cells]
        lines.append(f"| {title} | " + " | ".join(shown) + " |")
    lines += ["", "![The same, image by image](data/statistics.png)", ""]
    lines += ["## What was left out or noted", ""]
    lines += as_markdown(problems) or ["Nothing.", ""]
    write_text(path, "\n".join(lines))
