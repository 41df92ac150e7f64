"""Read sweeps from W&B's public API, or from a folder of offline runs.

An offline run is one file, `offline-run-*/run-ID.wandb`, a log of records; `files/` has neither
configuration nor summary until the run is synced. `wandb leet inspect --json` prints the records.
Online runs keep the same file (`run-*/run-ID.wandb`). A run that was killed has no record of its
end, and may have no records at all.
"""

import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from segsweep.analysis.completed_sweep import CompletedSweep
from segsweep.core.errors import UserError
from segsweep.core.json_format import load_json
from segsweep.core.scratch import scratch_variables, wandb_api_scratch, wandb_scratch
from segsweep.importers.logged_runs import sweep_from_runs
from segsweep.importers.parsing import finite, flatten
from segsweep.importers.runs import Notes, Run
from segsweep.importers.sweep_config import ReadOptions, parse_sweep_config, sweep_config_of

if TYPE_CHECKING:
    from wandb.apis.public import Run as OnlineRun

Record = dict[str, Any]

MAX_EPOCHS = 10_000
"""Values of a history that are requested; W&B sends a sample of a longer one."""

NOT_ENDED = "running or killed"
THREADS = 4
TIME_KEYS = ("_runtime", "_wandb.runtime")


@wandb_api_scratch()
def read_online(path: str, **options: Unpack[ReadOptions]) -> CompletedSweep:
    """Read the sweep `entity/project/sweep` from the W&B server of `wandb login`.

    Space, metric and goal are those of the sweep's configuration unless `options` have others.

    Raises:
        UserError: The server cannot be reached, or has no such sweep.
    """
    import wandb  # slow to import, and needed only here

    with _api_errors(path):
        sweep = wandb.Api().sweep(path)
        sweep.runs.upgrade_to_full()
        runs = [online_run(path, run) for run in sweep.runs]
        config = sweep.config
    return sweep_from_runs(runs, parse_sweep_config(config, path), options, Notes(path))


def read_offline(folder: Path, **options: Unpack[ReadOptions]) -> CompletedSweep:
    """Read the offline runs in `folder` or `folder/wandb`, in the order in which they started.

    Without `sweep_config` or `parameters`, every configuration key that varies is a searched
    parameter, and its range is inferred from its values.

    Raises:
        UserError: A log cannot be read.
    """
    logs = offline_logs(folder)
    if not logs:
        raise UserError(
            f"{folder}: found no offline-run-*/run-*.wandb, expected W&B's offline runs"
        )
    with ThreadPoolExecutor(THREADS) as pool:
        records_of_logs = list(pool.map(_records, logs))
    pairs = sorted(zip(records_of_logs, logs, strict=True), key=_start_order)
    runs = [_offline_run(records, log) for records, log in pairs]
    return sweep_from_runs(runs, sweep_config_of(options), options, Notes(str(folder)))


def offline_logs(folder: Path) -> list[Path]:
    """Return the logs of all runs in a folder or its `wandb/`."""
    logs = [*folder.glob("*run-*/run-*.wandb"), *folder.glob("wandb/*run-*/run-*.wandb")]
    return sorted(log for log in logs if not log.parent.is_symlink())


@contextmanager
def _api_errors(path: str) -> Iterator[None]:
    """Turn errors of W&B's client into a `UserError`."""
    import wandb

    try:
        yield
    except (wandb.errors.Error, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"{path}: W&B did not return the sweep ({reason}), expected "
            "entity/project/sweep on the server of `wandb login`"
        ) from error


def online_run(path: str, run: "OnlineRun") -> Run:
    """Return a run as the server has it."""
    summary = flatten(run.summary_metrics)

    def history(metric: str) -> list[Any]:
        with _api_errors(path):
            rows = run.history(samples=MAX_EPOCHS, keys=[metric], pandas=False)
        return [row.get(metric) for row in rows]

    return Run(
        name=run.name or run.id,
        state=run.state.lower(),
        sweep="",
        config=flatten(run.config),
        summary=summary,
        seconds=_seconds(summary),
        history=history,
        id=run.id,
    )


def logged_run(log: Path) -> Run:
    """Return a run from its log. Raises `UserError` if the log cannot be read."""
    return _offline_run(_records(log), log)


def logged_rows(log: Path) -> list[Record]:
    """Return the rows of a log's history, each with its `_step`."""
    records = (record for record in _records(log) if record["type"] == "history")
    return [record["history"].get("item", {}) for record in records]


def _offline_run(records: Sequence[Record], log: Path) -> Run:
    """Return a run from the records of its log; later values of a key replace earlier ones."""
    start = _start_record(records)
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
        name=start.get("display_name") or start.get("run_id") or log.parent.name,
        state=state,
        sweep=start.get("sweep_id", ""),
        config=flatten(config),
        summary=flatten(summary),
        seconds=seconds or None,
        history=lambda metric: histories.get(metric, ()),
    )


def _start_order(pair: tuple[Sequence[Record], Path]) -> tuple[str, str]:
    """Return the key that sorts runs by their start."""
    records, log = pair
    return _start_record(records).get("start_time", "").rstrip("Z"), log.parent.name


def _start_record(records: Sequence[Record]) -> Record:
    return next((record["run"] for record in records if record["type"] == "run"), {})


def _records(log: Path) -> list[Record]:
    environment = os.environ | {"WANDB_MODE": "offline", "WANDB_ERROR_REPORTING": "false"}
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(log)]
    with wandb_scratch() as scratch:
        environment |= scratch_variables(scratch)
        process = subprocess.run(command, capture_output=True, text=True, env=environment)
    if process.returncode:
        reason = " ".join(process.stderr.split())
        raise UserError(f"{log}: cannot be read as a W&B run ({reason}); remove it, or sync it")
    try:
        return [load_json(line) for line in process.stdout.splitlines()]
    except ValueError as error:
        raise UserError(f"{log}: cannot be read as a W&B run ({error}); remove it") from error


def _seconds(summary: Mapping[str, Any]) -> float | None:
    times = [time for name in TIME_KEYS if (time := finite(summary.get(name))) is not None]
    return max(times, default=None)
