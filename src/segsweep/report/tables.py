"""The tables of a report, whatever it is written as: text in rows, thinned to what one reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from segsweep.report.plot import shown
from segsweep.report.results import TRIALS, Results, Row, Trial, number, trial_name

MOST_ROWS = 1000
"""Rows of a table that a page holds; the file beside it has all."""
MOST_NAMES = 12
"""Trials that are named one by one."""
MOST_TEXT = 300
"""Characters of a text that comes from elsewhere."""

ENDINGS = {
    "finished": "finished",
    "pruned": "stopped early",
    "diverged": "diverged",
    "out_of_memory": "out of memory",
    "failed": "failed",
}
MEASURES = {
    "dice": "Dice",
    "iou": "IoU",
    "hausdorff95": "Hausdorff 95",
    "mean_surface_distance": "mean surface distance",
}


@dataclass(frozen=True)
class Table:
    """`marked` is the row to point out, if one is; `left` more rows stand in a `file`."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    marked: int | None = None
    left: int = 0
    file: str = ""


def table(
    caption: str,
    columns: Sequence[Any],
    rows: Sequence[Sequence[Any]],
    marked: int | None = None,
    file: str = "",
) -> Table:
    """The first `MOST_ROWS` rows with their numbers as people read them."""
    cells = [[_short(shown(cell)) for cell in row] for row in rows[:MOST_ROWS]]
    names = [_short(str(name)) for name in columns]
    return Table(caption, names, cells, marked, max(0, len(rows) - MOST_ROWS), file)


def leaderboard(results: Results) -> Table:
    """All trials, best first; then those without a value."""
    rows = [] if results.live else results.table("leaderboard.csv")
    ranks = {trial_name(row["trial"]): row for row in rows}
    order = _ranked(results, list(ranks))
    expected = [_expected(ranks.get(trial.name, {})) for trial in order]
    columns: dict[str, Sequence[Any]] = {
        "rank": [None if trial.value is None else i for i, trial in enumerate(order, start=1)],
        "trial": [trial.name for trial in order],
        "status": [ENDINGS.get(trial.status, trial.status) for trial in order],
        results.label: [trial.value for trial in order],
        "posterior_mean": expected,
        **{name: [t.parameters.get(name) for t in order] for name in results.parameters},
        "seconds": [trial.seconds for trial in order],
    }
    told = {
        name: cells for name, cells in columns.items() if any(c not in ("", None) for c in cells)
    }
    winner = next((i for i, trial in enumerate(order) if trial.name == results.winner), None)
    cells = list(zip(*told.values(), strict=True))
    return table("All trials, best first", list(told), cells, winner, TRIALS)


def failures(results: Results) -> Table:
    """Trials that did not finish, by how they ended and why, the most frequent first."""
    groups: dict[tuple[str, str], list[str]] = {}
    for trial in results.trials:
        if trial.status != "finished":
            ending = ENDINGS.get(trial.status, trial.status)
            groups.setdefault((ending, trial.reason), []).append(trial.name)
    rows = [
        [ending, len(names), _named(names), reason]
        for (ending, reason), names in sorted(groups.items(), key=lambda group: -len(group[1]))
    ]
    return table("Trials that did not finish", ("how it ended", "trials", "which", "why"), rows)


def candidates(results: Results) -> Table:
    """The trials that were trained again, best first."""
    told = results.verdict.get("candidates", [])
    rows = [
        [
            trial_name(one["trial"]),
            one["seeds"],
            one["mean"],
            interval([one["low"], one["high"]]),
            "" if one["probability_best"] is None else f"{one['probability_best']:.0%}",
            "dropped" if one["dropped"] else "to the end",
        ]
        for one in told
    ]
    names = [trial_name(one["trial"]) for one in told]
    winner = names.index(results.winner) if results.winner in names else None
    columns = ("trial", "seeds", "mean", "95 % interval", "is the best", "raced")
    return table(f"{results.label} of the candidates under new seeds", columns, rows, winner)


def tested(results: Results) -> Table:
    """What the winner reaches on the test images."""
    told = {} if results.live else results.document("test/summary.json")
    rows = []
    for key, name in MEASURES.items():
        if key in told:
            unit = f", {told['unit']}" if key not in ("dice", "iou") else ""
            rows.append([f"{name}{unit}", told[key]["mean"], interval(told[key]["interval"])])
    images = f"{told.get('images')} test images of {told.get('groups')} groups"
    return table(images, ("measure", "mean", "95 % interval"), rows)


def interval(ends: Sequence[float | None] | str | None) -> str:
    """`0.87 to 0.91`; what is said instead of an interval as it is; nothing for none."""
    if isinstance(ends, str):
        return ends
    return "" if not ends or None in ends else f"{shown(ends[0])} to {shown(ends[1])}"


def _ranked(results: Results, names: Sequence[str]) -> list[Trial]:
    """In the leaderboard's order (`names`), where there is one; else the best first."""
    place = {name: i for i, name in enumerate(names)}
    kinds = list(ENDINGS)
    rest = [trial for trial in results.trials if trial.value is None]
    rest.sort(key=lambda t: kinds.index(t.status) if t.status in kinds else len(kinds))
    return sorted([*results.finished, *rest], key=lambda t: place.get(t.name, len(place)))


def _expected(row: Row) -> str:
    mean, sd = (number(row.get(name)) for name in ("posterior_mean", "posterior_sd"))
    return "" if mean is None or sd is None else f"{mean:.4g} ± {sd:.2g}"


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more


def _short(text: str) -> str:
    return text if len(text) <= MOST_TEXT else f"{text[: MOST_TEXT - 1]}…"
