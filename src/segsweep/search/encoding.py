"""Convert configurations to rows of numbers from 0 to 1, as the surrogate model takes them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from segsweep.config.distributions import Number
from segsweep.config.search_space import Categorical
from segsweep.search.trial_result import Values

Varied = Mapping[str, Categorical | Number]
"""The parameters of a search space that are not constant, by name."""


def encode(varied: Varied, configurations: Sequence[Values]) -> np.ndarray:
    """Return the configurations as numbers.

    A number or an ordered categorical has one column: its position in the range, on the scale of
    the model. An unordered categorical has one column per value, 1 where it is the value, else 0.

    Returns:
        float64 of shape (configurations, columns), in 0 to 1.
    """
    columns: list[list[float]] = []
    for name, parameter in varied.items():
        values = [configuration[name] for configuration in configurations]
        if isinstance(parameter, Categorical) and not parameter.is_ordered:
            columns += [[float(value == one) for value in values] for one in parameter.values]
        else:
            columns.append([parameter.to_unit(value) for value in values])
    return np.array(columns, dtype=np.float64).reshape(len(columns), len(configurations)).T


def decode(varied: Varied, positions: Sequence[float]) -> dict[str, Any]:
    """Return the configuration at these positions (0 to 1) of the ranges, one per parameter."""
    return {name: p.from_unit(u) for (name, p), u in zip(varied.items(), positions, strict=True)}
