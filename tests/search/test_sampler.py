"""The search: pure, seeded, told the right scales, and honest about what chose."""

import json
import math
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from project import ROOT
from segsweep.config.search_space import Parameter, form_of, read_space
from segsweep.config.study import Study
from segsweep.search.encoding import unfinished
from segsweep.search.sampler import Suggestion, TrialResult, incumbent, posterior_of_trials, suggest

SPACE = Study.read(str(ROOT / "params.yaml")).sweep.parameters


def surface(p: Mapping[str, Any]) -> float:
    """A Dice with its best at learning rate 0.004, batch 4, whatever dropout and l2 are."""
    away = math.log10(p["learning_rate"] / 0.004) ** 2 + 0.1 * math.log2(p["batch_size"] / 4) ** 2
    return 0.95 - 0.2 * away


def sweep(trials: int, parallel: int = 1, **settings: Any) -> list[Suggestion]:
    done: list[Suggestion] = []
    for i in range(trials):
        ended = max(0, i - parallel + 1)
        seen = [TrialResult(s.parameters, surface(s.parameters)) for s in done[:ended]]
        flying = [s.parameters for s in done[ended:]]
        done.append(suggest(SPACE, seen, flying, index=i, seed=0, **settings))
    return done


def test_the_model_finds_what_random_search_does_not() -> None:
    def best(found: list[Suggestion]) -> float:
        return max(surface(s.parameters) for s in found)

    model = best(sweep(12))
    random = np.median(
        [
            max(
                surface(suggest(SPACE, [], [], index=i, seed=s, method="random").parameters)
                for i in range(12)
            )
            for s in range(9)
        ]
    )
    assert model > 0.945
    assert model > random


def test_what_chose_is_said_and_eight_trials_are_the_first_eight_of_twelve() -> None:
    long = sweep(8)
    assert long[0].why == "start-up"
    assert {s.why for s in long[1:]} <= {"explore", "exploit"}
    assert sweep(6) == long[:6]


def test_the_first_guess_is_the_middle_of_the_space() -> None:
    (first,) = sweep(1)
    assert first.parameters["learning_rate"] == pytest.approx(0.003)
    assert first.parameters["dropout"] == pytest.approx(0.2)
    assert first.mean is None


def test_what_is_expected_is_near_what_comes() -> None:
    for found in sweep(12)[6:]:
        assert found.mean is not None
        assert found.sd is not None
        assert abs(surface(found.parameters) - found.mean) < 4 * found.sd


