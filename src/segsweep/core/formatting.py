"""Numbers as text, the same way in every message, table and report."""

from typing import Any


def format_value(value: Any) -> str:
    """Return a parameter's value with three significant digits; anything else as it is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def format_metric(value: float) -> str:
    """Return a value of the metric, or a difference of two, with four decimals."""
    return f"{value:.4f}" if abs(value) < 10 else f"{value:.4g}"


def format_interval(low: float, high: float) -> str:
    """Return an interval of the metric, such as `0.9466 to 0.9736`."""
    return f"{format_metric(low)} to {format_metric(high)}"


def format_percent(share: float) -> str:
    """Return a share (0 to 1) as a percentage without decimals."""
    return f"{share:.0%}"
