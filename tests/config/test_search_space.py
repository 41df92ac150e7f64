"""Each type of parameter draws what W&B's engine and SciPy draw."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import stats
from sweeps.params import HyperParameter

from segsweep.config.distributions import TAIL
from segsweep.config.number import DIGITS
from segsweep.config.search_space import (
    Categorical,
    Constant,
    flatten,
    parameter_type,
    read_space,
    to_table,
    to_wandb,
)
from segsweep.config.validation import sentences
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
def test_quantiles_equal_those_of_wandbs_engine(spec: dict[str, Any]) -> None:
    (parameter,) = read_space({"x": spec}).values()
    assert not isinstance(parameter, Constant | Categorical)
    wandb = HyperParameter("x", dict(spec))
    for u in np.linspace(TAIL + 1e-6, 1 - TAIL - 1e-6, 97):
        value, expected = parameter.quantile(float(u)), float(np.asarray(wandb.ppf(u)))
        q = spec.get("q")
        if q and not parameter.low <= expected <= parameter.high:
            assert abs(value - expected) <= q  # the nearest multiple is outside the range
        else:
            assert value == pytest.approx(expected, rel=2 * 10.0 ** (1 - DIGITS))


@pytest.mark.parametrize(
    ("spec", "distribution"),
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
def test_random_draws_follow_scipys_distribution(spec: dict[str, Any], distribution: Any) -> None:
    space = read_space({"x": spec})
    drawn = [suggest(space, [], [], index=i, seed=1, method="random") for i in range(400)]
    assert stats.kstest([s.parameters["x"] for s in drawn], distribution.cdf).pvalue > 0.01


def test_random_draws_follow_the_probabilities() -> None:
    space = read_space({"x": {"values": ["a", "b", "c"], "probabilities": [0.6, 0.4, 0.0]}})
    drawn = [suggest(space, [], [], index=i, seed=0, method="random") for i in range(300)]
    names = [s.parameters["x"] for s in drawn]
    counts = [names.count(name) for name in "abc"]
    assert counts[2] == 0
    assert stats.chisquare(counts[:2], [180, 120]).pvalue > 0.01


@pytest.mark.parametrize("spec", NUMBERS, ids=str)
def test_the_sampler_suggests_only_allowed_values(spec: dict[str, Any]) -> None:
    space = read_space({"x": spec})
    parameter = space["x"]
    assert not isinstance(parameter, Constant | Categorical)
    trials: list[TrialResult] = []
    for i in range(5):
        value = suggest(space, trials, [], index=i, seed=0).parameters["x"]
        assert value == parameter.snap(value)
        assert isinstance(value, int) == isinstance(parameter.snap(1.5), int)
        trials.append(TrialResult({"x": value}, float(value)))
    assert suggest(space, trials, [], index=5, seed=0).chosen_by in ("explore", "exploit")


@pytest.mark.parametrize(
    ("spec", "message"),
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
def test_inconsistent_specs_are_refused(spec: dict[str, Any], message: str) -> None:
    model = parameter_type(spec)
    with pytest.raises(ValidationError) as caught:
        model.model_validate(spec)
    assert message in "\n".join(sentences(caught.value, model))


def test_an_unknown_distribution_is_refused() -> None:
    with pytest.raises(ValueError, match="found distribution 'gaussian', expected one of constant"):
        parameter_type({"distribution": "gaussian"})


@pytest.mark.parametrize("spec", NUMBERS, ids=str)
def test_a_scale_changes_what_the_model_sees_but_not_random_draws(
    spec: dict[str, Any],
) -> None:
    (default,) = read_space({"x": spec}).values()
    assert not isinstance(default, Constant | Categorical)
    middles = {"linear": (default.low + default.high) / 2}
    if default.low > 0:
        middles["log"] = (default.low * default.high) ** 0.5
    for scale, middle in middles.items():
        (scaled,) = read_space({"x": spec | {"scale": scale}}).values()
        assert not isinstance(scaled, Constant | Categorical)
        assert scaled.to_unit(middle) == pytest.approx(0.5)
        assert scaled.from_unit(0.5) == scaled.snap(middle)
        assert all(
            scaled.quantile(u) == default.quantile(u) for u in np.linspace(0, 1, 33).tolist()
        )


@pytest.mark.parametrize(
    ("spec", "scale"),
    [
        ({"min": 0.00008, "max": 0.0015}, "log"),
        ({"min": 0.15, "max": 0.25}, "linear"),
        ({"min": 0.0, "max": 100.0}, "linear"),
        ({"distribution": "log_uniform_values", "min": 1.0, "max": 2.0}, "log"),
    ],
)
def test_wide_positive_ranges_have_a_log_scale(spec: dict[str, Any], scale: str) -> None:
    (parameter,) = read_space({"x": spec}).values()
    assert parameter.model_scale == scale  # type: ignore[union-attr]


def test_unordered_numbers_are_treated_like_text() -> None:
    def next_trial(spec: dict[str, Any], kind: type) -> tuple[Any, ...]:
        trials = [TrialResult({"x": kind(value)}, value / 10) for value in (1, 4)]
        chosen = suggest(read_space({"x": spec}), trials, [], index=2, seed=0)
        return int(chosen.parameters["x"]), chosen.chosen_by, chosen.mean, chosen.sd

    numbers = {"values": [8, 4, 1, 2]}
    unordered = next_trial(numbers | {"scale": "unordered"}, int)
    assert unordered == next_trial({"values": ["8", "4", "1", "2"]}, str)
    assert unordered != next_trial(numbers, int)
    assert next_trial(numbers | {"scale": "ordered"}, int) == next_trial(numbers, int)


def test_wandb_gets_no_scale() -> None:
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
    ("specs", "message"),
    [
        (
            {"a": {"parameters": {"b": {"parameters": {}}}}},
            r"^a\.b\.parameters: found {}, expected",
        ),
        ({"a": {"parameters": 3}}, r"^a\.parameters: found 3, expected a table of parameters; w"),
        ({"a": {"parameters": {"b": {}}, "min": 1}}, r"^a: found \['min'\] next to 'parameters'"),
        ({"a.b": {}, "a": {"parameters": {"b": {}}}}, r"^a\.b: found two tables, expected one"),
    ],
)
def test_an_invalid_group_is_refused(specs: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        flatten(specs)
