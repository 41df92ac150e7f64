"""Read a CSV export of W&B's table of runs, or this project's own `leaderboard.csv`.

`table_file` reads the cells, `column_roles` separates parameters from outcomes, and `logged_runs`
builds the sweep. Tables of Optuna and MLflow have the same form. Trials are in the order in which
their runs were created.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Unpack

from segsweep.analysis.completed_sweep import CompletedSweep
from segsweep.config.metric_names import is_dice
from segsweep.core.errors import UserError
from segsweep.importers.column_names import is_metric_of_validation
from segsweep.importers.column_roles import Columns, classify_columns
from segsweep.importers.logged_runs import sweep_from_runs
from segsweep.importers.parsing import EMPTY, finite, flatten, read_cell, seconds
from segsweep.importers.runs import MESSAGE_KEYS, STEP, Notes, Run
from segsweep.importers.sweep_config import ReadOptions, sweep_config_of
from segsweep.importers.table_file import TextRow, read_table

NAME_COLUMNS = ("name", "display name", "trial", "run", "id", "run id")
STATE_COLUMNS = ("state", "status")
SWEEP_COLUMNS = ("sweep", "sweep name", "sweep id")
ID_COLUMNS = ("id", "run id", "run_id")
TIME_COLUMNS = ("runtime", "_runtime", "_wandb.runtime", "duration")
CREATED_COLUMNS = ("created", "created at", "created_at", "start time", "_timestamp", "trial")

OPTUNA_PARAMETERS = "params_"


def read_export(path: str | Path, **options: Unpack[ReadOptions]) -> CompletedSweep:
    """Read a table of runs from a CSV file.

    Raises:
        UserError: The file is not a table, or metric, sweep or parameters are ambiguous.
    """
    notes = Notes(str(path))
    config = sweep_config_of(options)
    metric, parameters = options.get("metric"), options.get("parameters", ())
    table = read_table(Path(path), notes)
    lines = _in_order(_unique(table, notes))
    rows = _opened([{name: read_cell(cell) for name, cell in line.items()} for line in lines])
    _require_columns(notes.source, rows[0], [*parameters, *([metric] if metric else [])])
    known_metric = metric or (config.metric if config else None)
    known = [name for name in (*parameters, *(config.space if config else ())) if name in rows[0]]
    columns = classify_columns(rows, known, known_metric if known_metric in rows[0] else None)
    if known_metric is None:
        _refuse_text_metric(notes.source, rows, columns)
    lower = _by_lower_case(lines[0])
    runs = [_run(line, lower, row, columns) for line, row in zip(lines, rows, strict=True)]
    return sweep_from_runs(runs, config, options, notes, columns.unused)


def _unique(table: Sequence[TextRow], notes: Notes) -> list[TextRow]:
    """Return the rows that differ from all before them."""
    unique = list({tuple(row.values()): row for row in table}.values())
    if copies := len(table) - len(unique):
        notes.left_out["a copy of another row"] += copies
    return unique


def _opened(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows with one column for each value of a cell that is a table in JSON."""
    tables = [name for name in rows[0] if any(isinstance(row[name], dict) for row in rows)]
    if not tables and not any(name.startswith(OPTUNA_PARAMETERS) for name in rows[0]):
        return rows
    opened = [_open(row) for row in rows]
    names = dict.fromkeys(name for row in opened for name in row)
    return [{name: row.get(name) for name in names} for row in opened]


def _open(row: Mapping[str, Any]) -> dict[str, Any]:
    opened: dict[str, Any] = {}
    for name, value in row.items():
        if name.startswith(OPTUNA_PARAMETERS):
            name = f"params.{name.removeprefix(OPTUNA_PARAMETERS)}"
        opened |= flatten({name: value})
    return opened


def _require_columns(source: str, columns: Iterable[str], required: Sequence[str]) -> None:
    for name in required:
        if name not in columns and not any(column.startswith(f"{name}.") for column in columns):
            raise UserError(
                f"{source}: found no column {name}, expected one of {', '.join(columns)}"
            )


def _refuse_text_metric(source: str, rows: Sequence[Mapping[str, Any]], columns: Columns) -> None:
    """Raise `UserError` if what looks like the metric has no numbers and no other column does."""
    if any(is_metric_of_validation(name) and is_dice(name) for name in columns.outcomes):
        return
    for name in columns.unused:
        cell = next((row[name] for row in rows if row[name] is not None), None)
        if is_metric_of_validation(name):
            raise UserError(
                f"{source}: found {cell!r} in the column {name}, expected numbers; correct the "
                "column, or choose another one with --metric"
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
        config={name: row[name] for name in (*columns.parameters, *columns.replicates)},
        summary=messages | {n: row[n] for n in (*columns.outcomes, STEP) if n in row},
        seconds=seconds(read_cell(_first_text(line, lower, TIME_COLUMNS))),
        id=_first_text(line, lower, ID_COLUMNS),
        created=_first_text(line, lower, CREATED_COLUMNS[:-1]),
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
