"""Every form of a parameter returns what W&B's own engine and SciPy say it does."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import stats
from sweeps.params import HyperParameter

from segsweep.config.distributions import DIGITS, TAIL
from segsweep.config.search_space import (
    Categorical,
    Constant,
    flatten,
    form_of,
    read_space,
    to_table,
    to_wandb,
)
from segsweep.config.validation_errors import sentences
from segsweep.search.sampler import TrialResult, suggest

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
    ids=lambda value: str(value) if isinstance(value, dict) else value.dist.name,
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
    seen: list[TrialResult] = []
    for i in range(5):
        found = suggest(space, seen, [], index=i, seed=0).parameters["x"]
        assert found == parameter.snap(found)
        assert isinstance(found, int) == isinstance(parameter.snap(1.5), int)
        seen.append(TrialResult({"x": found}, float(found)))
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
        ({"min": 0.0, "max": 1.0, "scale": "log"}, "with the lower end 0, expected a lower end ab"),
        ({"distribution": "normal", "scale": "log"}, "with the lower end -3.09023, expected"),
        ({"min": 0.1, "max": 1.0, "scale": "ordered"}, "scale: found 'ordered', expected 'linear'"),
        ({"values": [1, 2], "scale": "log"}, "scale: found 'log', expected 'ordered' or 'unorder"),
        ({"values": [1, "a"], "scale": "ordered"}, "with the values [1, 'a'], expected numbers"),
        ({"value": 1, "scale": "linear"}, "unknown key 'scale'; expected one of value, distr"),
    ],
)
def test_what_does_not_hold_together_is_said(spec: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        form_of(spec).model_validate(spec)
    assert said in "\n".join(sentences(caught.value))


def test_a_distribution_that_does_not_exist_is_said() -> None:
    with pytest.raises(ValueError, match="found distribution 'gaussian', expected one of constant"):
        form_of({"distribution": "gaussian"})


@pytest.mark.parametrize("spec", NUMBERS, ids=str)
def test_a_scale_says_what_the_model_sees_and_nothing_of_what_random_draws(
    spec: dict[str, Any],
) -> None:
    (own,) = read_space({"x": spec}).values()
    assert not isinstance(own, Constant | Categorical)
    middles = {"linear": (own.low + own.high) / 2}
    if own.low > 0:
        middles["log"] = (own.low * own.high) ** 0.5
    for scale, middle in middles.items():
        (told,) = read_space({"x": spec | {"scale": scale}}).values()
        assert not isinstance(told, Constant | Categorical)
        assert told.to_unit(middle) == pytest.approx(0.5)
        assert told.from_unit(0.5) == told.snap(middle)
        assert all(told.quantile(u) == own.quantile(u) for u in np.linspace(0, 1, 33).tolist())


def test_unordered_numbers_are_seen_as_names_are() -> None:
    def next_of(spec: dict[str, Any], kind: type) -> tuple[Any, ...]:
        seen = [TrialResult({"x": kind(value)}, value / 10) for value in (1, 4)]
        found = suggest(read_space({"x": spec}), seen, [], index=2, seed=0)
        return int(found.parameters["x"]), found.why, found.mean, found.sd

    numbers = {"values": [8, 4, 1, 2]}
    unordered = next_of(numbers | {"scale": "unordered"}, int)
    assert unordered == next_of({"values": ["8", "4", "1", "2"]}, str)
    assert unordered != next_of(numbers, int)
    assert next_of(numbers | {"scale": "ordered"}, int) == next_of(numbers, int)


def test_a_scale_is_not_for_wandb() -> None:
    spec = {"values": [1, 2], "scale": "unordered"}
    (parameter,) = read_space({"x": spec}).values()
    assert to_table(parameter) == spec
    assert to_wandb(parameter) == {"values": [1, 2]}


def test_nested_parameters_have_dotted_names() -> None:
    specs = {
        "epochs": {"value": 3},
        "model": {
            "parameters": {
                "depth": {"values": [3, 4]},
                "encoder": {"parameters": {"dropout": {"min": 0.1, "max": 0.2}}},
            }
        },
    }
    assert flatten(specs) == {
        "epochs": {"value": 3},
        "model.depth": {"values": [3, 4]},
        "model.encoder.dropout": {"min": 0.1, "max": 0.2},
    }
    assert list(read_space(specs)) == list(flatten(specs))


@pytest.mark.parametrize(
    ("specs", "said"),
    [
        (
            {"a": {"parameters": {"b": {"parameters": {}}}}},
            r"^a\.b\.parameters: found {}, expected",
        ),
        ({"a": {"parameters": 3}}, r"^a\.parameters: found 3, expected a table of parameters; w"),
        ({"a": {"parameters": {"b": {}}, "min": 1}}, r"^a: found \['min'\] beside 'parameters'"),
        ({"a.b": {}, "a": {"parameters": {"b": {}}}}, r"^a\.b: found two tables, expected one"),
    ],
)
def test_a_group_that_does_not_hold_is_said(specs: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        flatten(specs)
