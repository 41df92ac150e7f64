"""Send the runs of a study to the user's W&B server, and see that each has arrived.

`wandb sync` ends well also where the server refused a run, so the server is asked for every run
afterwards and what it has is held against the log.
"""

import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import wandb

from segsweep.core.errors import UserError
from segsweep.core.files import read_json, sha256
from segsweep.importers.logged_runs import Run
from segsweep.importers.wandb_runs import (
    NOT_ENDED,
    logged_rows,
    logged_run,
    offline_logs,
    online_run,
)
from segsweep.wandb_backend import artifacts
from segsweep.wandb_backend.api import Server, error_in, in_a_line
from segsweep.wandb_backend.log import forget_sweep

FOLDERS = ("trials/*", "audit/*", "confirm/*", "train")
AT_ONCE, PATIENCE = 8, 60
"""Runs that one `wandb sync` sends, and the seconds that it may take for each."""
MOMENT = 3
"""Seconds in which a server comes to tell what it was sent."""
INIT_TIMEOUT, UPLOAD_TIMEOUT = 30, 600
"""Seconds that a run may take to be resumed, and then its weights to be sent."""


@dataclass(frozen=True)
class Kept:
    """A run of the study on this disk: the folder of its results, and its log."""

    folder: Path
    log: Path

    @property
    def id(self) -> str:
        return self.log.stem.removeprefix("run-")


def runs_of(results: Path) -> tuple[list[Kept], list[Path]]:
    """The runs of a study, each id once; and the folders with results that have no log."""
    found: dict[str, Kept] = {}
    without = []
    for pattern in FOLDERS:
        for metrics in sorted(results.glob(f"{pattern}/metrics.json")):
            logs = offline_logs(metrics.parent)
            if not logs:
                without.append(metrics.parent)
            for log in logs[-1:]:
                one = Kept(metrics.parent, log)
                found.setdefault(one.id, one)
    return list(found.values()), without


def send(runs: Sequence[Kept], server: Server) -> Iterator[tuple[Kept, str]]:
    """Send what the server does not have, and say of each run what it has not got of it: "" is all.

    What has arrived is not sent again; a run that is sent twice is the same run.
    """
    readable: dict[Kept, Run] = {}
    for one in runs:
        try:
            readable[one] = logged_run(one.log)
        except UserError as error:
            yield one, str(error)
    for i in range(0, len(readable), AT_ONCE):
        part = dict(list(readable.items())[i : i + AT_ONCE])
        there = {one: _there(one.id, server) for one in part}
        missing = [one for one, here in part.items() if _lacking(here, there[one])]
        begun = [one for one in missing if _has_rows(there[one])]
        said = {one: _go_on(one, part[one], server) for one in begun}
        said |= _sent([one for one in missing if one not in begun], server)
        for one, here in part.items():
            lacking = _arrived(one, here, server) if one in missing else ""
            yield one, lacking and "; ".join(filter(None, (lacking, said.get(one, ""))))


def _sent(runs: Sequence[Kept], server: Server) -> dict[Kept, str]:
    """Send runs of which the server has nothing; returns what went wrong with each.

    One that `wandb sync` does not read holds up those beside it, which are sent alone then.
    """
    if not runs:
        return {}
    said = dict.fromkeys(runs, _wandb_sync(runs, server))
    if len(runs) > 1 and any(said.values()):
        for one in runs:
            if not _has_rows(_there(one.id, server)):
                said[one] = _wandb_sync([one], server)
    return said


