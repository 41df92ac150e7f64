"""The report of a sweep in Markdown, as a pull request shows it."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from segsweep.core.files import write_text
from segsweep.report import summary, tables
from segsweep.report.plots import FOLDER
from segsweep.report.results import Results
from segsweep.report.tables import Table

BEST = 10
"""Trials of the leaderboard that are shown."""
SHOWN = ("importance", "batch_size", "learning_rate", "map", "confirmation")
"""Plots that are shown, where they were drawn."""


def write_markdown(results: Path, out: Path) -> None:
    """Write the short report of a folder of results; it links to the plots that are drawn there."""
    read = Results(results)
    write_text(out, "\n".join(_lines(read, out)) + "\n")


def _lines(results: Results, out: Path) -> Iterator[str]:
    first, *others = summary.verdict(results)
    yield from ("# Sweep report", "", f"**{safe(first)}**", "")
    for sentence in others:
        yield from (safe(sentence), "")
    for one in summary.key_numbers(results):
        yield f"- {safe(one.label)}: **{safe(one.value)}** ({safe(one.note)})"
    board = tables.leaderboard(results)
    yield from ("", f"## The best of {len(results.trials)} trials", "")
    yield from _table(board.columns, board.rows[:BEST])
    if findings := summary.findings(results):
        yield from ("", "## Findings", "")
        for finding in findings:
            said = f"{safe(finding['topic'])}** ({finding['sure']}): {safe(finding['sentence'])}"
            yield f"- **{said}"
    yield from _part("Confirmation", tables.candidates(results))
    yield from _part("On test images", tables.tested(results))
    if following := results.rationale:
        yield from (
            "",
            "## The next sweep",
            "",
            re.sub(r"^# .*\n+", "", following.rstrip()),
        )
        yield from ("", f"[next/params.yaml]({_link(results.folder / 'next/params.yaml', out)})")
    plots = [name for name in SHOWN if (results.folder / FOLDER / f"{name}.svg").exists()]
    if plots:
        yield from ("", "## Plots", "")
        for name in plots:
            yield f"![{name}]({_link(results.folder / FOLDER / f'{name}.svg', out)})"


def _part(title: str, table: Table) -> Iterator[str]:
    if table.rows:
        yield from ("", f"## {title}", "")
        yield from _table(table.columns, table.rows)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    for row in (columns, ["---"] * len(columns), *rows):
        yield f"| {' | '.join(map(safe, row))} |"


def _link(target: Path, out: Path) -> str:
    return Path(os.path.relpath(target, out.parent)).as_posix().replace(" ", "%20")


def safe(text: str) -> str:
    """A text from a file as Markdown that shows it as it is, on one line."""
    for sign, instead in (("&", "&amp;"), ("<", "&lt;"), ("|", "\\|"), ("`", "\\`"), ("*", "\\*")):
        text = text.replace(sign, instead)
    return " ".join(text.split())
