"""Which columns of a W&B export are parameters and which are outcomes.

W&B's export puts the columns of a run's configuration beside those of its summary and does not
say which is which. What the caller names, or a sweep configuration, decides. All else by rules,
in this order, each of which would rather miss a parameter than take an outcome for one:

- W&B's own columns (Name, State, Runtime, `_step`, ...) and pieces of a sweep configuration that
  was logged with the runs (`parameters.lr.min`) are neither.
- Text, lists and true/false can only be parameters. Text of an unknown name must have a value in
  every row; `logged.searched` leaves out what is free text.
- A number is what its name says (`names.role`): `learning_rate`, `l2_reg`, `model.depth` are
  parameters; `val_loss`, `val/dice`, `best_epoch`, `val_dice.max` are outcomes. Of two names of
  one thing (`learning_rate` and, later, `lr`) the second is what was logged in training.
- A number of an unknown name is a parameter if it has a value in every row, failed ones too, and
  stands before the first outcome (W&B puts the configuration first), and if it is the same in
  every row, repeats exactly, or there are rows without any outcome, in which it stands too.
- Every other number is an outcome.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from segsweep.importers.column_names import (
    NAMED,
    PARAMETER_WORDS,
    SYNONYMS,
    base,
    is_bookkeeping,
    is_free_text,
    role,
    words,
)
from segsweep.importers.parsing import number

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Columns:
    """The names of both kinds, in the order of the table."""

    parameters: list[str]
    outcomes: list[str]


def tell_apart(
    rows: Sequence[Row], parameters: Collection[str] = (), metric: str | None = None
) -> Columns:
    """Both kinds of columns; `parameters` and `metric` are known to be what they are."""
    names = [name for name in rows[0] if _is_of_use(name, rows, {*parameters, metric})]
    numbers = [name for name in names if _is_numeric(rows, name)]
    roles: dict[str, str] = {name: said for name in numbers if (said := role(name))}
    roles |= dict.fromkeys(_second_names(names), "outcome")
    outcomes = [name for name in numbers if roles.get(name) == "outcome"]
    first = names.index(outcomes[0]) if outcomes else len(names)
    bare = [row for row in rows if all(row[name] is None for name in outcomes)]
    for place, name in enumerate(names):
        if name not in numbers:
            roles[name] = "parameter" if _is_choice(rows, name) else "text"
        elif name not in roles:
            early = place < first and _is_full(rows, name)
            repeats = _is_repeated(rows, name) or (bool(outcomes) and bool(bare))
            roles[name] = "parameter" if early and repeats else "outcome"
    roles |= dict.fromkeys(parameters, "parameter")
    if metric is not None:
        roles[metric] = "outcome"
    return Columns(*([n for n in names if roles[n] == kind] for kind in ("parameter", "outcome")))


def _is_of_use(name: str, rows: Sequence[Row], asked: Collection[str | None]) -> bool:
    if name in asked:
        return True
    return not is_bookkeeping(name) and any(row[name] is not None for row in rows)


def _is_numeric(rows: Sequence[Row], name: str) -> bool:
    return all(row[name] is None or number(row[name]) is not None for row in rows)


def _is_full(rows: Sequence[Row], name: str) -> bool:
    return all(row[name] is not None for row in rows)


def _is_repeated(rows: Sequence[Row], name: str) -> bool:
    return len({row[name] for row in rows}) <= max(1, len(rows) // 2)


def _is_choice(rows: Sequence[Row], name: str) -> bool:
    known = name in NAMED or not PARAMETER_WORDS.isdisjoint(words(name))
    return base(name) == name and (known or (_is_full(rows, name) and not is_free_text(name)))


def _second_names(names: Sequence[str]) -> list[str]:
    found = []
    for synonyms in SYNONYMS:
        found += [name for name in names if name.rpartition(".")[2].lower() in synonyms][1:]
    return found
