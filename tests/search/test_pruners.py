"""Pruning thresholds: `hyperband` compared with W&B's engine, and `pace`."""

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
    """Return finished trials with these values after each epoch."""
    return [TrialResult({}, max(curve), history=tuple(curve)) for curve in curves]


def wandb_stops(settings: dict[str, Any], others: list[list[float]], own: list[float]) -> bool:
    """Return whether W&B's engine stops a trial.

    It counts logged values from 0, so band 3 is the fourth value.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import sweeps

    def run(name: str, state: str, curve: list[float]) -> Any:
        history = [{"dice": value} for value in (0.0, *curve)]
        return sweeps.SweepRun(name=name, state=state, sampledHistory=history, config={})

    config = {
        "method": "random",
        "metric": {"name": "dice", "goal": "maximize"},
        "early_terminate": {"type": "hyperband", **settings},
        "parameters": {"x": {"value": 1}},
    }
    runs = [run(str(i), "finished", curve) for i, curve in enumerate(others)]
    stopped = sweeps.stop_runs(config, [*runs, run("own", "running", own)])
    return [run.name for run in stopped] == ["own"]


@pytest.mark.parametrize("settings", HYPERBANDS, ids=str)
def test_hyperband_prunes_the_trials_that_wandbs_engine_stops(settings: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    pruned = 0
    for _ in range(60):
        lengths = rng.integers(1, 13, rng.integers(1, 9))
        others = [np.sort(rng.random(n)).tolist() for n in lengths]
        own = np.sort(rng.random(rng.integers(1, 13))).tolist()
        pruner = Hyperband(type="hyperband", **settings)
        thresholds = PruningThresholds(
            values=pruning_thresholds(pruner, ended(*others), "maximize")
        )
        rows = [{thresholds.metric: value} for value in own]
        failed = thresholds.first_failed_epoch(rows, 99)
        reported = [own[: epoch + 1] for epoch in range(len(own))]
        expected = any(wandb_stops(settings, others, so_far) for so_far in reported)
        assert expected == (failed is not None)
        pruned += expected
    assert 5 < pruned < 60


def test_the_first_trial_has_no_thresholds() -> None:
    assert pruning_thresholds(Hyperband(type="hyperband", min_iter=1), [], "maximize") == {}
    assert pruning_thresholds(Pace(type="pace"), [], "maximize") == {}
    assert pruning_thresholds(Pace(type="pace"), ended([0.1, 0.2]), "maximize") == {}


def test_pace_is_set_by_the_slowest_good_trial() -> None:
    quick, slow, bad = [0.8, 0.81, 0.9], [0.1, 0.7, 0.95], [0.5, 0.5, 0.5]
    thresholds = pruning_thresholds(
        Pace(type="pace", min_iter=1), ended(quick, bad, slow), "maximize"
    )
    assert thresholds == {1: 0.1, 2: 0.7, 3: 0.9}
    later = pruning_thresholds(Pace(type="pace", min_iter=2), ended(quick, bad, slow), "maximize")
    assert later == {2: 0.7, 3: 0.9}


def test_with_more_trials_the_good_ones_are_a_fraction() -> None:
    curves = [[i / 20, i / 10] for i in range(8)]
    assert (
        pruning_thresholds(Pace(type="pace", min_iter=1, share=0.5), ended(*curves), "maximize")[1]
        == 4 / 20
    )


def test_a_loss_must_be_below_its_threshold() -> None:
    losses = [
        TrialResult({}, min(c), history=tuple(c)) for c in ([0.9, 0.2], [0.5, 0.3], [0.9, 0.8])
    ]
    values = pruning_thresholds(Pace(type="pace", min_iter=1), losses, "minimize")
    assert values == {1: 0.9, 2: 0.3}
    thresholds = PruningThresholds("val_loss", "minimize", values=values)
    assert thresholds.first_failed_epoch([{"val_loss": 0.95}], 2) == 1
    assert thresholds.first_failed_epoch([{"val_loss": 0.85}], 2) is None


def test_pruned_trials_set_no_pace_but_count_as_trials() -> None:
    finished = ended([0.5, 0.9], [0.4, 0.8], [0.3, 0.7])
    pruned = [TrialResult({}, None, "pruned", (0.2,))] * 9
    pruner = Pace(type="pace", min_iter=1)
    assert pruning_thresholds(pruner, finished, "maximize")[1] == 0.4
    assert pruning_thresholds(pruner, [*pruned, *finished], "maximize")[1] == 0.3


@pytest.mark.parametrize(
    ("spec", "message"),
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
def test_wrong_settings_are_refused(spec: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_pruner(spec)


def test_the_number_of_bands_is_limited() -> None:
    assert Hyperband(type="hyperband", min_iter=3).bands(5000)[-1] == 3 * 3**6
    assert Hyperband(type="hyperband", min_iter=1, eta=1e6).bands(10**7) == [1, 10**6]
    assert Hyperband(type="hyperband", max_iter=27, s=900).bands(100) == [1, 3, 9]
