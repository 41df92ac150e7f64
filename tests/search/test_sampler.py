"""The sampler: reproducible, better than random search, and correct for special trials."""

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
from segsweep.config.search_space import read_space
from segsweep.config.study import Study
from segsweep.search.sampler import Suggestion, TrialResult, incumbent, posterior, suggest

SPACE = Study.read(str(ROOT / "params.yaml")).sweep.parameters


def surface(p: Mapping[str, Any]) -> float:
    """Return a Dice with its optimum at learning rate 0.004 and batch size 4."""
    distance = (
        math.log10(p["learning_rate"] / 0.004) ** 2 + 0.1 * math.log2(p["batch_size"] / 4) ** 2
    )
    return 0.95 - 0.2 * distance


def sweep(trials: int, parallel: int = 1, **settings: Any) -> list[Suggestion]:
    """Run a sweep on `surface`."""
    done: list[Suggestion] = []
    for i in range(trials):
        ended = max(0, i - parallel + 1)
        observed = [TrialResult(s.parameters, surface(s.parameters)) for s in done[:ended]]
        in_flight = [s.parameters for s in done[ended:]]
        done.append(suggest(SPACE, observed, in_flight, index=i, seed=0, **settings))
    return done


def test_the_model_beats_random_search() -> None:
    model = max(surface(s.parameters) for s in sweep(12))
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


def test_a_short_sweep_equals_the_start_of_a_long_one() -> None:
    long = sweep(8)
    assert long[0].chosen_by == "start-up"
    assert {s.chosen_by for s in long[1:]} <= {"explore", "exploit"}
    assert sweep(6) == long[:6]


def test_the_first_trial_is_the_middle_of_the_space() -> None:
    (first,) = sweep(1)
    assert first.parameters["learning_rate"] == pytest.approx(0.003)
    assert first.parameters["dropout"] == pytest.approx(0.2)
    assert first.mean is None


def test_expected_values_are_near_the_true_ones() -> None:
    for suggestion in sweep(12)[6:]:
        assert suggestion.mean is not None
        assert suggestion.sd is not None
        assert abs(surface(suggestion.parameters) - suggestion.mean) < 4 * suggestion.sd


