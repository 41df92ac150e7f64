"""Statements of high confidence are true on simulated sweeps with a known surface."""

from calibration import check_sweeps
from simulated_sweeps import FAMILIES


def test_statements_of_high_confidence_are_true() -> None:
    results = check_sweeps(first=0, count=2 * len(FAMILIES), jobs=1)
    high = [s for result in results for s in result.statements if s.certainty == "high"]
    assert len(high) >= 10
    assert sum(s.is_true for s in high) >= 0.9 * len(high), [s for s in high if not s.is_true]
