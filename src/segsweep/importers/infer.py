"""Infer what a table of runs does not say: the distribution of a parameter, and a run's status.

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
from collections.abc import Sequence
from typing import Any

from segsweep.config.distributions import IntUniform, LogUniformValues, Uniform
from segsweep.config.number import LOG_SCALE_RATIO
from segsweep.config.search_space import Categorical, Constant, Parameter
from segsweep.importers.column_names import is_count
from segsweep.importers.parsing import finite, scalar
from segsweep.importers.runs import FINISHED_STATES
from segsweep.search.trial_result import Status

SHARES = ("dropout", "momentum", "fraction", "probability")
"""Words in the names of parameters that are shares: their range is never logarithmic."""

MAX_CHOICES, MAX_COUNTS = 10, 32
"""Most values of a categorical parameter: of other numbers, and of counts."""

MAX_TEXTS = 100
"""Maximum number of values of a parameter that is text: each is a column of the surrogate model."""

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
