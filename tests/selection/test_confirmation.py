"""The confirmation: intervals, sequential elimination and the selected configuration."""

import numpy as np
import pytest
from scipy import stats

from segsweep.selection.confirmation import Confirmation, Rerun, posterior_samples
from segsweep.selection.verdict import Verdict, candidate_rows, decide

COSTS = {4: 2.0, 7: 2.0, 9: 1.0}
DICE = {"name": "val_dice_coefficient", "goal": "maximize"}
LOSS = {"name": "val_loss", "goal": "minimize"}


def test_difference_of_two_distinct_candidates_agrees_with_a_t_test() -> None:
    """Shrinkage is small for distant candidates, and the sd between seeds is the pooled one."""
    rng = np.random.default_rng(1)
    first, second = 0.9 + 0.01 * rng.normal(size=8), 0.85 + 0.01 * rng.normal(size=8)
    samples = posterior_samples([first, second])
    difference = samples[:, 0] - samples[:, 1]
    expected = stats.ttest_ind(first, second).confidence_interval(0.95)
    assert np.quantile(difference, [0.025, 0.975]) == pytest.approx(list(expected), abs=0.0015)


def test_candidates_take_turns_under_the_same_seeds() -> None:
    confirmation = Confirmation([4, 7, 9], 2, 1, {})
    reruns: list[Rerun] = []
    for _ in range(3):
        reruns.append(confirmation.next_rerun(reruns))
    assert reruns == [(4, 1), (7, 1), (9, 1)]


def test_unlikely_candidate_is_dropped_and_its_runs_go_to_the_others() -> None:
    results = {(4, 1): 0.95, (7, 1): 0.951, (9, 1): 0.5, (4, 2): 0.949, (7, 2): 0.952, (9, 2): 0.51}
    confirmation = Confirmation([4, 7, 9], 3, 1, results)
    assert confirmation.remaining() == [4, 7]
    first = confirmation.next_rerun([])
    assert first == (4, 3)
    assert confirmation.next_rerun([first]) == (7, 3)
    assert confirmation.next_rerun([first, (7, 3)]) == (4, 4)


def test_nothing_new_is_trained_once_one_candidate_is_left() -> None:
    results = {(4, s): 0.95 + 0.001 * s for s in (1, 2, 3)} | {(7, 1): 0.5, (7, 2): 0.51}
    confirmation = Confirmation([4, 7], 3, 1, results)
    assert confirmation.remaining() == [4]
    assert confirmation.next_rerun([]) in results


def test_candidate_with_a_failed_rerun_is_dropped() -> None:
    confirmation = Confirmation([4, 7], 2, 1, {(4, 1): None, (7, 1): 0.9})
    assert confirmation.next_rerun([]) == (7, 2)
    results = {(4, 1): None, (7, 1): 0.9, (7, 2): 0.91}
    verdict = decide(Confirmation([4, 7], 2, 1, results), COSTS, DICE)
    assert verdict.selected == 7
    assert "no other candidate finished" in verdict.details


def decide_on(values: dict[int, list[float]]) -> tuple[Verdict, Confirmation]:
    """Decide between candidates with these values under the new seeds."""
    results: dict[Rerun, float | None] = {
        (trial, seed): value for trial, each in values.items() for seed, value in enumerate(each)
    }
    confirmation = Confirmation(list(values), 3, 0, results)
    return decide(confirmation, COSTS, DICE), confirmation


def test_clear_winner_has_an_interval_and_a_probability() -> None:
    verdict, confirmation = decide_on({4: [0.95, 0.951, 0.949], 7: [0.93, 0.931, 0.929]})
    assert verdict.is_clear_winner
    assert verdict.selected == 4
    assert verdict.headline == (
        "Trial 004 selected (validation Dice 0.950, 95 % interval 0.948 to 0.952)."
    )
    assert "P(trial 004 better than trial 007) = 100 %" in verdict.details
    rows = candidate_rows(confirmation, "maximize", {4: {"dropout": 0.1}, 7: {"dropout": 0.2}})
    assert [row["trial"] for row in rows] == [4, 7]
    assert rows[0]["low"] < rows[0]["estimated_mean"] < rows[0]["high"]
    assert rows[0]["observed_mean"] == pytest.approx(0.95)
    assert rows[0]["probability_best"] + rows[1]["probability_best"] == pytest.approx(1)


def test_cheapest_of_indistinguishable_candidates_is_selected() -> None:
    verdict, confirmation = decide_on(
        {4: [0.95, 0.94, 0.96], 7: [0.949, 0.941, 0.957], 9: [0.948, 0.943, 0.958]}
    )
    assert not verdict.is_clear_winner
    assert sorted(verdict.not_distinguishable) == [4, 7, 9]
    assert verdict.selected == 9
    assert verdict.headline.startswith("No clear winner among trials 0")
    assert "; 009 selected (validation Dice 0.9" in verdict.headline
    assert "it is the cheapest to train" in verdict.details
    assert confirmation.probability_better(4, 9) < 0.9


def test_loss_is_shown_in_its_own_sign() -> None:
    results: dict[Rerun, float | None] = {(4, s): -0.1 - 0.001 * s for s in range(3)}
    results |= {(7, s): -0.3 - 0.001 * s for s in range(3)}
    confirmation = Confirmation([4, 7], 3, 0, results)
    rows = candidate_rows(confirmation, "minimize", {4: {}, 7: {}})
    assert rows[0]["estimated_mean"] == pytest.approx(0.101, abs=0.01)
    verdict = decide(confirmation, COSTS, LOSS)
    assert verdict.selected == 4
    assert verdict.headline.startswith("Trial 004 selected (validation loss 0.10")


def test_without_seeds_the_first_candidate_is_selected_unconfirmed() -> None:
    verdict = decide(Confirmation([7, 4], 3, 1, {}), COSTS, DICE)
    assert verdict.selected == 7
    assert "without confirmation" in verdict.headline
    assert "no new seeds were requested" in verdict.details
