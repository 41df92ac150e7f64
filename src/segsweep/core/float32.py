"""The range of float32, in which PyTorch trains: no training has results outside it."""

import math

LARGEST = 3.4028234663852886e38
"""The largest number. Its square is still a float64, so statistics do not overflow."""
SMALLEST = 1.401298464324817e-45
"""The smallest number above 0."""


def to_float32_range(value: float) -> float:
    """Return the number; infinity or 0 if it is too large or too small for float32."""
    if abs(value) > LARGEST:
        return math.inf if value > 0 else -math.inf
    return 0.0 if abs(value) < SMALLEST and value != 0 else value
