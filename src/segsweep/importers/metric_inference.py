"""What to take where nobody said it: the metric, its goal, and one sweep of several."""

import re
from collections import Counter
from collections.abc import Sequence

from segsweep.config.objective import Goal
from segsweep.core.errors import UserError
from segsweep.importers.column_names import (
    base,
    is_better_smaller,
    is_of_validation,
    is_quality,
    words,
)

PREFERRED = "val_dice_coefficient"
ASK = "choose one with --metric"


def choose_metric(source: str, names: Sequence[str]) -> str:
    """The column that says how good a run is, of the outcomes `names`.

    It is `val_dice_coefficient`; else the only Dice of validation; else, where there is no such
    Dice, the only score or loss of validation; else the only score or loss. Aggregates
    (`val_dice.max`) count where the metric itself is not there. Raises `UserError` with all that
    may be it where there are several, or none.
    """
    plain = [name for name in names if base(name) == name or base(name) not in names]
    for name in plain:
        if "_".join(words(name)) == PREFERRED:
            return name
    good = [name for name in plain if is_quality(name)]
    kinds = (
        [name for name in plain if re.search(r"val.*dice", name, re.I)],
        [name for name in good if is_of_validation(name)],
        good,
    )
    found = next(filter(None, kinds), [])
    if len(found) == 1:
        return found[0]
    if found:
        raise UserError(
            f"{source}: found {len(found)} columns that may be the metric ({', '.join(found)}), "
            f"expected one; {ASK}"
        )
    others = ", ".join(plain) or "no number that came out of a run"
    raise UserError(f"{source}: found no column that looks like a metric ({others}); {ASK}")


def choose_goal(metric: str) -> Goal:
    """Minimize what is a loss, an error or a distance by its name, else maximize."""
    return "minimize" if is_better_smaller(metric) else "maximize"


def choose_sweep(source: str, sweeps: Sequence[str], asked: str | None) -> str:
    """The sweep to take, of the sweep of each run ("": none); `asked` is its name or id.

    Raises `UserError` where there are several and none is asked for, or the one that is is not
    there.
    """
    runs = Counter(name for name in sweeps if name)
    listed = ", ".join(f"{name} ({count})" for name, count in runs.items())
    if asked is not None:
        if asked not in runs:
            raise UserError(
                f"{source}: found no sweep {asked}, expected one of {listed or 'none'}; choose "
                "with --sweep, or leave it out"
            )
        return asked
    if len(runs) > 1:
        raise UserError(
            f"{source}: found {len(runs)} sweeps, with their runs: {listed}; expected one; choose "
            "one with --sweep"
        )
    return next(iter(runs), "")
