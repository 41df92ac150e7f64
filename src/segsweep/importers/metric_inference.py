"""Infer the metric and its goal, and select one of several sweeps."""

import re
from collections import Counter
from collections.abc import Sequence

from segsweep.config.objective import Goal
from segsweep.core.errors import UserError
from segsweep.importers.column_names import (
    is_quality,
    is_smaller_better,
    is_validation,
    metric_of,
    words,
)

PREFERRED = "val_dice_coefficient"
ADVICE = "choose one with --metric"


def infer_metric(source: str, names: Sequence[str]) -> str:
    """Return the outcome, of `names`, that measures how good a run is.

    It is `val_dice_coefficient`; else the only validation Dice; else, without a validation Dice,
    the only validation score or loss; else the only score or loss. Aggregates (`val_dice.max`)
    count only where the metric itself is missing.

    Raises:
        UserError: There are several candidates, or none.
    """
    metrics = [name for name in names if metric_of(name) == name or metric_of(name) not in names]
    for name in metrics:
        if "_".join(words(name)) == PREFERRED:
            return name
    scores = [name for name in metrics if is_quality(name)]
    groups = (
        [name for name in metrics if re.search(r"val.*dice", name, re.I)],
        [name for name in scores if is_validation(name)],
        scores,
    )
    candidates = next(filter(None, groups), [])
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        raise UserError(
            f"{source}: found {len(candidates)} columns that may be the metric "
            f"({', '.join(candidates)}), expected one; {ADVICE}"
        )
    listed = ", ".join(metrics) or "no column of numbers that were logged"
    raise UserError(f"{source}: found no column that looks like a metric ({listed}); {ADVICE}")


def infer_goal(metric: str) -> Goal:
    """Return `minimize` for a loss, an error or a distance by its name, else `maximize`."""
    return "minimize" if is_smaller_better(metric) else "maximize"


def select_sweep(source: str, sweeps: Sequence[str], requested: str | None) -> str:
    """Return the sweep to read.

    Args:
        source: Where the runs were read from, for messages.
        sweeps: The sweep of each run; "" for a run without one.
        requested: The name or id that the caller asked for.

    Raises:
        UserError: There are several sweeps and none is requested, or the requested one is missing.
    """
    counts = Counter(name for name in sweeps if name)
    listed = ", ".join(f"{name} ({count})" for name, count in counts.items())
    if requested is not None:
        if requested not in counts:
            raise UserError(
                f"{source}: found no sweep {requested}, expected one of {listed or 'none'}; choose "
                "with --sweep, or omit the option"
            )
        return requested
    if len(counts) > 1:
        raise UserError(
            f"{source}: found {len(counts)} sweeps (number of runs): {listed}; expected one; "
            "choose one with --sweep"
        )
    return next(iter(counts), "")
