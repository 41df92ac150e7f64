"""Sweeps straight from W&B: by its public API, or from a folder of offline runs.

An offline run is one file, `offline-run-*/run-ID.wandb`, a log of records; `files/` has neither
configuration nor summary until it is synced. `wandb leet inspect --json` prints the records. Runs
that were online keep the same file (`run-*/run-ID.wandb`). A run that was killed has no record of
its end, and perhaps no record at all.
"""

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segsweep.analysis.completed_sweep import CompletedSweep
from segsweep.config.objective import Goal
from segsweep.core.errors import UserError
from segsweep.importers.logged_runs import Asked, Run, finished_sweep
from segsweep.importers.parsing import finite, flat
from segsweep.importers.sweep_config import read_sweep_config, typed

if TYPE_CHECKING:
    from wandb.apis.public import Run as OnlineRun

Record = dict[str, Any]

MOST_EPOCHS = 10_000
"""Values of a history that are asked for; of longer ones W&B sends a sample."""

NOT_ENDED = "running or killed"
AT_ONCE = 4
TIMES = ("_runtime", "_wandb.runtime")


def read_sweep(
    path: str,
    *,
    parameters: Sequence[str] = (),
    metric: str | None = None,
    goal: Goal | None = None,
) -> CompletedSweep:
    """Read the sweep `entity/project/sweep` from the W&B server that `wandb login` knows.

    Space, metric and goal are those of the sweep's configuration where the caller names no others.
    Raises `UserError` where W&B cannot be asked, or knows no such sweep.
    """
    import wandb  # slow to import, and needed only here

    with _asking(path):
        sweep = wandb.Api().sweep(path)
        sweep.runs.upgrade_to_full()
        runs = [online_run(path, run) for run in sweep.runs]
        config = sweep.config
    asked = Asked(typed(config, path), parameters, metric, goal)
    return finished_sweep(path, runs, asked)


def read_offline(
    folder: Path,
    *,
    sweep_config: str | Path | None = None,
    parameters: Sequence[str] = (),
    metric: str | None = None,
    goal: Goal | None = None,
    sweep: str | None = None,
) -> CompletedSweep:
    """Read the offline runs in `folder` or `folder/wandb`, in the order in which they began.

    Without `sweep_config` each configuration key that varies counts as searched, and the space is
    that of the values seen; `parameters` names the keys instead. Raises `UserError` where a log
    cannot be read.
    """
    logs = offline_logs(folder)
    if not logs:
        raise UserError(
            f"{folder}: found no offline-run-*/run-*.wandb, expected W&B's offline runs"
        )
    with ThreadPoolExecutor(AT_ONCE) as pool:
        told = list(pool.map(_records, logs))
    runs = [
        _offline(records, log) for records, log in sorted(zip(told, logs, strict=True), key=_began)
    ]
    config = read_sweep_config(sweep_config) if sweep_config else None
    return finished_sweep(str(folder), runs, Asked(config, parameters, metric, goal, sweep))


def offline_logs(folder: Path) -> list[Path]:
    """The logs of all runs in a folder or its `wandb/`."""
    found = [*folder.glob("*run-*/run-*.wandb"), *folder.glob("wandb/*run-*/run-*.wandb")]
    return sorted(log for log in found if not log.parent.is_symlink())


@contextmanager
def _asking(path: str) -> Iterator[None]:
    """Turn what W&B's client raises into one sentence."""
    import wandb

    try:
        yield
    except (wandb.errors.Error, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"{path}: W&B could not be asked for the sweep ({reason}), expected "
            "entity/project/sweep of a server that `wandb login` knows"
        ) from error


def online_run(path: str, run: "OnlineRun") -> Run:
    """A run as the server has it."""
    summary = flat(run.summary_metrics)

    def history(metric: str) -> list[Any]:
        with _asking(path):
            rows = run.history(samples=MOST_EPOCHS, keys=[metric], pandas=False)
        return [row.get(metric) for row in rows]

    return Run(
        name=run.name or run.id,
        state=run.state.lower(),
        sweep="",
        config=flat(run.config),
        summary=summary,
        seconds=_seconds(summary),
        history=history,
    )


def logged_run(log: Path) -> Run:
    """A run as its log has it. Raises `UserError` where the log cannot be read."""
    return _offline(_records(log), log)


def logged_rows(log: Path) -> list[Record]:
    """The rows of a log's history, each with its `_step`."""
    return [one["history"].get("item", {}) for one in _records(log) if one["type"] == "history"]


def _offline(records: Sequence[Record], log: Path) -> Run:
    """One run: later values of a key go before earlier ones."""
    begun = _begun(records)
    config: dict[str, Any] = {}
    summary: dict[str, Any] = {}
    histories: defaultdict[str, list[Any]] = defaultdict(list)
    seconds, state = 0.0, NOT_ENDED
    for record in records:
        kind, content = record["type"], record.get(record["type"], {})
        if kind == "run":
            config |= content.get("config", {}).get("update", {})
        elif kind == "config":
            config |= content.get("update", {})
        elif kind == "summary":
            summary |= content.get("update", {})
            seconds = max(seconds, _seconds(summary) or 0.0)
        elif kind == "history":
            for name, value in content.get("item", {}).items():
                histories[name].append(value)
        elif kind == "exit":
            state = "failed" if content.get("exit_code") else "finished"
    return Run(
        name=begun.get("display_name") or begun.get("run_id") or log.parent.name,
        state=state,
        sweep=begun.get("sweep_id", ""),
        config=flat(config),
        summary=flat(summary),
        seconds=seconds or None,
        history=lambda metric: histories.get(metric, ()),
    )


def _began(told: tuple[Sequence[Record], Path]) -> tuple[str, str]:
    """What puts runs in the order in which they began."""
    records, log = told
    return _begun(records).get("start_time", "").rstrip("Z"), log.parent.name


def _begun(records: Sequence[Record]) -> Record:
    return next((one["run"] for one in records if one["type"] == "run"), {})


def _records(log: Path) -> list[Record]:
    quiet = os.environ | {"WANDB_MODE": "offline", "WANDB_ERROR_REPORTING": "false"}
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(log)]
    done = subprocess.run(command, capture_output=True, text=True, env=quiet)
    if done.returncode:
        reason = " ".join(done.stderr.split())
        raise UserError(f"{log}: cannot be read as a run of W&B ({reason}); remove it, or sync it")
    return [json.loads(line) for line in done.stdout.splitlines()]


def _seconds(summary: Mapping[str, Any]) -> float | None:
    told = [found for name in TIMES if (found := finite(summary.get(name))) is not None]
    return max(told, default=None)
