"""Trials of an earlier study: which of them are used, and how they change the search."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from project import ROOT
from segsweep.config.search_space import read_space
from segsweep.config.study import Study
from segsweep.core.errors import UserError
from segsweep.search.sampler import suggest
from segsweep.search.trial_result import TrialResult
from segsweep.search.warm_start import MAX_EARLIER_TRIALS, prior_from_leaderboard

SPACE = Study.read(str(ROOT / "params.yaml")).sweep.parameters
METRIC = {"name": "val_dice_coefficient", "goal": "maximize"}
HEADER = "status,val_dice_coefficient,batch_size,learning_rate,dropout,l2_reg\n"


def leaderboard(folder: Path, *lines: str, header: str = HEADER) -> str:
    path = folder / "leaderboard.csv"
    path.write_text(header + "".join(f"{line}\n" for line in lines))
    return str(path)


def test_values_are_read_with_their_types(tmp_path: Path) -> None:
    prior = prior_from_leaderboard(
        leaderboard(tmp_path, "finished,0.9,4,0.001,0.1,1e-05"), SPACE, METRIC
    )
    (trial,) = prior.trials
    assert trial == TrialResult(
        {"batch_size": 4, "learning_rate": 0.001, "dropout": 0.1, "l2_reg": 1e-5}, 0.9
    )
    assert type(trial.parameters["batch_size"]) is int
    assert prior.left_out == {}


def test_trials_that_do_not_fit_are_counted_by_reason(tmp_path: Path) -> None:
    path = leaderboard(
        tmp_path,
        "finished,0.9,4,0.001,0.1,1e-05",
        "finished,0.8,64,0.001,0.1,1e-05",
        "finished,0.7,32,0.001,0.1,1e-05",
        "finished,0.7,4,0.9,0.9,1e-05",
        "diverged,,4,0.001,0.1,1e-05",
        "finished,,4,0.001,0.1,1e-05",
        "finished,nan,4,0.001,0.1,1e-05",
        "finished",
        "finished,0.7,4,0.001,0.1,",
    )
    prior = prior_from_leaderboard(path, SPACE, METRIC)
    assert len(prior.trials) == 1
    assert prior.left_out == {
        "a value outside this study's range of batch_size": 2,
        "a value outside this study's range of learning_rate, dropout": 1,
        "status diverged": 1,
        "no number as val_dice_coefficient": 3,
        "a value outside this study's range of l2_reg": 1,
    }


def test_integers_written_with_a_point_are_read_as_integers(tmp_path: Path) -> None:
    (trial,) = prior_from_leaderboard(
        leaderboard(tmp_path, "finished,0.9,4.0,1e-3,0.1,1e-05"), SPACE, METRIC
    ).trials
    assert trial.parameters["batch_size"] == 4
    assert type(trial.parameters["batch_size"]) is int


def test_of_many_trials_some_of_all_ranks_are_used(tmp_path: Path) -> None:
    lines = [f"finished,{i / 200},4,0.001,0.1,1e-05" for i in range(120)]
    prior = prior_from_leaderboard(leaderboard(tmp_path, *lines), SPACE, METRIC)
    values = [trial.value for trial in prior.trials]
    assert len(values) == MAX_EARLIER_TRIALS
    assert max(values) == 119 / 200  # type: ignore[type-var]
    assert min(values) == 0  # type: ignore[type-var]
    assert sum(prior.left_out.values()) == 120 - MAX_EARLIER_TRIALS


@pytest.mark.parametrize(
    ("lines", "header", "message"),
    [
        (["1,2"], "a,b\n", "no column batch_size, dropout"),
        ([], HEADER, "no column"),
        (["failed,,4,0.001,0.1,1e-05"], HEADER, "no trial that this study can use"),
    ],
)
def test_an_unusable_file_gives_one_sentence(
    tmp_path: Path, lines: list[str], header: str, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        prior_from_leaderboard(leaderboard(tmp_path, *lines, header=header), SPACE, METRIC)


SPACE_2D = read_space(
    {
        "learning_rate": {"distribution": "log_uniform_values", "min": 1e-5, "max": 1e-1},
        "dropout": {"min": 0.0, "max": 0.5},
    }
)


def dice(p: Mapping[str, Any], best: float) -> float:
    """Return a Dice whose optimum is at learning rate 10**`best` and dropout 0.3."""
    return 0.9 - 0.1 * (math.log10(p["learning_rate"]) - best) ** 2 - (p["dropout"] - 0.3) ** 2


def study(best: float, offset: float = 0.0) -> list[TrialResult]:
    """Return 25 random trials of a study with this optimum."""
    drawn = [
        suggest(SPACE_2D, [], [], index=i, seed=3, method="random").parameters for i in range(25)
    ]
    return [TrialResult(p, dice(p, best) + offset) for p in drawn]


def searched(earlier: list[TrialResult], trials: int) -> list[float]:
    """Return the values of a sweep that starts from `earlier`; its optimum is at 10**-1.8."""
    observed: list[TrialResult] = []
    for i in range(trials):
        parameters = suggest(SPACE_2D, observed, [], index=i, seed=0, earlier=earlier).parameters
        observed.append(TrialResult(parameters, dice(parameters, -1.8)))
    return [trial.value for trial in observed if trial.value is not None]


def test_a_related_study_gives_a_good_first_trial_despite_an_offset() -> None:
    assert searched([], 1)[0] < 0.8
    assert searched(study(-1.9, offset=-0.4), 1)[0] > 0.86


def test_a_misleading_study_loses_its_influence() -> None:
    misled = searched(study(-4.5), 12)
    assert misled[0] < 0.5
    assert max(misled) > 0.895
