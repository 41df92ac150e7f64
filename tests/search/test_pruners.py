"""The bars of a trial: W&B's hyperband against W&B's own engine, and our pace."""

import warnings
from typing import Any

import numpy as np
import pytest

from segsweep.config.pruner import Hyperband, Pace, read_pruner
from segsweep.search.pruners import pruning_thresholds
from segsweep.search.trial_result import TrialResult
from segsweep.training.pruning import PruningThresholds

HYPERBANDS = [
    {"min_iter": 1},
    {"min_iter": 2, "eta": 2},
    {"min_iter": 3, "eta": 1.5},
    {"max_iter": 27, "s": 2},
    {"max_iter": 12, "s": 3, "eta": 2},
]


def ended(*curves: list[float]) -> list[TrialResult]:
    return [TrialResult({}, max(curve), history=tuple(curve)) for curve in curves]


def wandb_stops(rule: dict[str, Any], others: list[list[float]], own: list[float]) -> bool:
    """W&B's engine counts what is logged from 0: band 3 is the fourth value."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import sweeps

    def run(name: str, state: str, curve: list[float]) -> Any:
        history = [{"dice": value} for value in (0.0, *curve)]
        return sweeps.SweepRun(name=name, state=state, sampledHistory=history, config={})

    config = {
        "method": "random",
        "metric": {"name": "dice", "goal": "maximize"},
        "early_terminate": {"type": "hyperband", **rule},
        "parameters": {"x": {"value": 1}},
    }
    runs = [run(str(i), "finished", curve) for i, curve in enumerate(others)]
    stopped = sweeps.stop_runs(config, [*runs, run("own", "running", own)])
    return [one.name for one in stopped] == ["own"]


@pytest.mark.parametrize("rule", HYPERBANDS, ids=str)
def test_hyperband_stops_whom_wandbs_engine_stops(rule: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    stops = 0
    for _ in range(60):
        lengths = rng.integers(1, 13, rng.integers(1, 9))
        others = [np.sort(rng.random(n)).tolist() for n in lengths]
        own = np.sort(rng.random(rng.integers(1, 13))).tolist()
        bars = PruningThresholds(
            values=pruning_thresholds(
                Hyperband(type="hyperband", **rule), ended(*others), "maximize"
            )
        )
        missed = bars.first_failed_epoch([{bars.metric: value} for value in own], 99)
        reported = [own[: epoch + 1] for epoch in range(len(own))]
        theirs = any(wandb_stops(rule, others, so_far) for so_far in reported)
        assert theirs == (missed is not None)
        stops += theirs
    assert 5 < stops < 60


def test_the_first_trial_has_no_bars() -> None:
    assert pruning_thresholds(Hyperband(type="hyperband", min_iter=1), [], "maximize") == {}
    assert pruning_thresholds(Pace(type="pace"), [], "maximize") == {}
    assert pruning_thresholds(Pace(type="pace"), ended([0.1, 0.2]), "maximize") == {}


def test_the_pace_is_that_of_the_slowest_good_one() -> None:
    quick, slow, bad = [0.8, 0.81, 0.9], [0.1, 0.7, 0.95], [0.5, 0.5, 0.5]
    bars = pruning_thresholds(Pace(type="pace", min_iter=1), ended(quick, bad, slow), "maximize")
    assert bars == {1: 0.1, 2: 0.7, 3: 0.9}
    later = pruning_thresholds(Pace(type="pace", min_iter=2), ended(quick, bad, slow), "maximize")
    assert later == {2: 0.7, 3: 0.9}


def test_with_more_trials_the_good_ones_are_a_share() -> None:
    curves = [[i / 20, i / 10] for i in range(8)]
    assert (
        pruning_thresholds(Pace(type="pace", min_iter=1, share=0.5), ended(*curves), "maximize")[1]
        == 4 / 20
    )


def test_a_loss_is_held_against_the_bar_from_above() -> None:
    losses = [
        TrialResult({}, min(c), history=tuple(c)) for c in ([0.9, 0.2], [0.5, 0.3], [0.9, 0.8])
    ]
    values = pruning_thresholds(Pace(type="pace", min_iter=1), losses, "minimize")
    assert values == {1: 0.9, 2: 0.3}
    bars = PruningThresholds("val_loss", "minimize", values=values)
    assert bars.first_failed_epoch([{"val_loss": 0.95}], 2) == 1
    assert bars.first_failed_epoch([{"val_loss": 0.85}], 2) is None


def test_stopped_trials_set_no_pace_but_count_as_trials() -> None:
    finished = ended([0.5, 0.9], [0.4, 0.8], [0.3, 0.7])
    stopped = [TrialResult({}, None, "pruned", (0.2,))] * 9
    rule = Pace(type="pace", min_iter=1)
    assert pruning_thresholds(rule, finished, "maximize")[1] == 0.4
    assert pruning_thresholds(rule, [*stopped, *finished], "maximize")[1] == 0.3


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("hyperband", "expected a table"),
        ({"type": "median"}, "found 'median'"),
        ({"type": "hyperband"}, "min_iter"),
        ({"type": "hyperband", "max_iter": 9}, "max_iter with s"),
        ({"type": "hyperband", "min_iter": 1, "max_iter": 9, "s": 2}, "either min_iter"),
        ({"type": "hyperband", "min_iter": 1, "eta": 1}, "greater than 1"),
        ({"type": "pace", "share": 0}, "greater than 0"),
    ],
    ids=str,
)
def test_a_wrong_rule_is_refused(spec: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_pruner(spec)


def test_no_number_of_epochs_is_too_many_for_the_bands() -> None:
    assert Hyperband(type="hyperband", min_iter=3).bands(5000)[-1] == 3 * 3**6
    assert Hyperband(type="hyperband", min_iter=1, eta=1e6).bands(10**7) == [1, 10**6]
    assert Hyperband(type="hyperband", max_iter=27, s=900).bands(100) == [1, 3, 9]
