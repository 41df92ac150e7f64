"""Shares against Optuna and the truth by brute force; effects against the surface."""

from collections.abc import Mapping

import numpy as np
import optuna
import pytest

from segsweep.analysis.completed_sweep import CompletedSweep
from segsweep.analysis.importance import effects, interval
from segsweep.analysis.posterior import Worlds
from segsweep.search.encoding import placed
from synthetic_sweeps import REPORTED, like_the_report, sweep

COUNT = 120


def by_optuna(finished: CompletedSweep) -> dict[str, float]:
    space = {
        "batch_size": optuna.distributions.CategoricalDistribution((4, 8, 16)),
        "learning_rate": optuna.distributions.FloatDistribution(1e-5, 1e-3, log=True),
        "dropout": optuna.distributions.FloatDistribution(0.0, 0.5),
        "l2_reg": optuna.distributions.FloatDistribution(1e-6, 1e-3, log=True),
    }
    study = optuna.create_study(direction="maximize")
    for one in finished.trials:
        study.add_trial(
            optuna.trial.create_trial(
                params=dict(one.parameters), distributions=space, value=one.value
            )
        )
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    return optuna.importance.get_param_importances(study, evaluator=evaluator)


def steep(p: Mapping[str, float]) -> float:
    """The report's surface, over which l2 decides most and the learning rate much."""
    rate = np.log10(p["learning_rate"] / 1e-4)
    return like_the_report(p) - 0.05 * np.log10(p["l2_reg"] / 1e-4) ** 2 - 0.02 * rate**2


def truly() -> dict[str, float]:
    """Each parameter's share: the variance of the mean over all else (Saltelli's estimate)."""
    space = sweep(REPORTED, steep, 0.0, 1, 0).varied
    rng = np.random.default_rng(5)
    a, b = ([placed(space, row) for row in rng.random((20_000, len(space))).tolist()] for _ in "ab")
    values = np.array([steep(one) for one in a])
    shares = {}
    for name in space:
        mixed = [{**other, name: one[name]} for one, other in zip(a, b, strict=True)]
        with_own = np.array([steep(one) for one in mixed])
        shares[name] = float(np.cov(values, with_own)[0, 1] / values.var())
    return shares


def test_shares_hold_the_truth_and_are_in_its_order_as_optunas_are() -> None:
    finished = sweep(REPORTED, steep, 0.002, COUNT, 0, "random")
    found = {one.parameter: one.share for one in effects(Worlds(finished))}
    truth = truly()
    for name, share in found.items():
        low, high = interval(share)
        assert low - 0.02 <= truth[name] <= high + 0.02
    order = sorted(truth, key=lambda name: -truth[name])
    peer = by_optuna(finished)
    assert next(iter(found)) == order[0] == next(iter(peer))


def test_an_effect_follows_the_surface_within_its_band() -> None:
    worlds = Worlds(sweep(REPORTED, like_the_report, 0.002, COUNT, 1, "random"))
    dropout = next(one for one in effects(worlds) if one.parameter == "dropout")
    best = dropout.values[int(dropout.curve.mean(0).argmax())]
    assert best == pytest.approx(0.2, abs=0.06)
    drop = dropout.curve[:, 0] - dropout.curve.max(1)
    low, high = interval(drop)
    assert low <= -0.4 * 0.2**2 <= high