def _wandb_sync(runs: Sequence[Kept], server: Server) -> str:
    """Run `wandb sync` on copies, as it leaves marks beside the logs; returns what went wrong.

    The copies name no sweep, as a run of a sweep that the server does not know would be refused.
    """
    with tempfile.TemporaryDirectory(prefix="segsweep-") as scratch:
        for one in runs:
            copy = Path(scratch) / one.log.parent.name
            shutil.copytree(one.log.parent, copy)
            forget_sweep(copy / one.log.name)
        try:
            done = subprocess.run(
                [
                    *(sys.executable, "-m", "wandb", "sync", "--include-online"),
                    *("--entity", server.entity, "--project", server.project),
                    *sorted(str(path) for path in Path(scratch).iterdir()),
                ],
                env=os.environ | {"WANDB_DIR": scratch, "WANDB_SILENT": "false"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=PATIENCE * (1 + len(runs)),
            )
        except subprocess.TimeoutExpired as expired:
            return f"wandb sync had not ended after {expired.timeout:.0f} s"
    return error_in(done.stdout)


def _has_rows(there: Run | str) -> bool:
    return not isinstance(there, str) and bool(there.history("epoch"))


def _go_on(one: Kept, here: Run, server: Server) -> str:
    """Send the rest of a run of which the server has some rows; returns what went wrong.

    `wandb sync` would add all rows again. A resumed run passes over those of earlier steps.
    """

    def add(run: wandb.Run) -> None:
        for row in logged_rows(one.log):
            run.log(dict(_ours(row)), step=int(row["_step"]), commit=True)
        run.summary.update(dict(_ours(here.summary)))

    return _resumed(one.id, server, add)


def _resumed(run: str, server: Server, add: Callable[[wandb.Run], None]) -> str:
    """Resume a run that the server has, and add to it; returns what went wrong."""
    settings = wandb.Settings(
        silent=True,
        console="off",
        x_disable_stats=True,
        init_timeout=INIT_TIMEOUT,
        finish_timeout=UPLOAD_TIMEOUT,
        finish_timeout_raises=True,
    )
    with tempfile.TemporaryDirectory(prefix="segsweep-") as scratch:
        try:
            resumed = wandb.init(
                project=server.project,
                entity=server.entity,
                id=run,
                resume="must",
                dir=scratch,
                settings=settings,
            )
            add(resumed)
            resumed.finish()
        except Exception as error:  # W&B's client raises many kinds, some of them plain
            wandb.teardown()
            return in_a_line(error)
    return ""


def _arrived(one: Kept, here: Run, server: Server) -> str:
    """What the server has not got of a run that was just sent; it may take a moment to tell."""
    lacking = _lacking(here, _there(one.id, server))
    if lacking:
        time.sleep(MOMENT)
        lacking = _lacking(here, _there(one.id, server))
    return lacking


def _there(run: str, server: Server) -> Run | str:
    """A run as the server has it, or why there is none."""
    try:
        return online_run(run, server.run(run))
    except Exception as error:  # W&B's client raises many kinds, some of them plain
        return in_a_line(error)


def _lacking(here: Run, there: Run | str) -> str:
    """What the server has not got of a run, in words; "" when it has all."""
    if isinstance(there, str):
        return there
    lacking = []
    if here.state not in (there.state, NOT_ENDED):
        lacking.append(f"its state is {there.state}, expected {here.state}")
    for name, ours, theirs in (
        ("config", here.config, there.config),
        ("summary", here.summary, there.summary),
    ):
        wrong = [key for key, value in _ours(ours) if not _same(value, theirs.get(key))]
        if wrong:
            lacking.append(f"its {name} lacks {', '.join(wrong[:3])}")
    epochs = len(here.history("epoch")), len(there.history("epoch"))
    if epochs[0] != epochs[1]:
        lacking.append(f"its history has {epochs[1]} of {epochs[0]} rows")
    return ", ".join(lacking)


def _ours(table: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """What the run itself has told, without media; W&B's own keys begin with an underscore."""
    media = tuple(key.removesuffix("_type") for key in table if key.endswith("._type"))
    return [(key, value) for key, value in table.items() if not key.startswith(("_", *media))]


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=1e-12) or (one != one and other != other)
    return bool(one == other)


def join(sweep: dict[str, Any], runs: Sequence[Kept], server: Server) -> str:
    """Have the study's sweep, made where it is not, take in the trials that came without it.

    Returns what went wrong.
    """
    trials = [one.id for one in runs if one.folder.parent.name == "trials"]
    try:
        there = server.sweep(sweep, trials)
        outside, said = set(trials) - server.runs_in(there), ""
        if outside:
            said = server.take_in(there, sweep, sorted(outside))
            outside -= server.runs_in(there)
    except Exception as error:  # as above
        return in_a_line(error)
    lacking = f"it lacks {', '.join(sorted(outside))}" if outside else ""
    return lacking and "; ".join(filter(None, (lacking, said)))


def models_of(results: Path, runs: Sequence[Kept]) -> list[tuple[Path, str]]:
    """The folders whose weights go along, each with the id of the run that trained them."""
    trained_as = {read_json(one.folder / "metrics.json")["key"]: one.id for one in runs}
    found = []
    for folder in (results / "best", results / "train"):
        if (folder / "model.safetensors").exists():
            key = read_json(folder / "metrics.json")["key"]
            found += [(folder, trained_as[key])] if key in trained_as else []
    return found


def send_model(run: str, weights: Path, data: Path, server: Server) -> str:
    """Resume a run to add its weights, and the data that it used; returns what went wrong.

    What has arrived stands in the run's summary then, and is not sent again.
    """
    mark = {"model_sha256": sha256(weights)}
    there = _there(run, server)
    if not isinstance(there, str) and mark.items() <= there.summary.items():
        return ""
    metrics = read_json(weights.with_name("metrics.json"))
    aliases = ["winner"] if weights.parent.name == "best" else []

    def add(resumed: wandb.Run) -> None:
        artifacts.send_data(resumed, data)
        artifacts.send_model(resumed, weights, metrics, aliases).wait(UPLOAD_TIMEOUT)
        resumed.summary.update(mark)

    return _resumed(run, server, add)
