"""The W&B runs of a study on disk, and their comparison with those on a server."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from segsweep.core.files import write_json
from segsweep.importers.logged_runs import Run
from segsweep.wandb_backend.study_runs import describe_missing, find_models, find_runs


def rows(metric: str) -> Sequence[Any]:
    return [1, 2, 3]


LOCAL = Run(
    "run",
    "finished",
    sweep="",
    config={"batch_size": 8, "_wandb.t": 1},
    summary={"dice": 0.1, "loss": float("nan"), "images._type": "images", "images.count": 2},
    history=rows,
)


def test_nothing_is_missing_from_an_equal_run() -> None:
    remote = replace(LOCAL, config={"batch_size": 8}, summary={"dice": 0.1, "loss": float("nan")})
    assert describe_missing(LOCAL, remote) == ""


def test_what_is_missing_is_named() -> None:
    assert describe_missing(LOCAL, "Could not find run") == "Could not find run"
    remote = replace(LOCAL, state="running", config={}, summary={"dice": 0.2}, history=lambda _: [])
    assert describe_missing(LOCAL, remote) == (
        "its state is running, expected finished, its config lacks batch_size, its summary lacks "
        "dice, loss, its history has 0 of 3 rows"
    )


def test_runs_of_all_job_types_and_models_are_found(tmp_path: Path) -> None:
    for folder, run_id in (("trials/000", "s-k0"), ("confirm/000", "s-confirm-k1"), ("train", "t")):
        write_json(tmp_path / folder / "metrics.json", {"key": f"key of {run_id}"})
        log = tmp_path / folder / f"wandb/offline-run-1-{run_id}/run-{run_id}.wandb"
        log.parent.mkdir(parents=True)
        log.touch()
    write_json(tmp_path / "trials/001/metrics.json", {"key": ""})
    write_json(tmp_path / "best/metrics.json", {"key": "key of s-k0"})
    (tmp_path / "best/model.safetensors").touch()
    runs, without_log = find_runs(tmp_path)
    assert [(run.id, run.job_type, run.group) for run in runs] == [
        ("s-k0", "trial", "s"),
        ("s-confirm-k1", "confirm", "s"),
        ("t", "train", None),
    ]
    assert without_log == [tmp_path / "trials/001"]
    assert find_models(tmp_path, runs) == [(tmp_path / "best", "s-k0")]
