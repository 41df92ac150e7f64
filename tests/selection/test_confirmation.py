"""The race and the verdict: intervals that hold the truth, turns that go to who may still win."""

import numpy as np
import pytest
from scipy import stats

from segsweep.selection.confirmation import Race, Run, beats, posterior
from segsweep.selection.verdict import Verdict, decide, table

COSTS = {4: 2.0, 7: 2.0, 9: 1.0}


def test_two_candidates_that_differ_clearly_are_as_a_t_test_has_them() -> None:
    """Far apart the common mean pulls little, and the model's luck is the pooled one."""
    rng = np.random.default_rng(1)
    one, other = 0.9 + 0.01 * rng.normal(size=8), 0.85 + 0.01 * rng.normal(size=8)
    drawn = posterior([one, other])
    difference = drawn[:, 0] - drawn[:, 1]
    expected = stats.ttest_ind(one, other).confidence_interval(0.95)
    assert np.quantile(difference, [0.025, 0.975]) == pytest.approx(list(expected), abs=0.0015)


def test_candidates_take_turns_under_the_same_seeds() -> None:
    race = Race([4, 7, 9], 2, 1, {})
    runs: list[Run] = []
    for _ in range(3):
        runs.append(race.next(runs))
    assert runs == [(4, 1), (7, 1), (9, 1)]


def test_a_hopeless_candidate_is_dropped_and_its_turns_go_to_the_others() -> None:
    known = {(4, 1): 0.95, (7, 1): 0.951, (9, 1): 0.5, (4, 2): 0.949, (7, 2): 0.952, (9, 2): 0.51}
    race = Race([4, 7, 9], 3, 1, known)
    assert race.survivors() == [4, 7]
    first = race.next([])
    assert first == (4, 3)
    assert race.next([first]) == (7, 3)
    assert race.next([first, (7, 3)]) == (4, 4)


def test_when_one_is_left_with_its_seeds_nothing_new_is_trained() -> None:
    known = {(4, s): 0.95 + 0.001 * s for s in (1, 2, 3)} | {(7, 1): 0.5, (7, 2): 0.51}
    race = Race([4, 7], 3, 1, known)
    assert race.survivors() == [4]
    assert race.next([]) in known


def test_one_that_fails_under_a_new_seed_is_out() -> None:
    race = Race([4, 7], 2, 1, {(4, 1): None, (7, 1): 0.9})
    assert race.next([]) == (7, 2)
    verdict = decide(
        Race([4, 7], 2, 1, {(4, 1): None, (7, 1): 0.9, (7, 2): 0.91}), COSTS, "maximize"
    )
    assert verdict.winner == 7
    assert "No other could be compared" in verdict.sentence


def verdict_of(values: dict[int, list[float]]) -> tuple[Verdict, Race]:
    known: dict[Run, float | None] = {
        (trial, seed): value for trial, each in values.items() for seed, value in enumerate(each)
    }
    race = Race(list(values), 3, 0, known)
    return decide(race, COSTS, "maximize"), race


def test_a_clear_winner_is_named_with_its_interval_and_by_how_sure() -> None:
    verdict, race = verdict_of({4: [0.95, 0.951, 0.949], 7: [0.93, 0.931, 0.929]})
    assert verdict.apart
    assert verdict.winner == 4
    assert verdict.sentence.startswith("Trial 004 is the winner: 0.9")
    assert "beats the second, trial 007" in verdict.sentence
    rows = table(race, "maximize", {4: {"dropout": 0.1}, 7: {"dropout": 0.2}})
    assert [row["trial"] for row in rows] == [4, 7]
    assert rows[0]["low"] < rows[0]["mean"] < rows[0]["high"]
    assert rows[0]["probability_best"] + rows[1]["probability_best"] == pytest.approx(1)


def test_equals_are_called_equal_and_the_cheapest_is_chosen() -> None:
    verdict, race = verdict_of(
        {4: [0.95, 0.94, 0.96], 7: [0.949, 0.941, 0.957], 9: [0.948, 0.943, 0.958]}
    )
    assert not verdict.apart
    assert sorted(verdict.equals) == [4, 7, 9]
    assert verdict.winner == 9
    assert "cannot be told apart" in verdict.sentence
    assert "the cheapest to train" in verdict.sentence
    standings = race.standings()
    assert beats(standings[4], standings[9], race) < 0.9


def test_a_loss_is_told_in_its_own_sign() -> None:
    known: dict[Run, float | None] = {(4, s): -0.1 - 0.001 * s for s in range(3)}
    known |= {(7, s): -0.3 - 0.001 * s for s in range(3)}
    race = Race([4, 7], 3, 0, known)
    assert table(race, "minimize", {4: {}, 7: {}})[0]["mean"] == pytest.approx(0.101, abs=0.01)
    assert decide(race, COSTS, "minimize").winner == 4


def test_without_seeds_the_sweeps_best_stands_unconfirmed() -> None:
    verdict = decide(Race([7, 4], 3, 1, {}), COSTS, "maximize")
    assert verdict.winner == 7
    assert "is not confirmed" in verdict.sentence
