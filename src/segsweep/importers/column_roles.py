"""Decide which columns of a W&B export are parameters and which are outcomes.

W&B's export puts the columns of a run's configuration next to those of its summary without saying
which is which. Columns that the caller or a sweep configuration names are known. For all others
these rules are applied in order; each prefers to miss a parameter over taking an outcome for one:

- W&B's own columns (Name, State, Runtime, `_step`, ...) and parts of a sweep configuration that
  was logged with the runs (`parameters.lr.min`) are neither.
- Text, lists and booleans can only be parameters. Text with an unknown name must have a value in
  every row; `parameter_values` leaves out free text. A column that is mostly numbers is one of
  numbers.
- A number has the role that its name says (`column_names.role`): `learning_rate`, `l2_reg` and
  `model.depth` are parameters; `val_loss`, `val/dice`, `best_epoch` and `val_dice.max` are
  outcomes.
  The name is split into words at punctuation and capitals. Of a name with parts (`optim/lr`,
  `optim.lr`), the first part decides if it is a group of W&B's loggers (`train/`, `epoch/`) or of
  parameters (`config.`), then the last.
  Of two names of the same thing (`learning_rate` and, later, `lr`) the second was logged during
  training.
- A number with an unknown name is a parameter if it has a value in every row, also in failed ones,
  if its column is before the first outcome (W&B puts the configuration first), and if it has the
  same value in every row, repeats exactly, or there are rows without any outcome.
- Every other number is an outcome.

Columns that distinguish repeated runs of one configuration, seeds and folds, are neither:
`is_replicate`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from segsweep.config.metric_names import metric_of, words
from segsweep.config.parameter_names import name_parts
from segsweep.importers.column_names import (
    HARDWARE_WORDS,
    KNOWN_PARAMETERS,
    PARAMETER_WORDS,
    SYNONYMS,
    is_free_text,
    is_metric_of_validation,
    is_of_one_run,
    is_replicate,
    role,
)
from segsweep.importers.parsing import number

Row = Mapping[str, Any]

MIN_ROWS_OF_INDEX = 5


@dataclass(frozen=True)
class Columns:
    """The names of the columns in the order of the table.

    Attributes:
        parameters: The parameters.
        outcomes: The outcomes.
        replicates: Seeds and folds.
        unused: Others that vary, without W&B's own.
    """

    parameters: list[str]
    outcomes: list[str]
    replicates: list[str]
    unused: list[str]


def classify_columns(
    rows: Sequence[Row], parameters: Collection[str] = (), metric: str | None = None
) -> Columns:
    """Return the roles of the columns of a table.

    Args:
        rows: The rows with typed cells, all with the same columns.
        parameters: Columns that are known to be parameters.
        metric: A column that is known to be an outcome.
    """
    names = [name for name in rows[0] if _is_used(name, rows, {*parameters, metric})]
    numeric = [name for name in names if _is_numeric(rows, name)]
    roles: dict[str, str] = {name: by_name for name in numeric if (by_name := role(name))}
    roles |= dict.fromkeys(_later_synonyms(names), "outcome")
    outcomes = [name for name in numeric if roles.get(name) == "outcome"]
    first_outcome = names.index(outcomes[0]) if outcomes else len(names)
    without_outcome = [row for row in rows if all(row[name] is None for name in outcomes)]
    for position, name in enumerate(names):
        if name not in numeric:
            roles[name] = "parameter" if _is_choice(rows, name) else "text"
        elif name not in roles:
            is_early = position < first_outcome and _is_full(rows, name)
            is_setting = _is_repeated(rows, name) or (bool(outcomes) and bool(without_outcome))
            roles[name] = "parameter" if is_early and is_setting else "outcome"
    roles |= dict.fromkeys(parameters, "parameter")
    if metric is not None:
        roles[metric] = "outcome"
    return Columns(
        [name for name in names if roles[name] == "parameter"],
        [name for name in names if roles[name] == "outcome"],
        [name for name in rows[0] if is_replicate(name) and name not in names],
        [
            name
            for name in names
            if roles[name] == "text" and (_varies(rows, name) or is_metric_of_validation(name))
        ],
    )


def _is_used(name: str, rows: Sequence[Row], known: Collection[str | None]) -> bool:
    if name in known:
        return True
    is_filled = any(row[name] is not None for row in rows)
    return is_filled and not is_of_one_run(name) and not _has_row_numbers(rows, name)


def _has_row_numbers(rows: Sequence[Row], name: str) -> bool:
    """Whether the column is the index that a data frame writes, from 0 or 1."""
    count, values = len(rows), [row[name] for row in rows]
    if count < MIN_ROWS_OF_INDEX or not all(isinstance(value, int) for value in values):
        return False
    return sorted(values) in (list(range(count)), list(range(1, count + 1)))


def _is_numeric(rows: Sequence[Row], name: str) -> bool:
    """Whether a column has mostly numbers, or could have: it is empty."""
    values = [row[name] for row in rows if row[name] is not None]
    return 2 * sum(number(value) is not None for value in values) >= len(values)


def _varies(rows: Sequence[Row], name: str) -> bool:
    return any(row[name] != rows[0][name] for row in rows)


def _is_full(rows: Sequence[Row], name: str) -> bool:
    return all(row[name] is not None for row in rows)


def _is_repeated(rows: Sequence[Row], name: str) -> bool:
    return len({row[name] for row in rows}) <= max(1, len(rows) // 2)


def _is_choice(rows: Sequence[Row], name: str) -> bool:
    found = words(name)
    is_metric = metric_of(name) != name or is_metric_of_validation(name)
    if is_metric or not HARDWARE_WORDS.isdisjoint(found):
        return False
    is_known = name in KNOWN_PARAMETERS or not PARAMETER_WORDS.isdisjoint(found)
    return is_known or (_is_full(rows, name) and not is_free_text(name))


def _later_synonyms(names: Sequence[str]) -> list[str]:
    """Return all but the first of the columns that have names of the same thing."""
    later = []
    for synonyms in SYNONYMS:
        later += [name for name in names if name_parts(name)[-1].lower() in synonyms][1:]
    return later
