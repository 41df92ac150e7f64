"""The tables of the HTML and the Markdown report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from segsweep.core.formatting import format_metric, format_names, format_percent
from segsweep.report.results import TRIALS, Results
from segsweep.report.values import Row, format_cell, format_ends, parse_number, trial_name
from segsweep.search.trial_result import Status, TrialResult
from segsweep.selection.labels import TEST_METRIC_LABELS

MAX_ROWS = 1000
"""Rows that a table shows; the file has all."""
MAX_NAMES = 12
"""Trials that are listed by name."""
MAX_TEXT = 300
"""Characters of a text from a file that a cell shows."""


@dataclass(frozen=True)
class Table:
    """A table of texts.

    Attributes:
        caption: What it shows.
        columns: The names of the columns.
        rows: The cells.
        highlighted: The index of the highlighted row.
        omitted: How many rows are left out.
        file: The file that has all rows.
    """

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    highlighted: int | None = None
    omitted: int = 0
    file: str = ""


def make_table(
    caption: str,
    columns: Sequence[Any],
    rows: Sequence[Sequence[Any]],
    highlighted: int | None = None,
    file: str = "",
) -> Table:
    """Format the first MAX_ROWS rows."""
    cells = [[_shorten(format_cell(cell)) for cell in row] for row in rows[:MAX_ROWS]]
    names = [_shorten(str(name)) for name in columns]
    return Table(caption, names, cells, highlighted, max(0, len(rows) - MAX_ROWS), file)


def status_label(status: str) -> str:
    """Return `out of memory` for `out_of_memory`."""
    return status.replace("_", " ")


def leaderboard(results: Results) -> Table:
    """Return all trials in the order of the leaderboard."""
    board = {} if results.live else _leaderboard(results)
    ranked = _ranked(results, list(board))
    columns: dict[str, Sequence[Any]] = {
        "rank": [None if trial.value is None else i for i, trial in enumerate(ranked, start=1)],
        "trial": [trial.name for trial in ranked],
        "status": [status_label(trial.status) for trial in ranked],
        results.label: [trial.value for trial in ranked],
        "posterior mean": [_posterior(board.get(trial.name, {})) for trial in ranked],
        **{name: [t.parameters.get(name) for t in ranked] for name in results.parameters},
        "seconds": [trial.seconds for trial in ranked],
    }
    names = [trial.name for trial in ranked]
    present = {
        name: cells
        for name, cells in columns.items()
        if any(cell not in ("", None) for cell in cells)
    }
    rows = list(zip(*present.values(), strict=True))
    return make_table("All trials", list(present), rows, _index(names, results.highlighted), TRIALS)


def candidates(results: Results) -> Table:
    """Return the candidates of the confirmation: sweep, new seeds and test split in one table."""
    rows = results.verdict.get("candidates", [])
    board = _leaderboard(results) if rows else {}
    names = [trial_name(row["trial"]) for row in rows]
    trials = [results.trial(name) for name in names]
    test = results.document("test/summary.json") if rows else {}
    test_dice = test.get("dice", {}).get("mean")
    columns: dict[str, Sequence[str]] = {
        "trial": names,
        "observed in sweep": [_format(trial.value if trial else None) for trial in trials],
        "posterior mean": [_posterior(board.get(name, {})) for name in names],
        "seeds": [f"{row['seeds']}{' (dropped)' if row['dropped'] else ''}" for row in rows],
        "mean, new seeds": [_format(row["observed_mean"]) for row in rows],
        "estimate (95 % interval)": [_estimate(row) for row in rows],
        "P(best)": [_percent(row["probability_best"]) for row in rows],
        "test Dice": [_format(test_dice) if n == results.selected else "" for n in names],
    }
    present = {name: cells for name, cells in columns.items() if any(cells)}
    caption = f"Candidates: {results.label} in the sweep and under new seeds"
    cells = [list(row) for row in zip(*present.values(), strict=True)]
    return Table(caption, list(present), cells, _index(names, results.selected))


def unfinished(results: Results) -> Table:
    """Return the trials that did not finish by status and reason, the most frequent first."""
    groups: dict[tuple[str, str], list[str]] = {}
    for trial in results.trials:
        if trial.status != "finished":
            group = status_label(trial.status), trial.reason
            groups.setdefault(group, []).append(trial.name)
    rows = [
        [status, len(names), format_names(names, MAX_NAMES), reason]
        for (status, reason), names in sorted(groups.items(), key=lambda group: -len(group[1]))
    ]
    columns = ("status", "number", "trials", "reason")
    return make_table("Trials that did not finish", columns, rows)


def on_test_split(results: Results) -> Table:
    """Return the metrics of the selected configuration on the test split."""
    summary = {} if results.live else results.document("test/summary.json")
    rows = []
    for key, label in TEST_METRIC_LABELS.items():
        if key in summary:
            unit = f" ({summary['unit']})" if key not in ("dice", "iou") else ""
            mean, interval = summary[key]["mean"], summary[key]["interval"]
            rows.append([f"{label}{unit}", mean, format_ends(interval)])
    caption = (
        f"Test split of trial {results.selected}: {summary.get('images')} images of "
        f"{summary.get('groups')} groups"
    )
    return make_table(caption, ("metric", "mean", "95 % interval"), rows)


def _leaderboard(results: Results) -> dict[str, dict[str, str]]:
    """Return the rows of `leaderboard.csv` by name of the trial."""
    return {trial_name(row["trial"]): row for row in results.table("leaderboard.csv")}


def _ranked(results: Results, names: Sequence[str]) -> list[TrialResult]:
    """Return the trials in the order of `names`, the others by observed value and by status."""
    position = {name: i for i, name in enumerate(names)}
    statuses = list(get_args(Status))
    rest = [trial for trial in results.trials if trial.value is None]
    rest.sort(key=lambda t: statuses.index(t.status) if t.status in statuses else len(statuses))
    return sorted([*results.finished, *rest], key=lambda t: position.get(t.name, len(position)))


def _index(names: Sequence[str], name: str | None) -> int | None:
    return names.index(name) if name in names else None


def _posterior(row: Row) -> str:
    mean, sd = (parse_number(row.get(name)) for name in ("posterior_mean", "posterior_sd"))
    return "" if mean is None or sd is None else f"{format_metric(mean)} ± {sd:.2g}"


def _estimate(row: Mapping[str, Any]) -> str:
    if row["estimated_mean"] is None:
        return ""
    ends = f"{_format(row['low'])} to {_format(row['high'])}"
    return f"{_format(row['estimated_mean'])} ({ends})"


def _format(value: float | None) -> str:
    return "" if value is None else format_metric(value)


def _percent(share: float | None) -> str:
    return "" if share is None else format_percent(share)


def _shorten(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"
