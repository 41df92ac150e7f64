"""An earlier study's trials: read as far as they fit, posterior_of_trials as far as they agree."""

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
from segsweep.search.warm_start import MOST, read_prior

SPACE = Study.read(str(ROOT / "params.yaml")).sweep.parameters
METRIC = {"name": "val_dice_coefficient", "goal": "maximize"}
HEADER = "status,val_dice_coefficient,batch_size,learning_rate,dropout,l2_reg\n"


def written(folder: Path, *lines: str, header: str = HEADER) -> str:
    path = folder / "leaderboard.csv"
    path.write_text(header + "".join(f"{line}\n" for line in lines))
    return str(path)


def test_values_come_back_with_their_types(tmp_path: Path) -> None:
    prior = read_prior(written(tmp_path, "finished,0.9,4,0.001,0.1,1e-05"), SPACE, METRIC)
    (one,) = prior.trials
    assert one == TrialResult(
        {"batch_size": 4, "learning_rate": 0.001, "dropout": 0.1, "l2_reg": 1e-5}, 0.9
    )
    assert type(one.parameters["batch_size"]) is int
    assert prior.left_out == {}


def test_what_does_not_fit_is_left_out_and_counted(tmp_path: Path) -> None:
    path = written(
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
    prior = read_prior(path, SPACE, METRIC)
    assert len(prior.trials) == 1
    assert prior.left_out == {
        "no value of this study's range as batch_size": 2,
        "no value of this study's range as learning_rate, dropout": 1,
        "status diverged": 1,
        "no number as val_dice_coefficient": 3,
        "no value of this study's range as l2_reg": 1,
    }


def test_whole_numbers_written_with_a_point_are_the_studys_values(tmp_path: Path) -> None:
    (one,) = read_prior(written(tmp_path, "finished,0.9,4.0,1e-3,0.1,1e-05"), SPACE, METRIC).trials
    assert one.parameters["batch_size"] == 4
    assert type(one.parameters["batch_size"]) is int


def test_of_many_trials_some_of_every_rank_are_used(tmp_path: Path) -> None:
    lines = [f"finished,{i / 200},4,0.001,0.1,1e-05" for i in range(120)]
    prior = read_prior(written(tmp_path, *lines), SPACE, METRIC)
    values = [one.value for one in prior.trials]
    assert len(values) == MOST
    assert max(values) == 119 / 200  # type: ignore[type-var]
    assert min(values) == 0  # type: ignore[type-var]
    assert sum(prior.left_out.values()) == 120 - MOST


@pytest.mark.parametrize(
    ("lines", "header", "said"),
    [
        (["1,2"], "a,b\n", "no column batch_size, dropout"),
        ([], HEADER, "no column"),
        (["failed,,4,0.001,0.1,1e-05"], HEADER, "no trial that this study can use"),
    ],
)
def test_a_file_of_no_use_is_one_sentence(
    tmp_path: Path, lines: list[str], header: str, said: str
) -> None:
    with pytest.raises(UserError, match=said):
        read_prior(written(tmp_path, *lines, header=header), SPACE, METRIC)


LINE = read_space(
    {
        "learning_rate": {"distribution": "log_uniform_values", "min": 1e-5, "max": 1e-1},
        "dropout": {"min": 0.0, "max": 0.5},
    }
)


def dice(p: Mapping[str, Any], best: float) -> float:
    return 0.9 - 0.1 * (math.log10(p["learning_rate"]) - best) ** 2 - (p["dropout"] - 0.3) ** 2


def study(best: float, offset: float = 0.0) -> list[TrialResult]:
    drawn = [suggest(LINE, [], [], index=i, seed=3, method="random").parameters for i in range(25)]
    return [TrialResult(p, dice(p, best) + offset) for p in drawn]


def searched(earlier: list[TrialResult], trials: int) -> list[float]:
    seen: list[TrialResult] = []
    for i in range(trials):
        found = suggest(LINE, seen, [], index=i, seed=0, earlier=earlier).parameters
        seen.append(TrialResult(found, dice(found, -1.8)))
    return [one.value for one in seen if one.value is not None]


def test_a_related_study_shows_the_place_at_once_whatever_its_offset() -> None:
    assert searched([], 1)[0] < 0.8
    assert searched(study(-1.9, offset=-0.4), 1)[0] > 0.86


def test_a_misleading_study_is_soon_overruled() -> None:
    misled = searched(study(-4.5), 12)
    assert misled[0] < 0.5
    assert max(misled) > 0.895
