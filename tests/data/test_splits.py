"""Stratified splits by group, and their numbers of images."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segsweep.data.split_foreground import find_splits_without_foreground
from segsweep.data.splits import (
    find_far_shares,
    find_too_few_groups,
    split_groups,
)


@given(
    st.dictionaries(st.text(min_size=1), st.floats(0, 1), min_size=3, max_size=60),
    st.floats(0.01, 0.6),
    st.floats(0.01, 0.39),
    st.integers(0, 2**32 - 1),
)
def test_every_split_has_a_group_and_order_does_not_matter(
    shares: dict[str, float], validation: float, test: float, seed: int
) -> None:
    split_of = split_groups(shares, validation, test, seed)
    assert set(split_of) == set(shares)
    assert set(split_of.values()) == {"train", "validation", "test"}
    assert split_groups(dict(reversed(shares.items())), validation, test, seed) == split_of


def test_splits_are_stratified_by_foreground() -> None:
    """The mean of the validation split is closer to the whole mean than with random draws."""
    shares = {f"g{i:02d}": (i / 30) ** 3 for i in range(30)}
    mean = float(np.mean(list(shares.values())))

    def distance(groups: list[str]) -> float:
        return abs(float(np.mean([shares[g] for g in groups])) - mean)

    stratified, random = [], []
    for seed in range(200):
        split_of = split_groups(shares, 0.2, 0.2, seed)
        stratified.append(distance([g for g, split in split_of.items() if split == "validation"]))
        drawn = np.random.default_rng(seed).choice(list(shares), 6, replace=False)
        random.append(distance(list(drawn)))
    assert np.mean(stratified) < 0.6 * np.mean(random)
    assert len({tuple(split_groups(shares, 0.2, 0.2, seed).items()) for seed in range(20)}) > 15


def test_too_few_groups_are_an_issue() -> None:
    (issue,) = find_too_few_groups(["a", "b", "b"])
    assert "found 2 groups" in issue.found
    assert "more patients" in issue.todo
    assert "found 1 group of" in find_too_few_groups(["a"])[0].found
    assert find_too_few_groups(["a", "b", "c"]) == []
    assert find_too_few_groups(["a", "b"], {"a": "train", "b": "test"})[0].found.endswith(
        "found 0 groups of images without a split, expected at least 1 (validation)"
    )
    assert find_too_few_groups(["a", "b", "c"], {"a": "test"}) == []


def count(split_of: dict[str, str], sizes: dict[str, int]) -> dict[str, int]:
    images = dict.fromkeys(("train", "validation", "test"), 0)
    for group, split in split_of.items():
        images[split] += sizes[group]
    return images


def test_first_draw_counts_if_it_is_near_the_fractions() -> None:
    shares = {f"g{i:02d}": i / 20 for i in range(20)}
    for seed in range(20):
        first = split_groups(shares, 0.2, 0.15, seed)
        assert split_groups(shares, 0.2, 0.15, seed, dict.fromkeys(shares, 4)) == first


def test_further_draws_follow_if_a_large_group_is_held_out() -> None:
    sizes = {"large": 14, "b": 4, "c": 4}
    shares = dict.fromkeys(sizes, 0.1)
    firsts = []
    for seed in range(10):
        arguments = (shares, 0.15, 0.15, seed, sizes)
        split_of = split_groups(*arguments)
        assert count(split_of, sizes) == {"train": 14, "validation": 4, "test": 4}
        assert find_far_shares(split_of, *arguments) == []
        firsts.append(split_groups(shares, 0.15, 0.15, seed)["large"])
    assert set(firsts) == {"train", "validation", "test"}


def test_few_large_and_many_small_groups_can_be_split() -> None:
    sizes = {f"s{i}": 1 for i in range(50)} | {f"l{i}": 50 for i in range(3)}
    arguments = (dict.fromkeys(sizes, 0.1), 0.2, 0.15, 0, sizes)
    split_of = split_groups(*arguments)
    assert find_far_shares(split_of, *arguments) == []
    assert set(split_of.values()) == {"train", "validation", "test"}


@pytest.mark.parametrize("sizes", [[1, 1, 1], [7, 7, 7], [1, 1, 1, 2], [3, 3, 3, 12, 3, 3]])
def test_rounding_of_few_groups_is_not_far(sizes: list[int]) -> None:
    named = {f"g{i}": size for i, size in enumerate(sizes)}
    for seed in range(5):
        arguments = (dict.fromkeys(named, 0.1), 0.2, 0.15, seed, named)
        assert find_far_shares(split_groups(*arguments), *arguments) == []


def test_shares_far_from_the_fractions_are_an_error_with_fractions_that_work() -> None:
    sizes = {"patient1": 96, "b": 1, "c": 3}
    shares = dict.fromkeys(sizes, 0.1)
    arguments = (shares, 0.2, 0.15, 0, sizes)
    (issue,) = find_far_shares(split_groups(*arguments), *arguments)
    assert issue.severity == "dataset"
    assert "train 96% (65%)" in issue.found
    assert "patient1, has 96%" in issue.found
    advice = re.search(
        r"validation_fraction: (\S+) and preprocess.test_fraction: (\S+) ", issue.todo
    )
    assert advice
    again = (shares, float(advice[1]), float(advice[2]), 0, sizes)
    assert find_far_shares(split_groups(*again), *again) == []


def test_groups_without_a_split_are_drawn_for_the_missing_ones() -> None:
    shares = {f"train/{i:02d}": i / 20 for i in range(20)} | {"test/a": 0.1, "test/b": 0.2}
    given = {"test/a": "test", "test/b": "test"}
    sizes = dict.fromkeys(shares, 1)
    split_of = split_groups(shares, 0.2, 0.2, 0, sizes, given)
    assert count(split_of, sizes) == {"train": 15, "validation": 5, "test": 2}
    assert split_of["test/a"] == "test"
    assert find_far_shares(split_of, shares, 0.2, 0.2, 0, sizes, given) == []


def test_given_splits_are_never_checked() -> None:
    given = {"a": "train", "b": "validation", "c": "test"}
    sizes = {"a": 1, "b": 97, "c": 2}
    arguments = (dict.fromkeys(given, 0.1), 0.2, 0.2, 0, sizes, given)
    assert split_groups(*arguments) == given
    assert find_far_shares(given, *arguments) == []


@given(
    st.lists(st.integers(1, 60), min_size=3, max_size=25),
    st.floats(0.05, 0.4),
    st.floats(0.05, 0.4),
    st.integers(0, 99),
)
def test_every_split_has_a_group_for_all_sizes(
    sizes: list[int], validation: float, test: float, seed: int
) -> None:
    named = {f"g{i}": size for i, size in enumerate(sizes)}
    split_of = split_groups(dict.fromkeys(named, 0.1), validation, test, seed, named)
    assert set(split_of) == set(named)
    assert set(split_of.values()) == {"train", "validation", "test"}


@pytest.mark.parametrize(
    ("foreground", "given", "todo"),
    [
        ({"a": 0.1, "b": 0.2, "c": 0.0}, {}, "give smaller groups"),
        ({"a": 0.1, "b": 0.2, "c": 0.0, "d": 0.3}, {}, "choose another preprocess.seed"),
        ({"a": 0.1, "b": 0.2, "c": 0.0}, {"c": "test"}, "add images with foreground to it"),
        ({"a": 0.0, "b": 0.2, "c": 0.0}, {"b": "test"}, "give smaller groups"),
    ],
)
def test_the_advice_for_a_split_without_foreground_can_be_followed(
    foreground: dict[str, float], given: dict[str, str], todo: str
) -> None:
    split_of = {"a": "train", "b": "validation", "c": "test", "d": "train"} | given
    split_of = {group: split_of[group] for group in foreground}
    issues = find_splits_without_foreground(split_of, foreground, given)
    assert issues
    assert all(issue.kind == "no_foreground" and todo in issue.todo for issue in issues)


def test_splits_with_foreground_are_no_issue() -> None:
    split_of = {"a": "train", "b": "validation", "c": "test", "d": "test"}
    shares = {"a": 0.1, "b": 0.2, "c": 0.0, "d": 0.3}
    assert find_splits_without_foreground(split_of, shares, {}) == []
    issues = find_splits_without_foreground(split_of, dict.fromkeys(split_of, 0.0), {})
    assert {issue.todo.split(" in ")[0] for issue in issues} == {"give masks"}
    assert len(issues) == 3
