"""Infer what a table of runs does not say: metric, goal, sweep, space and status.

A parameter of the search space is inferred from its values in the runs:

- one value: a constant;
- text and booleans: a categorical parameter with the values that occur;
- few numbers of one or two digits (at most ten, each occurring twice on average), powers of two,
  and counts such as a batch size: a categorical parameter with the values that occur, rising;
- other numbers: a range from the smallest to the largest value. It is integer if all values are,
  and logarithmic if both bounds are positive and a factor of ten apart, unless the name is that of
  a share, such as dropout.

The range that was searched was at least as wide.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, get_args

from segsweep.config.distributions import IntUniform, LogUniformValues, Uniform
from segsweep.config.number import LOG_SCALE_RATIO
from segsweep.config.objective import Goal
from segsweep.config.search_space import Categorical, Constant, Parameter
from segsweep.core.errors import UserError
from segsweep.importers.column_roles import (
    is_count,
    is_quality,
    is_smaller_better,
    is_validation,
    metric_of,
    words,
)
from segsweep.importers.parsing import finite, scalar
from segsweep.search.trial_result import Status

PREFERRED = "val_dice_coefficient"
ADVICE = "choose one with --metric"

SHARES = ("dropout", "momentum", "fraction", "probability")
"""Words in the names of parameters that are shares: their range is never logarithmic."""

MAX_CHOICES, MAX_COUNTS = 10, 32
"""Most values of a categorical parameter: of other numbers, and of counts."""

MAX_TEXTS = 100
"""Maximum number of values of a parameter that is text: each is a column of the surrogate model."""

FINISHED_STATES, FAILED_STATES = ("finished", ""), ("failed", "crashed", "killed")
"""W&B's states of runs that have ended; "" where the source has no state."""

ENDED_STATES = (*FINISHED_STATES, *FAILED_STATES, *get_args(Status), "stopped")
OWN_STATUS: dict[str, Status] = {
    "pruned": "pruned",
    "stopped": "pruned",  # the name in segsweep 0.1
    "diverged": "diverged",
    "out_of_memory": "out_of_memory",
}
MESSAGES: dict[Status, str] = {
    "out_of_memory": r"out.of.memory|\boom\b",
    "diverged": r"diverge|\bnan\b|not finite|non-?finite",
}
"""Patterns in the error message of a failed run."""


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


def infer_parameter(name: str, values: Sequence[Any]) -> Parameter:
    """Return the parameter `name` from its value in each run."""
    if all(value == values[0] for value in values):
        return Constant(value=values[0])
    numbers = [finite(value) for value in values]
    if any(value is None for value in numbers):
        return Categorical(values=sorted({scalar(value) for value in values}, key=str))
    unique = sorted({value for value in numbers if value is not None})
    if len(unique) == 1:  # different numbers that are all too small for float32
        return Constant(value=unique[0])
    is_whole = all(float(value).is_integer() for value in unique)
    if is_whole:
        unique = [int(value) for value in unique]
    if _is_categorical(name, unique, len(values), is_whole):
        return Categorical(values=list(unique))
    low, high = unique[0], unique[-1]
    if is_whole:
        return IntUniform(min=int(low), max=int(high))
    is_share = any(word in name.lower() for word in SHARES)
    if low > 0 and high / low >= LOG_SCALE_RATIO and not is_share:
        return LogUniformValues(distribution="log_uniform_values", min=low, max=high)
    return Uniform(min=low, max=high, scale="linear" if is_share else None)


def _is_categorical(name: str, unique: Sequence[float], runs: int, is_whole: bool) -> bool:
    two_digits = all(float(f"{value:.2g}") == value for value in unique)
    is_few = two_digits and len(unique) <= min(MAX_CHOICES, runs // 2)
    is_powers = is_whole and all(value > 0 and math.log2(value).is_integer() for value in unique)
    is_counts = is_whole and is_count(name) and len(unique) <= MAX_COUNTS
    return is_few or is_powers or is_counts


def infer_status(state: str, messages: Sequence[str], value: float | None) -> Status:
    """Return the status of a run that has ended.

    - `pruned`, `diverged` or `out_of_memory` if the run's own `status` says so;
    - if W&B's state is finished: `finished` if the metric is a number, `diverged` if it is NaN or
      infinite, `failed` if there is none;
    - if the run failed, crashed or was killed: `failed`, unless its reason mentions memory or
      divergence.

    Args:
        state: One of ENDED_STATES.
        messages: The run's own status, reason and error, as far as it has them.
        value: Its metric.
    """
    for word in (state, *messages):
        if word in OWN_STATUS:
            return OWN_STATUS[word]
    if state in FINISHED_STATES and "failed" not in messages:
        if value is None:
            return "failed"
        return "finished" if math.isfinite(value) else "diverged"
    for status, pattern in MESSAGES.items():
        if any(re.search(pattern, message, re.I) for message in messages):
            return status
    return "failed"
