"""The space of a sweep of which only the values of its runs are known.

- one value: a constant;
- text, true/false: a choice between what was seen;
- few numbers of one or two digits (ten at most, each seen twice on average), powers of two, and
  counts such as a batch: a choice between what was seen, rising;
- other whole numbers, other numbers: from the least to the largest seen, in logarithms where both
  are positive and ten times apart, unless the name is that of a share, such as dropout.

The searched range was at least as wide as what was seen.
"""

import math
from collections.abc import Sequence
from typing import Any

from segsweep.config.distributions import LOG_SCALE_RATIO, IntUniform, LogUniformValues, Uniform
from segsweep.config.search_space import Categorical, Constant, Parameter
from segsweep.importers.column_names import is_count
from segsweep.importers.parsing import finite, scalar

FEW = 10
SHARES = ("dropout", "momentum", "fraction", "probability")
MOST_COUNTS = 32


def infer(name: str, values: Sequence[Any]) -> Parameter:
    """The parameter `name` from its value in each run."""
    if all(value == values[0] for value in values):
        return Constant(value=values[0])
    numbers = [finite(value) for value in values]
    if any(found is None for found in numbers):
        return Categorical(values=sorted({scalar(value) for value in values}, key=str))
    seen = sorted({found for found in numbers if found is not None})
    whole = all(float(value).is_integer() for value in seen)
    if whole:
        seen = [int(value) for value in seen]
    if _is_choice(name, seen, len(values), whole):
        return Categorical(values=list(seen))
    least, most = seen[0], seen[-1]
    if whole:
        return IntUniform(min=int(least), max=int(most))
    is_share = any(word in name.lower() for word in SHARES)
    if least > 0 and most / least >= LOG_SCALE_RATIO and not is_share:
        return LogUniformValues(distribution="log_uniform_values", min=least, max=most)
    return Uniform(min=least, max=most, scale="linear" if is_share else None)


def _is_choice(name: str, seen: Sequence[float], runs: int, whole: bool) -> bool:
    plain = all(float(f"{value:.2g}") == value for value in seen)
    few = plain and len(seen) <= min(FEW, runs // 2)
    powers = whole and all(value > 0 and math.log2(value).is_integer() for value in seen)
    counts = whole and is_count(name) and len(seen) <= MOST_COUNTS
    return few or powers or counts
