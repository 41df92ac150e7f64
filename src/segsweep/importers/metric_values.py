"""Check the values of the metric, and bring scores in percent to the range 0 to 1."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from segsweep.config.metric_names import is_share, metric_of
from segsweep.core.errors import UserError
from segsweep.importers.parsing import finite, from_percent, number
from segsweep.importers.runs import FINISHED_STATES, Notes, Run, listed
from segsweep.importers.sweep_config import ReadOptions

MOST = 1.001
"""A Dice that is computed with a smoothing term may exceed 1 by rounding."""


def check_metric_cells(runs: Sequence[Run], metric: str, notes: Notes) -> None:
    """Raise `UserError` if a finished run has text in place of the metric's value."""
    for run in runs:
        value = run.summary.get(metric)
        if run.state in FINISHED_STATES and isinstance(value, str) and number(value) is None:
            raise UserError(
                f"{notes.source}: {metric} of {run.name}: found {value!r}, expected a number; "
                "correct this cell, or delete the run's row"
            )


def percentages_to_shares(
    runs: Sequence[Run], metric: str, options: ReadOptions, notes: Notes
) -> list[Run]:
    """Return the runs with scores between 0 and 1 where a whole column has them in percent.

    Raises:
        UserError: The metric has values of both scales, or outside both.
    """
    finished = [run for run in runs if run.state in FINISHED_STATES]
    converted = []
    for name in dict.fromkeys(name for run in runs for name in run.summary if is_share(name)):
        values = [(run, v) for run in finished if (v := finite(run.summary.get(name))) is not None]
        if metric in (name, metric_of(name)):
            _check_scale(name, values, bool(options.get("goal")), notes)
        if _is_percent([value for _, value in values]):
            converted.append(name)
    if not converted:
        return list(runs)
    notes.add(f"Read as percent and divided by 100: {listed(converted)}.")
    return [_divided(run, frozenset(converted)) for run in runs]


def _is_percent(values: Sequence[float]) -> bool:
    return any(v > MOST for v in values) and all(v == 0 or 1 < v <= 100 for v in values)


def _check_scale(
    name: str, values: Sequence[tuple[Run, float]], is_goal_given: bool, notes: Notes
) -> None:
    above = [pair for pair in values if pair[1] > MOST]
    others = [pair for pair in values if 0 < pair[1] <= MOST]
    if above and (others or max(value for _, value in above) > 100):
        run, value = min(above, others or above, key=len)[0]
        rest = [v for other, v in values if other is not run] or [math.nan]
        raise UserError(
            f"{notes.source}: {name} of {run.name}: found {value:g} where other runs have "
            f"{min(rest):g} to {max(rest):g}, expected one scale, 0 to 1 or 0 to 100; correct "
            "this cell, or delete the run's row"
        )
    below = [pair for pair in values if pair[1] < 0]
    if below and not is_goal_given:
        run, value = below[0]
        raise UserError(
            f"{notes.source}: {name} of {run.name}: found {value:g}, expected 0 to 1; correct the "
            "value, or give --goal maximize or --goal minimize if it is meant"
        )


def _divided(run: Run, names: frozenset[str]) -> Run:
    def convert(name: str, value: Any) -> Any:
        parsed = number(value) if name in names else None
        return value if parsed is None else from_percent(parsed)

    def history(name: str) -> list[Any]:
        return [convert(name, value) for value in run.history(name)]

    summary = {name: convert(name, value) for name, value in run.summary.items()}
    return replace(run, summary=summary, history=history)
