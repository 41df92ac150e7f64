"""The winner of a race is not taken at its word: its interval holds its true value."""

from collections.abc import Sequence

import numpy as np
import pytest

from segsweep.selection.confirmation import Race, Run


def raced(truth: Sequence[float], luck: float, seeds: int, seed: int) -> Race:
    """A whole race between candidates 0, 1, ... of these true means."""
    rng = np.random.default_rng(seed)
    results: dict[Run, float | None] = {}
    race = Race(range(len(truth)), seeds, 1, results)
    for _ in range(len(truth) * seeds):
        trial, number = race.next([])
        if (trial, number) not in results:
            results[trial, number] = float(truth[trial] + luck * rng.normal())
    return race


@pytest.mark.parametrize("spread", [0.0, 1.0, 5.0])
def test_the_winners_interval_holds_its_true_value(spread: float) -> None:
    """Though the winner was chosen by the same values."""
    rng = np.random.default_rng(0)
    held = []
    for seed in range(100):
        truth = spread * rng.normal(size=3)
        best = max(raced(truth, 1.0, 3, seed).standings().values(), key=lambda s: s.mean)
        held.append(best.low <= truth[best.trial] <= best.high)
    assert np.mean(held) >= 0.9
