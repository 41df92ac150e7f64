"""The W&B runs of a finished study on disk, and what a server lacks of them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segsweep.core.files import read_json
from segsweep.importers.runs import Run
from segsweep.importers.wandb_runs import NOT_ENDED, offline_logs

JOB_TYPES = {"trials/*": "trial", "audit/*": "audit", "confirm/*": "confirm", "train": "train"}
"""Folders of a study's results with W&B runs, and W&B's job types of these runs."""


@dataclass(frozen=True)
class StudyRun:
    """A W&B run on disk: its results folder, its log and its job type."""

    folder: Path
    log: Path
    job_type: str

    @property
    def id(self) -> str:
        return self.log.stem.removeprefix("run-")

    @property
    def group(self) -> str | None:
        """W&B's group: the id of the sweep, with which the ids of its runs begin."""
        return None if self.job_type == "train" else self.id.split("-")[0]


def find_runs(results: Path) -> tuple[list[StudyRun], list[Path]]:
    """Return the runs of a study, each id once, and the results folders without a W&B log."""
    runs: dict[str, StudyRun] = {}
    without_log = []
    for pattern, job_type in JOB_TYPES.items():
        for metrics in sorted(results.glob(f"{pattern}/metrics.json")):
            logs = offline_logs(metrics.parent)
            if logs:
                run = StudyRun(metrics.parent, logs[-1], job_type)
                runs.setdefault(run.id, run)
            else:
                without_log.append(metrics.parent)
    return list(runs.values()), without_log


def find_models(results: Path, runs: Sequence[StudyRun]) -> list[tuple[Path, str]]:
    """Return the folders with weights to upload, each with the id of the run that trained them."""
    run_ids = {read_json(run.folder / "metrics.json")["key"]: run.id for run in runs}
    models = []
    for folder in (results / "best", results / "train"):
        if (folder / "model.safetensors").exists():
            key = read_json(folder / "metrics.json")["key"]
            models += [(folder, run_ids[key])] if key in run_ids else []
    return models


def describe_missing(local: Run, remote: Run | str) -> str:
    """Return what the server lacks of a run; "" if it has everything.

    Args:
        local: The run as its log has it.
        remote: The run as the server has it, or the reason why it has none.
    """
    if isinstance(remote, str):
        return remote
    missing = []
    if local.state not in (remote.state, NOT_ENDED):
        missing.append(f"its state is {remote.state}, expected {local.state}")
    for name, expected, actual in (
        ("config", local.config, remote.config),
        ("summary", local.summary, remote.summary),
    ):
        wrong = [k for k, v in own_values(expected).items() if not _is_same(v, actual.get(k))]
        if wrong:
            missing.append(f"its {name} lacks {', '.join(wrong[:3])}")
    expected_rows, rows = len(local.history("epoch")), len(remote.history("epoch"))
    if rows != expected_rows:
        missing.append(f"its history has {rows} of {expected_rows} rows")
    return ", ".join(missing)


def own_values(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the training logged, without media and without W&B's own keys (`_...`)."""
    media = tuple(key.removesuffix("_type") for key in table if key.endswith("._type"))
    return {key: value for key, value in table.items() if not key.startswith(("_", *media))}


def _is_same(expected: Any, actual: Any) -> bool:
    if isinstance(expected, float) and isinstance(actual, int | float):
        both_nan = expected != expected and actual != actual
        return both_nan or math.isclose(expected, actual, rel_tol=1e-12)
    return bool(expected == actual)
