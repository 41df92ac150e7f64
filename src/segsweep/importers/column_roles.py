"""Decide which columns of a W&B export are parameters and which are outcomes.

W&B's export puts the columns of a run's configuration next to those of its summary without saying
which is which. Columns that the caller or a sweep configuration names are known. For all others
these rules are applied in order; each prefers to miss a parameter over taking an outcome for one:

- W&B's own columns (Name, State, Runtime, `_step`, ...) and parts of a sweep configuration that
  was logged with the runs (`parameters.lr.min`) are neither.
- Text, lists and booleans can only be parameters. Text with an unknown name must have a value in
  every row; `logged_runs` leaves out free text.
- A number has the role that its name says (`column_names.role`): `learning_rate`, `l2_reg` and
  `model.depth` are parameters; `val_loss`, `val/dice`, `best_epoch` and `val_dice.max` are
  outcomes. Of two names of the same thing (`learning_rate` and, later, `lr`) the second was logged
  during training.
- A number with an unknown name is a parameter if it has a value in every row, also in failed ones,
  if its column is before the first outcome (W&B puts the configuration first), and if it has the
  same value in every row, repeats exactly, or there are rows without any outcome.
- Every other number is an outcome.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from segsweep.importers.column_names import (
    KNOWN_PARAMETERS,
    PARAMETER_WORDS,
    SYNONYMS,
    is_bookkeeping,
    is_free_text,
    metric_of,
    role,
    words,
)
from segsweep.importers.parsing import number

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Columns:
    """The names of the parameters and of the outcomes, in the order of the table."""

    parameters: list[str]
    outcomes: list[str]


def classify_columns(
    rows: Sequence[Row], parameters: Collection[str] = (), metric: str | None = None
) -> Columns:
    """Return the parameters and the outcomes of a table.

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
    return Columns(*([n for n in names if roles[n] == kind] for kind in ("parameter", "outcome")))


def _is_used(name: str, rows: Sequence[Row], known: Collection[str | None]) -> bool:
    if name in known:
        return True
    return not is_bookkeeping(name) and any(row[name] is not None for row in rows)


def _is_numeric(rows: Sequence[Row], name: str) -> bool:
    return all(row[name] is None or number(row[name]) is not None for row in rows)


def _is_full(rows: Sequence[Row], name: str) -> bool:
    return all(row[name] is not None for row in rows)


def _is_repeated(rows: Sequence[Row], name: str) -> bool:
    return len({row[name] for row in rows}) <= max(1, len(rows) // 2)


def _is_choice(rows: Sequence[Row], name: str) -> bool:
    is_known = name in KNOWN_PARAMETERS or not PARAMETER_WORDS.isdisjoint(words(name))
    is_setting = is_known or (_is_full(rows, name) and not is_free_text(name))
    return metric_of(name) == name and is_setting


def _later_synonyms(names: Sequence[str]) -> list[str]:
    """Return all but the first of the columns that have names of the same thing."""
    later = []
    for synonyms in SYNONYMS:
        later += [name for name in names if name.rpartition(".")[2].lower() in synonyms][1:]
    return later
