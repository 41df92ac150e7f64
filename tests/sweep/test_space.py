"""Every form of a parameter returns what W&B's own engine and SciPy say it does."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import stats
from sweeps.params import HyperParameter

from segsweep.study.errors import sentences
from segsweep.sweep.distributions import DIGITS, TAIL
from segsweep.sweep.search import Observation, suggest
from segsweep.sweep.space import Categorical, Constant, form_of, read_space

NUMBERS: list[dict[str, Any]] = [
    {"min": 1, "max": 12},
    {"min": 0.5, "max": 3},
    {"distribution": "uniform", "min": -2, "max": 5},
    {"distribution": "q_uniform", "min": 0.0, "max": 1.0, "q": 0.25},
    {"distribution": "q_uniform", "min": 3, "max": 40, "q": 8},
    {"distribution": "log_uniform", "min": -7, "max": -2},
    {"distribution": "log_uniform_values", "min": 0.0001, "max": 0.1},
    {"distribution": "inv_log_uniform", "min": 1.0, "max": 4.0},
    {"distribution": "inv_log_uniform_values", "min": 0.001, "max": 0.5},
    {"distribution": "q_log_uniform", "min": 0, "max": 5, "q": 4},
    {"distribution": "q_log_uniform_values", "min": 2.0, "max": 300.0, "q": 2},
    {"distribution": "normal", "mu": 3.0, "sigma": 0.5},
    {"distribution": "normal"},
    {"distribution": "q_normal", "mu": 10.0, "sigma": 3.0, "q": 2},
    {"distribution": "log_normal", "mu": -5.0, "sigma": 0.7},
    {"distribution": "q_log_normal", "mu": 3.0, "sigma": 0.4, "q": 0.5},
    {"distribution": "beta", "a": 2.0, "b": 5.0},
    {"distribution": "q_beta", "a": 2.0, "b": 2.0, "q": 0.1},
]


@pytest.mark.parametrize("spec", NUMBERS, ids=str)
def test_quantiles_are_those_of_wandbs_engine(spec: dict[str, Any]) -> None:
    (parameter,) = read_space({"x": spec}).values()
    assert not isinstance(parameter, Constant | Categorical)
    theirs = HyperParameter("x", dict(spec))
    for u in np.linspace(TAIL + 1e-6, 1 - TAIL - 1e-6, 97):
        found, expected = parameter.quantile(float(u)), float(np.asarray(theirs.ppf(u)))
        q = spec.get("q")
        if q and not parameter.low <= expected <= parameter.high:
            assert abs(found - expected) <= q  # a multiple beyond the last within the range
        else:
            assert found == pytest.approx(expected, rel=2 * 10.0 ** (1 - DIGITS))


@pytest.mark.parametrize(
    ("spec", "law"),
    [
        ({"min": 2.0, "max": 6.0}, stats.uniform(2, 4)),
        (
            {"distribution": "log_uniform_values", "min": 0.001, "max": 10.0},
            stats.loguniform(0.001, 10),
        ),
        ({"distribution": "log_uniform", "min": -6.0, "max": 0.0}, stats.loguniform(np.exp(-6), 1)),
        (
            {"distribution": "inv_log_uniform", "min": 0.0, "max": 6.0},
            stats.loguniform(np.exp(-6), 1),
        ),
        ({"distribution": "normal", "mu": 1.0, "sigma": 2.0}, stats.norm(1, 2)),
        (
            {"distribution": "log_normal", "mu": -4.0, "sigma": 0.5},
            stats.lognorm(0.5, scale=np.exp(-4)),
        ),
        ({"distribution": "beta", "a": 2.0, "b": 5.0}, stats.beta(2, 5)),
    ],
    ids=str,
)
def test_random_draws_follow_scipys_law(spec: dict[str, Any], law: Any) -> None:
    space = read_space({"x": spec})
    drawn = [suggest(space, [], [], index=i, seed=1, method="random") for i in range(400)]
    assert stats.kstest([s.parameters["x"] for s in drawn], law.cdf).pvalue > 0.01


def test_probabilities_are_what_random_draws_by() -> None:
    space = read_space({"x": {"values": ["a", "b", "c"], "probabilities": [0.6, 0.4, 0.0]}})
    drawn = [suggest(space, [], [], index=i, seed=0, method="random") for i in range(300)]
    names = [s.parameters["x"] for s in drawn]
    counts = [names.count(name) for name in "abc"]
    assert counts[2] == 0
    assert stats.chisquare(counts[:2], [180, 120]).pvalue > 0.01


@pytest.mark.parametrize("spec", NUMBERS, ids=str)
def test_the_model_suggests_what_the_form_allows(spec: dict[str, Any]) -> None:
    space = read_space({"x": spec})
    parameter = space["x"]
    assert not isinstance(parameter, Constant | Categorical)
    seen: list[Observation] = []
    for i in range(5):
        found = suggest(space, seen, [], index=i, seed=0).parameters["x"]
        assert found == parameter.snap(found)
        assert isinstance(found, int) == isinstance(parameter.snap(1.5), int)
        seen.append(Observation({"x": found}, float(found)))
    assert suggest(space, seen, [], index=5, seed=0).why in ("explore", "exploit")


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"values": [1, 2], "probabilities": [0.5]}, "found 1 probabilities for 2 values"),
        ({"values": [1, 2], "probabilities": [0.5, 0.6]}, "with the sum 1.1, expected 1"),
        ({"distribution": "log_uniform_values", "min": 0.0, "max": 1.0}, "expected a min above 0"),
        ({"distribution": "log_uniform", "min": 1.0, "max": 4000.0}, "write distribution log_unif"),
        ({"distribution": "normal", "sigma": 0.0}, "sigma: found 0.0"),
        (
            {"distribution": "q_uniform", "min": 0, "max": 4, "q": 0},
            "found q 0, expected a step above 0",
        ),
        ({"distribution": "uniform", "min": 0.0}, "the key 'max' is missing"),
        ({"distribution": "normal", "min": 0.0, "max": 1.0}, "unknown key 'min'"),
        ({"min": 3.0, "max": 1.0}, "expected min below max"),
    ],
)
def test_what_does_not_hold_together_is_said(spec: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        form_of(spec).model_validate(spec)
    assert said in "\n".join(sentences(caught.value))


def test_a_distribution_that_does_not_exist_is_said() -> None:
    with pytest.raises(ValueError, match="found distribution 'gaussian', expected one of constant"):
        form_of({"distribution": "gaussian"})
