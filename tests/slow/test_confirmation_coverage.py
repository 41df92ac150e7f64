"""Coverage of the confirmation's interval for the selected candidate."""

from collections.abc import Sequence

import numpy as np
import pytest

from segsweep.selection.confirmation import Confirmation, Rerun


def simulate(truth: Sequence[float], seed_sd: float, seeds: int, seed: int) -> Confirmation:
    """Confirm candidates 0, 1, ... with these true means."""
    rng = np.random.default_rng(seed)
    results: dict[Rerun, float | None] = {}
    confirmation = Confirmation(range(len(truth)), seeds, 1, results)
    for _ in range(len(truth) * seeds):
        trial, number = confirmation.next_rerun([])
        if (trial, number) not in results:
            results[trial, number] = float(truth[trial] + seed_sd * rng.normal())
    return confirmation


@pytest.mark.parametrize("spread", [0.0, 1.0, 5.0])
def test_interval_of_the_best_candidate_covers_its_true_mean(spread: float) -> None:
    """The best candidate is selected by the same values that its interval is computed from."""
    rng = np.random.default_rng(0)
    covered = []
    for seed in range(100):
        truth = spread * rng.normal(size=3)
        summaries = simulate(truth, 1.0, 3, seed).summaries().values()
        best = max(summaries, key=lambda s: s.mean)
        covered.append(best.low <= truth[best.trial] <= best.high)
    assert np.mean(covered) >= 0.9
