"""Read a CSV export of W&B's table of runs, or this project's own `leaderboard.csv`.

`column_roles` separates parameters from outcomes; `logged_runs` builds the sweep. Rows that are
equal in all cells are one run. Trials are in the order in which their runs were created.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import zip_longest
from pathlib import Path
from typing import Any, Unpack

from segsweep.analysis.completed_sweep import CompletedSweep
from segsweep.core.errors import UserError
from segsweep.importers.column_roles import Columns, classify_columns
from segsweep.importers.logged_runs import MESSAGE_KEYS, Run, sweep_from_runs
from segsweep.importers.parsing import EMPTY, finite, read_cell, seconds
from segsweep.importers.sweep_config import ReadOptions, sweep_config_of

TextRow = dict[str, str]

NAME_COLUMNS = ("name", "display name", "trial", "run", "id", "run id")
STATE_COLUMNS = ("state", "status")
MAX_COLUMNS = 2000
"""Maximum number of columns of a table. W&B's exports have tens to hundreds."""

SWEEP_COLUMNS = ("sweep", "sweep name", "sweep id")
TIME_COLUMNS = ("runtime", "_runtime", "_wandb.runtime", "duration")
CREATED_COLUMNS = ("created", "created at", "created_at", "start time", "_timestamp", "trial")


def read_export(path: str | Path, **options: Unpack[ReadOptions]) -> CompletedSweep:
    """Read a table of runs from a CSV file.

    Raises:
        UserError: The file is not a table, or metric, sweep or parameters are ambiguous.
    """
    source = str(path)
    config = sweep_config_of(options)
    metric, parameters = options.get("metric"), options.get("parameters", ())
    lines, copies = _read(Path(path))
    rows = [{name: read_cell(cell) for name, cell in line.items()} for line in lines]
    _require_columns(source, rows[0], [*parameters, *([metric] if metric else [])])
    known_metric = metric or (config.metric if config else None)
    known = [name for name in (*parameters, *(config.space if config else ())) if name in rows[0]]
    columns = classify_columns(rows, known, known_metric if known_metric in rows[0] else None)
    lower = _by_lower_case(rows[0])
    runs = [_run(line, lower, row, columns) for line, row in zip(lines, rows, strict=True)]
    left_out = {"a copy of another row": copies} if copies else {}
    return sweep_from_runs(source, runs, config, options, left_out)


def _read(path: Path) -> tuple[list[TextRow], int]:
    """Return the rows in the order of their runs, and how many rows were copies of others."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = [line for line in csv.reader(file) if any(cell.strip() for cell in line)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: cannot be read as CSV ({error})") from error
    if len(lines) < 2 or len(lines[0]) < 2:
        raise UserError(
            f"{path}: found {max(0, len(lines) - 1)} rows of {len(lines[0]) if lines else 0} "
            "columns, expected one row for each run and columns separated by commas; export the "
            "table of runs as CSV"
        )
    header, *cells = lines
    if len(header) > MAX_COLUMNS:
        raise UserError(
            f"{path}: found {len(header)} columns, expected at most {MAX_COLUMNS}; export the "
            "columns of parameters and metrics only"
        )
    for row in cells:
        if len(row) > len(header):
            raise UserError(
                f"{path}: found a row of {len(row)} cells ({row[0]}), expected {len(header)} as "
                "in the header; export the table again"
            )
    names = _unique_names(header)
    unique = list(dict.fromkeys(map(tuple, cells)))
    rows = [dict(zip_longest(names, row, fillvalue="")) for row in unique]
    return _in_order(rows), len(cells) - len(rows)


def _unique_names(header: Sequence[str]) -> list[str]:
    """Return column names; the second column of the same name was logged and becomes `.copy`."""
    names: list[str] = []
    for index, cell in enumerate(header):
        name = cell.strip() or f"column {index + 1}"
        while name in names:
            name += ".copy"
        names.append(name)
    return names


def _require_columns(source: str, columns: Iterable[str], required: Sequence[str]) -> None:
    for name in required:
        if name not in columns and not any(column.startswith(f"{name}.") for column in columns):
            raise UserError(
                f"{source}: found no column {name}, expected one of {', '.join(columns)}"
            )


def _by_lower_case(columns: Iterable[str]) -> dict[str, str]:
    """Return the name of each column by its lower-case name; the first one if several match."""
    lower: dict[str, str] = {}
    for column in columns:
        lower.setdefault(column.lower(), column)
    return lower


def _first_text(row: TextRow, lower: Mapping[str, str], names: Sequence[str]) -> str:
    """Return the first cell with text of these columns; the case of their names is ignored."""
    cells = (row[lower[name]].strip() for name in names if name in lower)
    return next((cell for cell in cells if cell not in EMPTY), "")


def _run(line: TextRow, lower: Mapping[str, str], row: Mapping[str, Any], columns: Columns) -> Run:
    messages = {key: text for key in MESSAGE_KEYS if (text := _first_text(line, lower, [key]))}
    return Run(
        name=_first_text(line, lower, NAME_COLUMNS),
        state=_first_text(line, lower, STATE_COLUMNS).lower(),
        sweep=_first_text(line, lower, SWEEP_COLUMNS),
        config={name: row[name] for name in columns.parameters},
        summary=messages | {name: row[name] for name in columns.outcomes},
        seconds=seconds(read_cell(_first_text(line, lower, TIME_COLUMNS))),
    )


def _in_order(rows: list[TextRow]) -> list[TextRow]:
    """Return the rows in the order of creation if all rows have it, else in their own order."""
    lower = _by_lower_case(rows[0])
    for name in filter(lower.__contains__, CREATED_COLUMNS):
        parsed = [_timestamp(_first_text(row, lower, [name])) for row in rows]
        times = [time for time in parsed if time is not None]
        if len(times) == len(rows):
            return [rows[i] for i in sorted(range(len(rows)), key=lambda i: times[i])]
    return rows


def _timestamp(text: str) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):  # no date, or one that the system has no time for
        return finite(read_cell(text))