def test_the_same_bits_in_another_process_under_another_hash_seed_and_thread_count() -> None:
    code = (
        "import json, sys, test_search as t;print(json.dumps([s.parameters for s in t.sweep(6)]))"
    )
    paths = os.pathsep.join(str(ROOT / p) for p in ("src", "tests", "tests/sweep"))
    settings = {"PYTHONPATH": paths, "PYTHONHASHSEED": "7", "OMP_NUM_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | settings,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == [s.parameters for s in sweep(6)]


def test_configurations_in_flight_are_not_proposed_again() -> None:
    together = sweep(10, parallel=3)
    assert len({json.dumps(s.parameters) for s in together}) == 10
    alone = suggest(
        SPACE,
        [TrialResult(s.parameters, surface(s.parameters)) for s in together[:7]],
        [],
        index=9,
        seed=0,
    )
    assert alone != together[9]


def test_enqueued_configurations_come_first() -> None:
    known = {"batch_size": 4, "learning_rate": 0.001, "dropout": 0.1, "l2_reg": 1e-5}
    found = sweep(3, enqueue=[known])
    assert found[0] == Suggestion(known, "enqueued")
    assert found[1].why in ("explore", "exploit")


def test_a_failed_trial_is_a_bad_one() -> None:
    seen = [TrialResult(s.parameters, surface(s.parameters)) for s in sweep(6)]
    failed = [*seen[:5], TrialResult(seen[5].parameters, None, "diverged")]
    worst = [*seen[:5], TrialResult(seen[5].parameters, min(o.value or 0 for o in seen[:5]))]
    assert suggest(SPACE, failed, [], index=6, seed=0) == suggest(SPACE, worst, [], index=6, seed=0)
    nothing = [TrialResult(o.parameters, None, "diverged") for o in seen]
    found = suggest(SPACE, nothing, [], index=6, seed=0)
    assert found.why == "start-up"
    assert found.parameters not in [o.parameters for o in nothing]


def test_out_of_memory_rules_out_batches_as_large_and_says_nothing_else() -> None:
    seen = [TrialResult(s.parameters, surface(s.parameters)) for s in sweep(5)]
    large = TrialResult({**seen[0].parameters, "batch_size": 8}, None, "out_of_memory")
    for index in range(6, 12):
        found = suggest(SPACE, [*seen, large], [], index=index, seed=0)
        assert found.parameters["batch_size"] < 8
    everything = [TrialResult({**seen[0].parameters, "batch_size": 2}, None, "out_of_memory")]
    assert suggest(SPACE, everything, [], index=1, seed=0).parameters["batch_size"] in (2, 4, 8, 16)


def test_a_wide_network_out_of_memory_says_nothing_of_narrow_ones() -> None:
    space = read_space(
        {"batch_size": {"values": [4, 8, 16, 32]}, "base_channels": {"values": [8, 64, 256]}}
    )
    seen = [
        TrialResult({"batch_size": 16, "base_channels": 256}, None, "out_of_memory"),
        TrialResult({"batch_size": 8, "base_channels": 8}, 0.8),
        TrialResult({"batch_size": 32, "base_channels": 8}, 0.95),
    ]
    chosen = []
    for index in range(3, 9):
        found = suggest(space, seen, [], index=index, seed=0).parameters
        assert not (found["batch_size"] >= 16 and found["base_channels"] == 256)
        chosen.append(found["batch_size"])
        seen.append(TrialResult(found, 0.9))
    assert max(chosen) >= 16


def test_a_small_space_is_tried_whole_before_anything_is_repeated() -> None:
    space = read_space({"batch_size": {"values": [2, 4]}, "depth": {"values": [1, 2, 3]}})
    seen: list[TrialResult] = []
    for i in range(7):
        found = suggest(space, seen, [], index=i, seed=0).parameters
        seen.append(TrialResult(found, float(found["batch_size"] * found["depth"])))
    tried = [tuple(o.parameters.values()) for o in seen]
    assert len(set(tried[:6])) == 6


def test_the_incumbent_is_not_the_best_observed() -> None:
    """One high value on a slope, against neighbours that agree on where the top is."""
    space = read_space(
        {"learning_rate": {"distribution": "log_uniform_values", "min": 1e-5, "max": 0.1}}
    )

    def seen(sign: float) -> list[TrialResult]:
        rates = [1e-5, 1e-4, 2.6e-4, 3e-4, 3.4e-4, 7e-4, 9e-4, 1.1e-3, 1.4e-3, 3e-3, 1e-2, 1e-1]
        values = [0.50, 0.58, 0.589, 0.59, 0.591, 0.601, 0.599, 0.6, 0.602, 0.59, 0.58, 0.50]
        values[3] = 0.604
        pairs = zip(rates, values, strict=True)
        return [TrialResult({"learning_rate": rate}, sign * value) for rate, value in pairs]

    place, mean, sd = incumbent(space, seen(1))
    assert place in (5, 6, 7, 8)
    assert mean < 0.604
    assert sd > 0
    assert incumbent(space, seen(-1), "minimize") == (place, -mean, sd)
    with pytest.raises(ValueError, match="no trial with a value"):
        incumbent(space, [TrialResult({"learning_rate": 0.1}, None)])


def test_minimising_is_maximising_the_negative() -> None:
    seen = [TrialResult(s.parameters, surface(s.parameters)) for s in sweep(5)]
    flipped = [TrialResult(o.parameters, -(o.value or 0)) for o in seen]
    up = suggest(SPACE, seen, [], index=5, seed=0)
    down = suggest(SPACE, flipped, [], index=5, seed=0, goal="minimize")
    assert up.mean is not None
    assert replace(down, mean=up.mean) == up
    assert down.mean == -up.mean


def test_numbers_have_four_digits_inside_their_range() -> None:
    for found in sweep(6) + sweep(6, method="random"):
        for name in ("learning_rate", "dropout", "l2_reg"):
            value, parameter = found.parameters[name], SPACE[name]
            assert value == float(f"{value:.4g}")
            assert parameter.min <= value <= parameter.max  # type: ignore[union-attr]


def test_a_grid_is_every_combination_once() -> None:
    space = read_space({"batch_size": {"values": [2, 4]}, "depth": {"values": [1, 2, 3]}})
    points = [suggest(space, [], [], index=i, seed=0, method="grid") for i in range(6)]
    assert [tuple(p.parameters.values()) for p in points] == [
        (2, 1), (2, 2), (2, 3), (4, 1), (4, 2), (4, 3),
    ]  # fmt: skip


def test_a_grid_after_enqueued_points_starts_at_its_first() -> None:
    space = read_space({"batch_size": {"values": [2, 4]}})
    known = [{"batch_size": 4}]
    points = [
        suggest(space, [], [], index=i, seed=0, method="grid", enqueue=known) for i in range(3)
    ]
    assert [p.parameters["batch_size"] for p in points] == [4, 2, 4]


@pytest.mark.parametrize(
    ("spec", "scale"),
    [
        ({"min": 0.00008, "max": 0.0015}, "log"),
        ({"min": 0.15, "max": 0.25}, "linear"),
        ({"min": 0.0, "max": 100.0}, "linear"),
        ({"distribution": "log_uniform_values", "min": 1.0, "max": 2.0}, "log"),
    ],
)
def test_wide_positive_ranges_are_seen_in_logarithms(spec: dict[str, Any], scale: str) -> None:
    parameter: Parameter = form_of(spec).model_validate(spec)
    assert parameter.model_scale == scale  # type: ignore[union-attr]


def stopped_early(history: tuple[float, ...]) -> TrialResult:
    return TrialResult({"learning_rate": 0.09}, None, "pruned", history)


def test_a_stopped_trial_rises_as_the_finished_ones_did_but_stays_in_doubt() -> None:
    finished = [
        TrialResult({"learning_rate": 0.001}, 0.9, history=(0.5, 0.8, 0.9)),
        TrialResult({"learning_rate": 0.01}, 0.8, history=(0.6, 0.7, 0.8)),
        TrialResult({"learning_rate": 0.02}, 0.7, history=(0.4, 0.6, 0.7)),
    ]
    rises = [0.4, 0.2, 0.3]
    expected, noise_sd = unfinished(stopped_early((0.3,)), finished, "maximize")  # type: ignore[misc]
    assert expected == pytest.approx(0.3 + np.mean(rises))
    assert noise_sd == pytest.approx(np.std(rises))
    assert unfinished(stopped_early((0.55,)), finished, "maximize")[0] == 0.8  # type: ignore[index]
    assert unfinished(stopped_early((0.85,)), finished, "maximize")[0] == 0.85  # type: ignore[index]
    assert unfinished(stopped_early((0.3,) * 4), finished, "maximize") is None


def test_the_search_stays_away_from_where_trials_were_stopped_and_hands_none_out() -> None:
    space = read_space(
        {"learning_rate": {"distribution": "log_uniform_values", "min": 1e-5, "max": 0.1}}
    )
    seen = [
        TrialResult({"learning_rate": rate}, value, history=(value - 0.3, value))
        for rate, value in ((0.0001, 0.85), (0.001, 0.9), (0.003, 0.89))
    ]
    seen += [TrialResult({"learning_rate": r}, None, "pruned", (0.2,)) for r in (0.02, 0.05, 0.09)]
    found = suggest(space, seen, [], index=6, seed=0).parameters
    assert found["learning_rate"] < 0.01
    assert incumbent(space, seen)[0] in (1, 2)


def test_stopped_trials_alone_are_places_that_are_not_tried_again() -> None:
    space = read_space({"batch_size": {"values": [2, 4, 8]}})
    seen = [TrialResult({"batch_size": 4}, None, "pruned", (0.2,))]
    assert suggest(space, seen, [], index=1, seed=0).parameters["batch_size"] in (2, 8)


def test_of_a_loser_its_own_value_stands() -> None:
    seen = [TrialResult(s.parameters, surface(s.parameters)) for s in sweep(6)]
    lost = TrialResult({**seen[0].parameters, "dropout": 0.01}, 0.01)
    told = posterior_of_trials(SPACE, [*seen, lost])
    assert told[-1] is not None
    assert told[-1][0] == 0.01
    assert all(one is not None and one[0] > 0.5 for one in told[:-1])


def test_a_constant_beside_does_not_let_anything_be_tried_twice() -> None:
    space = read_space({"batch_size": {"values": [2, 4, 8, 16]}, "dropout": {"value": 0.1}})
    seen: list[TrialResult] = []
    for i in range(4):
        found = suggest(space, seen, [], index=i, seed=0).parameters
        seen.append(TrialResult(found, 0.1 * i))
    assert {one.parameters["batch_size"] for one in seen} == {2, 4, 8, 16}