def test_another_process_with_other_hash_seed_and_threads_gives_the_same_bits() -> None:
    code = "import json, test_sampler as t;print(json.dumps([s.parameters for s in t.sweep(6)]))"
    paths = os.pathsep.join(str(ROOT / p) for p in ("src", "tests", "tests/search"))
    settings = {"PYTHONPATH": paths, "PYTHONHASHSEED": "7", "OMP_NUM_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | settings,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == [s.parameters for s in sweep(6)]


def test_running_configurations_are_not_suggested_again() -> None:
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
    suggestions = sweep(3, enqueue=[known])
    assert suggestions[0] == Suggestion(known, "enqueued")
    assert suggestions[1].chosen_by in ("explore", "exploit")


def test_a_failed_trial_counts_as_the_worst() -> None:
    observed = [TrialResult(s.parameters, surface(s.parameters)) for s in sweep(6)]
    failed = [*observed[:5], TrialResult(observed[5].parameters, None, "diverged")]
    worst = [
        *observed[:5],
        TrialResult(observed[5].parameters, min(o.value or 0 for o in observed[:5])),
    ]
    assert suggest(SPACE, failed, [], index=6, seed=0) == suggest(SPACE, worst, [], index=6, seed=0)
    nothing = [TrialResult(o.parameters, None, "diverged") for o in observed]
    suggestion = suggest(SPACE, nothing, [], index=6, seed=0)
    assert suggestion.chosen_by == "start-up"
    assert suggestion.parameters not in [o.parameters for o in nothing]


def test_out_of_memory_excludes_batches_of_that_size_and_larger() -> None:
    observed = [TrialResult(s.parameters, surface(s.parameters)) for s in sweep(5)]
    large = TrialResult({**observed[0].parameters, "batch_size": 8}, None, "out_of_memory")
    for index in range(6, 12):
        suggestion = suggest(SPACE, [*observed, large], [], index=index, seed=0)
        assert suggestion.parameters["batch_size"] < 8
    smallest = [TrialResult({**observed[0].parameters, "batch_size": 2}, None, "out_of_memory")]
    assert suggest(SPACE, smallest, [], index=1, seed=0).parameters["batch_size"] in (2, 4, 8, 16)


def test_out_of_memory_of_a_wide_network_does_not_exclude_narrow_ones() -> None:
    space = read_space(
        {"batch_size": {"values": [4, 8, 16, 32]}, "base_channels": {"values": [8, 64, 256]}}
    )
    observed = [
        TrialResult({"batch_size": 16, "base_channels": 256}, None, "out_of_memory"),
        TrialResult({"batch_size": 8, "base_channels": 8}, 0.8),
        TrialResult({"batch_size": 32, "base_channels": 8}, 0.95),
    ]
    chosen = []
    for index in range(3, 9):
        parameters = suggest(space, observed, [], index=index, seed=0).parameters
        assert not (parameters["batch_size"] >= 16 and parameters["base_channels"] == 256)
        chosen.append(parameters["batch_size"])
        observed.append(TrialResult(parameters, 0.9))
    assert max(chosen) >= 16


def test_a_small_space_is_tried_completely_before_repeating() -> None:
    space = read_space({"batch_size": {"values": [2, 4]}, "depth": {"values": [1, 2, 3]}})
    observed: list[TrialResult] = []
    for i in range(7):
        parameters = suggest(space, observed, [], index=i, seed=0).parameters
        observed.append(
            TrialResult(parameters, float(parameters["batch_size"] * parameters["depth"]))
        )
    tried = [tuple(o.parameters.values()) for o in observed]
    assert len(set(tried[:6])) == 6


def test_the_incumbent_is_not_the_best_observed() -> None:
    """One high value on a slope, while its neighbours show where the optimum is."""
    space = read_space(
        {"learning_rate": {"distribution": "log_uniform_values", "min": 1e-5, "max": 0.1}}
    )

    def trials(sign: float) -> list[TrialResult]:
        rates = [1e-5, 1e-4, 2.6e-4, 3e-4, 3.4e-4, 7e-4, 9e-4, 1.1e-3, 1.4e-3, 3e-3, 1e-2, 1e-1]
        values = [0.50, 0.58, 0.589, 0.59, 0.591, 0.601, 0.599, 0.6, 0.602, 0.59, 0.58, 0.50]
        values[3] = 0.604
        pairs = zip(rates, values, strict=True)
        return [TrialResult({"learning_rate": rate}, sign * value) for rate, value in pairs]

    best, mean, sd = incumbent(space, trials(1))
    assert best in (5, 6, 7, 8)
    assert mean < 0.604
    assert sd > 0
    assert incumbent(space, trials(-1), "minimize") == (best, -mean, sd)
    with pytest.raises(ValueError, match="no trial with a value"):
        incumbent(space, [TrialResult({"learning_rate": 0.1}, None)])


def test_minimizing_equals_maximizing_the_negative() -> None:
    observed = [TrialResult(s.parameters, surface(s.parameters)) for s in sweep(5)]
    flipped = [TrialResult(o.parameters, -(o.value or 0)) for o in observed]
    up = suggest(SPACE, observed, [], index=5, seed=0)
    down = suggest(SPACE, flipped, [], index=5, seed=0, goal="minimize")
    assert up.mean is not None
    assert replace(down, mean=up.mean) == up
    assert down.mean == -up.mean


def test_numbers_have_four_digits_and_lie_in_their_range() -> None:
    for suggestion in sweep(6) + sweep(6, method="random"):
        for name in ("learning_rate", "dropout", "l2_reg"):
            value, parameter = suggestion.parameters[name], SPACE[name]
            assert value == float(f"{value:.4g}")
            assert parameter.min <= value <= parameter.max  # type: ignore[union-attr]


def test_a_grid_has_every_combination_once() -> None:
    space = read_space({"batch_size": {"values": [2, 4]}, "depth": {"values": [1, 2, 3]}})
    points = [suggest(space, [], [], index=i, seed=0, method="grid") for i in range(6)]
    assert [tuple(p.parameters.values()) for p in points] == [
        (2, 1), (2, 2), (2, 3), (4, 1), (4, 2), (4, 3),
    ]  # fmt: skip


def test_a_grid_starts_after_the_enqueued_configurations() -> None:
    space = read_space({"batch_size": {"values": [2, 4]}})
    known = [{"batch_size": 4}]
    points = [
        suggest(space, [], [], index=i, seed=0, method="grid", enqueue=known) for i in range(3)
    ]
    assert [p.parameters["batch_size"] for p in points] == [4, 2, 4]


def test_a_clipped_trial_keeps_its_own_value() -> None:
    observed = [TrialResult(s.parameters, surface(s.parameters)) for s in sweep(6)]
    clipped = TrialResult({**observed[0].parameters, "dropout": 0.01}, 0.01)
    posteriors = posterior(SPACE, [*observed, clipped])
    assert posteriors[-1] is not None
    assert posteriors[-1][0] == 0.01
    assert all(p is not None and p[0] > 0.5 for p in posteriors[:-1])


def test_a_constant_parameter_does_not_cause_repetitions() -> None:
    space = read_space({"batch_size": {"values": [2, 4, 8, 16]}, "dropout": {"value": 0.1}})
    observed: list[TrialResult] = []
    for i in range(4):
        parameters = suggest(space, observed, [], index=i, seed=0).parameters
        observed.append(TrialResult(parameters, 0.1 * i))
    assert {trial.parameters["batch_size"] for trial in observed} == {2, 4, 8, 16}
