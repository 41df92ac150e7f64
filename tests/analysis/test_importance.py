"""Importance is compared with Optuna and with a Monte Carlo estimate; effects with the surface."""

from collections.abc import Mapping

import numpy as np
import optuna
import pytest

from segsweep.analysis.completed_sweep import CompletedSweep
from segsweep.analysis.importance import main_effects
from segsweep.analysis.intervals import interval
from segsweep.analysis.posterior import PosteriorSamples
from segsweep.search.surrogate import decode
from synthetic_sweeps import REPORTED, report_surface, sweep

COUNT = 120


def optuna_importances(finished: CompletedSweep) -> dict[str, float]:
    space = {
        "batch_size": optuna.distributions.CategoricalDistribution((4, 8, 16)),
        "learning_rate": optuna.distributions.FloatDistribution(1e-5, 1e-3, log=True),
        "dropout": optuna.distributions.FloatDistribution(0.0, 0.5),
        "l2_reg": optuna.distributions.FloatDistribution(1e-6, 1e-3, log=True),
    }
    study = optuna.create_study(direction="maximize")
    for trial in finished.trials:
        study.add_trial(
            optuna.trial.create_trial(
                params=dict(trial.parameters), distributions=space, value=trial.value
            )
        )
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    return optuna.importance.get_param_importances(study, evaluator=evaluator)


def steep(p: Mapping[str, float]) -> float:
    """A surface on which l2_reg matters most, then the learning rate."""
    rate = np.log10(p["learning_rate"] / 1e-4)
    return report_surface(p) - 0.05 * np.log10(p["l2_reg"] / 1e-4) ** 2 - 0.02 * rate**2


def true_shares() -> dict[str, float]:
    """Return the true first-order share of each parameter (Saltelli's estimator)."""
    space = sweep(REPORTED, steep, 0.0, 1, 0).varied
    rng = np.random.default_rng(5)
    a, b = ([decode(space, row) for row in rng.random((20_000, len(space))).tolist()] for _ in "ab")
    values = np.array([steep(point) for point in a])
    shares = {}
    for name in space:
        mixed = [{**other, name: point[name]} for point, other in zip(a, b, strict=True)]
        with_own = np.array([steep(point) for point in mixed])
        shares[name] = float(np.cov(values, with_own)[0, 1] / values.var())
    return shares


def test_intervals_contain_the_true_shares_and_the_first_parameter_matches_optuna() -> None:
    finished = sweep(REPORTED, steep, 0.002, COUNT, 0, "random")
    shares = {effect.parameter: effect.share for effect in main_effects(PosteriorSamples(finished))}
    truth = true_shares()
    for name, share in shares.items():
        low, high = interval(share)
        assert low - 0.02 <= truth[name] <= high + 0.02
    order = sorted(truth, key=lambda name: -truth[name])
    by_optuna = optuna_importances(finished)
    assert next(iter(shares)) == order[0] == next(iter(by_optuna))


def test_the_interval_of_an_effect_contains_the_true_difference() -> None:
    samples = PosteriorSamples(sweep(REPORTED, report_surface, 0.002, COUNT, 1, "random"))
    dropout = next(e for e in main_effects(samples) if e.parameter == "dropout")
    best = dropout.values[int(dropout.curve.mean(0).argmax())]
    assert best == pytest.approx(0.2, abs=0.06)
    drop = dropout.curve[:, 0] - dropout.curve.max(1)
    low, high = interval(drop)
    assert low <= -0.4 * 0.2**2 <= high
