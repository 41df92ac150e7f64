"""A CSV export of W&B's table of runs, and this project's own `leaderboard.csv`.

`columns.py` says how parameters and outcomes are told apart, `logged.py` how a run ended,
`inferred_space.py` what space is made of the values, `choosing.py` which metric is taken. Two rows
that are the same in all cells are one run. Trials stand in the order in which they were created.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import zip_longest
from pathlib import Path
from typing import Any

from segsweep.analysis.completed_sweep import CompletedSweep
from segsweep.config.objective import Goal
from segsweep.core.errors import UserError
from segsweep.importers.column_roles import Columns, tell_apart
from segsweep.importers.logged_runs import SAID, Asked, Run, finished_sweep
from segsweep.importers.parsing import EMPTY, finite, read_cell, seconds
from segsweep.importers.sweep_config import read_sweep_config

Line = dict[str, str]

NAMES = ("name", "display name", "trial", "run", "id", "run id")
STATES = ("state", "status")
SWEEPS = ("sweep", "sweep name", "sweep id")
TIMES = ("runtime", "_runtime", "_wandb.runtime", "duration")
CREATED = ("created", "created at", "created_at", "start time", "_timestamp", "trial")


def read_export(
    path: str | Path,
    *,
    sweep_config: str | Path | None = None,
    parameters: Sequence[str] = (),
    metric: str | None = None,
    goal: Goal | None = None,
    sweep: str | None = None,
) -> CompletedSweep:
    """Read a table of runs; what the caller does not say is found out.

    `sweep_config` is the YAML that was given to `wandb sweep`; `parameters` the columns that were
    searched; `sweep` the name or id of one sweep of several. Raises `UserError` where the file is
    no table, or metric, sweep or parameters cannot be told.
    """
    source = str(path)
    config = read_sweep_config(sweep_config) if sweep_config else None
    lines, copies = _read(Path(path))
    rows = [{name: read_cell(cell) for name, cell in line.items()} for line in lines]
    _refuse_missing(source, rows[0], [*parameters, *([metric] if metric else [])])
    wanted = metric or (config.metric if config else None)
    known = [name for name in (*parameters, *(config.space if config else ())) if name in rows[0]]
    columns = tell_apart(rows, known, wanted if wanted in rows[0] else None)
    runs = [_run(line, row, columns) for line, row in zip(lines, rows, strict=True)]
    left_out = {"a copy of another row": copies} if copies else {}
    asked = Asked(config, parameters, metric, goal, sweep)
    return finished_sweep(source, runs, asked, left_out)


def _read(path: Path) -> tuple[list[Line], int]:
    """The rows in the order of their runs, and the number of rows that were copies of others."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = [line for line in csv.reader(file) if any(cell.strip() for cell in line)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: cannot be read as CSV ({error})") from error
    if len(lines) < 2 or len(lines[0]) < 2:
        raise UserError(
            f"{path}: found {max(0, len(lines) - 1)} rows of {len(lines[0]) if lines else 0} "
            "columns, expected a row for each run and its columns apart by commas; export the "
            "table of runs as CSV"
        )
    header, *runs = lines
    for run in runs:
        if len(run) > len(header):
            raise UserError(
                f"{path}: found a row of {len(run)} cells under {len(header)} columns ({run[0]}), "
                "expected as many; export the table anew"
            )
    names = _unique(header)
    once = [dict(zip_longest(names, run, fillvalue="")) for run in dict.fromkeys(map(tuple, runs))]
    return _in_order(once), len(runs) - len(once)


def _unique(header: Sequence[str]) -> list[str]:
    """Column names; of two columns of one name the second was logged, and is its `.copy`."""
    found: list[str] = []
    for place, cell in enumerate(header):
        name = cell.strip() or f"column {place + 1}"
        while name in found:
            name += ".copy"
        found.append(name)
    return found


def _refuse_missing(source: str, columns: Iterable[str], wanted: Sequence[str]) -> None:
    for name in wanted:
        if name not in columns and not any(column.startswith(f"{name}.") for column in columns):
            raise UserError(
                f"{source}: found no column {name}, expected one of {', '.join(columns)}"
            )


def _first(line: Line, names: Sequence[str]) -> str:
    """The text of the first of these columns that has one, whatever the case of its name."""
    lower: dict[str, str] = {}
    for column, cell in line.items():
        lower.setdefault(column.lower(), cell.strip())
    return next((cell for name in names if (cell := lower.get(name, "")) not in EMPTY), "")


def _run(line: Line, row: Mapping[str, Any], columns: Columns) -> Run:
    said = {name: text for name in SAID if (text := _first(line, [name]))}
    return Run(
        name=_first(line, NAMES),
        state=_first(line, STATES).lower(),
        sweep=_first(line, SWEEPS),
        config={name: row[name] for name in columns.parameters},
        summary=said | {name: row[name] for name in columns.outcomes},
        seconds=seconds(read_cell(_first(line, TIMES))),
    )


def _in_order(lines: list[Line]) -> list[Line]:
    """The rows as their runs were created, where the table says it for all; else as they stand."""
    for name in CREATED:
        told = [_moment(_first(line, [name])) for line in lines]
        moments = [moment for moment in told if moment is not None]
        if len(moments) == len(lines):
            return [lines[i] for i in sorted(range(len(lines)), key=lambda i: moments[i])]
    return lines


def _moment(text: str) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return finite(read_cell(text))
