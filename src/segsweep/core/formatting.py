"""Numbers as text, the same way in every message, table and report."""

from collections.abc import Sequence
from typing import Any


def format_value(value: Any) -> str:
    """Return a parameter's value with three significant digits; anything else as it is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def format_number(value: float) -> str:
    """Return a number with four significant digits, and an integer with all its digits."""
    is_integer = float(value).is_integer() and abs(value) < 1e7
    return f"{value:.0f}" if is_integer else f"{value:.4g}"


def format_metric(value: float, decimals: int = 4) -> str:
    """Return a value of the metric, or a difference of two, with a number of decimals."""
    return f"{value:.{decimals}f}" if abs(value) < 10 else f"{value:.4g}"


def format_interval(low: float, high: float, decimals: int = 4) -> str:
    """Return an interval of the metric, such as `0.9466 to 0.9736`."""
    return f"{format_metric(low, decimals)} to {format_metric(high, decimals)}"


def format_percent(share: float) -> str:
    """Return a share (0 to 1) as a percentage without decimals, such as `56 %`."""
    return f"{100 * share:.0f} %"


def format_names(names: Sequence[str], most: int) -> str:
    """Return names as text, `a, b and 3 more` if there are more than `most`."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
