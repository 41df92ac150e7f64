"""Choose the metric of a sweep and its goal, and check its values.

A metric is inferred only from names that say that it was measured on validation images, or that do
not say on which images. Its goal is what its name means; where that is not known, or the sweep's
own configuration says the opposite, the caller has to say it.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from segsweep.config.metric_names import (
    better_direction,
    is_dice,
    is_share,
    is_test,
    is_training,
    is_validation,
    metric_of,
    words,
)
from segsweep.config.objective import Goal
from segsweep.core.errors import UserError
from segsweep.importers.column_roles import is_bookkeeping
from segsweep.importers.parsing import finite, from_percent, number
from segsweep.importers.runs import Notes, Run, listed
from segsweep.importers.sweep_config import ReadOptions, SweepConfig

PREFERRED = "val_dice_coefficient"
ADVICE = "choose one with --metric"

MOST = 1.001
"""A Dice that is computed with a smoothing term may exceed 1 by rounding."""

FINISHED_STATES = ("finished", "complete", "completed", "")
"""States of runs that have ended as planned: of W&B and of Optuna; "" where a source has none."""


def choose_metric(
    runs: Sequence[Run], config: SweepConfig | None, options: ReadOptions, notes: Notes
) -> tuple[str, Goal]:
    """Return the metric and its goal, by the options, the sweep's configuration or the names.

    Raises:
        UserError: The metric is not certain, has no values, or its goal is not certain.
    """
    names = list(
        dict.fromkeys(
            name
            for run in runs
            for name, value in run.summary.items()
            if finite(value) is not None and not is_bookkeeping(name)
        )
    )
    own = config or SweepConfig({})
    metric = options.get("metric") or own.metric
    if metric is None:
        metric = infer_metric(notes.source, names)
        if not is_validation(metric):
            notes.add(
                f"The metric {metric} was inferred; its name does not say that it was measured on "
                "validation images."
            )
    goal = _goal(notes.source, metric, config, options)
    if all(value_of(run, metric, goal) is None for run in runs):
        metric = _spelt_otherwise(metric, names, len(runs), notes)
    return metric, goal


def value_of(run: Run, metric: str, goal: Goal) -> float | None:
    """Return the metric's value, or its best or last aggregate where W&B logged only those."""
    better = "max" if goal == "maximize" else "min"
    names = (metric, *(f"{metric}.{kind}" for kind in (better, "best", "last")))
    values = (number(run.summary.get(name)) for name in names)
    return next((value for value in values if value is not None), None)


def infer_metric(source: str, names: Sequence[str]) -> str:
    """Return the outcome, of `names`, that measures how good a run is.

    It is `val_dice_coefficient`; else the only validation Dice; else, without a validation Dice,
    the only measure of quality that is not of training or test images. Of `loss` and `val_loss` the
    first is of training images. Aggregates (`val_dice.max`) count only where the metric itself is
    missing.

    Raises:
        UserError: There are several candidates, or none.
    """
    metrics = [name for name in names if metric_of(name) == name or metric_of(name) not in names]
    for name in metrics:
        if "_".join(words(name)) == PREFERRED:
            return name
    scores = [name for name in metrics if better_direction(name)]
    usable = [name for name in scores if _may_be_of_validation(name, scores)]
    dice = [name for name in usable if is_validation(name) and is_dice(name)]
    candidates = dice or usable
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        raise UserError(
            f"{source}: found {len(candidates)} columns that may be the metric "
            f"({listed(candidates)}), expected one; {ADVICE}"
        )
    if scores:
        raise UserError(
            f"{source}: found only measures of training or test images ({listed(scores)}), "
            "expected one of validation images; export its column, or choose one of these with "
            "--metric"
        )
    found = listed(metrics) or "no column of numbers that were logged"
    raise UserError(
        f"{source}: found no column that looks like a metric ({found}); {ADVICE} and say with "
        "--goal which direction is better"
    )


def _may_be_of_validation(name: str, scores: Iterable[str]) -> bool:
    if is_validation(name):
        return True
    if is_training(name) or is_test(name):
        return False
    with_validation = [words(other) for other in scores if is_validation(other)]
    twins = [[w for w in other if not is_validation(w)] for other in with_validation]
    return words(name) not in twins


def _goal(source: str, metric: str, config: SweepConfig | None, options: ReadOptions) -> Goal:
    """Return the goal by the options, the sweep's configuration, or the metric's meaning."""
    if goal := options.get("goal"):
        return goal
    meaning = better_direction(metric)
    is_of_sweep = config is not None and config.metric == metric
    stated = config.goal if config is not None and is_of_sweep else None
    if is_of_sweep and stated is None and meaning != "minimize":
        raise UserError(
            f"{source}: found no goal of the metric {metric} in the sweep's configuration, where "
            "W&B minimises by default, expected one; give --goal maximize if larger values are "
            "better, else --goal minimize"
        )
    if stated and meaning and stated != meaning:
        raise UserError(
            f"{source}: found the goal {stated} for the metric {metric} in the sweep's "
            f"configuration, expected {meaning} by its name; give --goal {meaning} or --goal "
            f"{stated}"
        )
    if goal := stated or meaning:
        return goal
    raise UserError(
        f"{source}: found the metric {metric}, whose name does not say which direction is better; "
        "give --goal maximize or --goal minimize"
    )


def _spelt_otherwise(metric: str, names: Sequence[str], runs: int, notes: Notes) -> str:
    """Return the only column with the same words as a metric that no run has."""
    same = [name for name in names if words(name) == words(metric)]
    if len(same) == 1:
        notes.add(f"The metric {metric} was read from the column {same[0]}.")
        return same[0]
    advice = f"choose one of {listed(names)} with --metric" if names else "export its column"
    raise UserError(
        f"{notes.source}: found no value of the metric {metric} in any of {runs} runs, expected a "
        f"number; {advice}"
    )


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
    return Run(**{**vars(run), "summary": summary, "history": history})
