"""Choose the metric of a sweep and its goal.

A metric is inferred only from names that say that it was measured on validation images, or that do
not say on which images. Its goal is what its name means; where that is not known, or the sweep's
own configuration says the opposite, the caller has to say it.
"""

from collections.abc import Iterable, Sequence

from segsweep.config.metric_names import (
    better_direction,
    is_dice,
    is_test,
    is_training,
    is_validation,
    metric_of,
    words,
)
from segsweep.config.objective import Goal
from segsweep.core.errors import UserError
from segsweep.importers.column_names import is_bookkeeping
from segsweep.importers.parsing import finite, number
from segsweep.importers.runs import Notes, Run, listed
from segsweep.importers.sweep_config import ReadOptions, SweepConfig

PREFERRED = "val_dice_coefficient"
ADVICE = "choose one with --metric"


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
        others = [name for name in metrics if name not in scores]
        more = f", or another one ({listed(others)}) with --metric and --goal" if others else ""
        raise UserError(
            f"{source}: found only measures of training or test images ({listed(scores)}), "
            "expected one of validation images; export its column, or choose one of these with "
            f"--metric{more}"
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
