"""The Markdown report, for a pull request."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from segsweep.core.files import write_text
from segsweep.core.printable import escape_controls
from segsweep.report import summary, tables
from segsweep.report.plots import FOLDER
from segsweep.report.results import Results
from segsweep.report.tables import Table

BEST = 10
"""Trials of the leaderboard that are shown."""
PLOTS = ("importance", "batch_size", "learning_rate", "map", "confirmation")
"""Plots that are shown, if they exist."""


def write_markdown(results: Path, out: Path) -> None:
    """Write the Markdown report of a folder of results, with links to its plots."""
    write_text(out, escape_controls("\n".join(_lines(Results(results), out)) + "\n"))


def _lines(results: Results, out: Path) -> Iterator[str]:
    headline = summary.headline(results)
    yield from ("# Sweep report", "", f"**{escape(headline.sentence)}**", "")
    if headline.details:
        yield from (escape(headline.details), "")
    for number in summary.key_numbers(results):
        yield f"- {escape(number.label)}: **{escape(number.value)}** ({escape(number.note)})"
    yield from _section("Selected configuration", tables.candidates(results))
    board = tables.leaderboard(results)
    yield from ("", f"## The best of {len(results.trials)} trials", "")
    yield from _table(board.columns, board.rows[:BEST])
    if findings := summary.findings(results):
        yield from ("", "## Findings", "")
        for finding in findings:
            topic, confidence = escape(finding["topic"]), finding["confidence"]
            yield f"- **{topic}** (confidence: {confidence}): {escape(finding['sentence'])}"
    if sentences := summary.reading(results):
        yield from ("", "## How the runs were read", "")
        yield from (f"- {escape(sentence)}" for sentence in sentences)
    yield from _section("Test split", tables.on_test_split(results))
    if rationale := results.rationale:
        yield from ("", "## Next sweep", "", re.sub(r"^# .*\n+", "", rationale.rstrip()))
        yield from ("", f"[next/params.yaml]({_link(results.folder / 'next/params.yaml', out)})")
    plots = [name for name in PLOTS if (results.folder / FOLDER / f"{name}.svg").exists()]
    if plots:
        yield from ("", "## Plots", "")
        for name in plots:
            yield f"![{name}]({_link(results.folder / FOLDER / f'{name}.svg', out)})"


def _section(title: str, table: Table) -> Iterator[str]:
    if table.rows:
        yield from ("", f"## {title}", "")
        yield from _table(table.columns, table.rows)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    for row in (columns, ["---"] * len(columns), *rows):
        yield f"| {' | '.join(map(escape, row))} |"


def _link(target: Path, out: Path) -> str:
    return Path(os.path.relpath(target, out.parent)).as_posix().replace(" ", "%20")


def escape(text: str) -> str:
    """Escape a text from a file for Markdown, on one line."""
    for sign, entity in (("&", "&amp;"), ("<", "&lt;"), ("|", "\\|"), ("`", "\\`"), ("*", "\\*")):
        text = text.replace(sign, entity)
    return " ".join(text.split())
