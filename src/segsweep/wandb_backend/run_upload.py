"""Upload the runs of a finished study, and check that each is complete on the server.

`wandb sync` exits with 0 even if the server refused a run. So each run is read back from the server
and compared with its log.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import wandb

from segsweep.core.errors import UserError
from segsweep.core.scratch import scratch_variables, wandb_scratch
from segsweep.importers.runs import Run
from segsweep.importers.wandb_runs import logged_rows, logged_run, online_run
from segsweep.wandb_backend.api import WandbServer, format_error, last_error
from segsweep.wandb_backend.logger import plot_by_epoch
from segsweep.wandb_backend.prediction_images import logged_images
from segsweep.wandb_backend.study_runs import StudyRun, describe_missing, own_values

BATCH_SIZE, RUN_TIMEOUT = 8, 60
"""Runs for one `wandb sync`, and the seconds that it may take for each."""
SERVER_DELAY = 3
"""Seconds until a server returns what was uploaded."""
INIT_TIMEOUT, UPLOAD_TIMEOUT = 30, 600
"""Seconds to resume a run, and then to upload what was added."""


def upload_runs(runs: Sequence[StudyRun], server: WandbServer) -> Iterator[tuple[StudyRun, str]]:
    """Upload what the server lacks, and yield each run with what it still lacks ("": nothing)."""
    logs: dict[StudyRun, Run] = {}
    for run in runs:
        try:
            logs[run] = logged_run(run.log)
        except UserError as error:
            yield run, str(error)
    for i in range(0, len(logs), BATCH_SIZE):
        batch = dict(list(logs.items())[i : i + BATCH_SIZE])
        incomplete, replayed = {}, []
        for run, local in batch.items():
            remote = remote_run(run.id, server)
            if describe_missing(local, remote):
                incomplete[run] = local
                if _has_rows(remote) or not _accepts_sweep(local, server):
                    replayed.append(run)
        errors = {run: _replay(run, incomplete[run], server) for run in replayed}
        errors |= _sync_logs([run for run in incomplete if run not in replayed], server)
        for run, local in batch.items():
            missing = _missing_after_upload(run, local, server) if run in incomplete else ""
            yield run, missing and "; ".join(filter(None, (missing, errors.get(run, ""))))


def _accepts_sweep(local: Run, server: WandbServer) -> bool:
    """Return whether the server accepts the log; it refuses a run of a sweep that it lacks."""
    try:
        return not local.sweep or server.has_sweep(local.sweep)
    except Exception:  # the wandb client raises exceptions of many classes; the upload reports them
        return True


def _sync_logs(runs: Sequence[StudyRun], server: WandbServer) -> dict[StudyRun, str]:
    """Upload logs of which the server has nothing; return the error of each, or "".

    One unreadable log stops `wandb sync` for the whole batch; then each is uploaded on its own.
    """
    if not runs:
        return {}
    errors = dict.fromkeys(runs, _wandb_sync(runs, server))
    if len(runs) > 1 and any(errors.values()):
        for run in runs:
            if not _has_rows(remote_run(run.id, server)):
                errors[run] = _wandb_sync([run], server)
    return errors


def _wandb_sync(runs: Sequence[StudyRun], server: WandbServer) -> str:
    """Run `wandb sync` on copies, because it writes next to the logs; return the error, or ""."""
    with wandb_scratch() as scratch:
        copies = [scratch / "runs" / run.log.parent.name for run in runs]
        for run, copy in zip(runs, copies, strict=True):
            shutil.copytree(run.log.parent, copy)
        try:
            done = subprocess.run(
                [
                    *(sys.executable, "-m", "wandb", "sync", "--include-online"),
                    *("--entity", server.entity, "--project", server.project),
                    *sorted(map(str, copies)),
                ],
                env=os.environ | scratch_variables(scratch) | {"WANDB_SILENT": "false"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=RUN_TIMEOUT * (1 + len(runs)),
            )
        except subprocess.TimeoutExpired as expired:
            return f"`wandb sync` did not end within {expired.timeout:.0f} s"
    return last_error(done.stdout)


def _replay(run: StudyRun, local: Run, server: WandbServer) -> str:
    """Log the rows of a run again under its id; return the error, or "".

    This is for runs that `wandb sync` cannot complete: it would repeat the rows that the server
    has, and the server refuses runs of a sweep that it lacks. Steps that the server has are
    skipped. A run that is new to the server gets the start time, duration, host and command of this
    process, not those of the training.
    """

    def add(resumed: wandb.Run) -> None:
        for row in logged_rows(run.log):
            values = own_values(row)
            if images := logged_images(row, run.log.parent / "files"):
                values["predictions"] = images
            time_of_row = {"_timestamp": row["_timestamp"]} if "_timestamp" in row else {}
            resumed.log(values | time_of_row, step=int(row["_step"]), commit=True)
        resumed.summary.update(own_values(local.summary))

    settings = {"config": own_values(local.config), "group": run.group, "job_type": run.job_type}
    return resume(run.id, server, add, "allow", **settings)


def resume(
    run_id: str,
    server: WandbServer,
    add: Callable[[wandb.Run], None],
    how: Literal["must", "allow"],
    **init: Any,
) -> str:
    """Resume a run and add to it; return the error, or "".

    Args:
        run_id: The id of the run.
        server: The server.
        add: Logs to the run.
        how: W&B's `resume`: "must" if the server has the run, "allow" if it may lack it.
        init: More arguments of `wandb.init`.
    """
    settings = wandb.Settings(
        silent=True,
        console="off",
        x_disable_stats=True,
        init_timeout=INIT_TIMEOUT,
        finish_timeout=UPLOAD_TIMEOUT,
        finish_timeout_raises=True,
    )
    with wandb_scratch() as scratch:
        try:
            run = wandb.init(
                project=server.project,
                entity=server.entity,
                id=run_id,
                resume=how,
                dir=str(scratch),
                settings=settings,
                **init,
            )
            plot_by_epoch(run)
            add(run)
            run.finish()
        except Exception as error:  # the wandb client raises exceptions of many classes
            wandb.teardown()
            return format_error(error)
    return ""


def _missing_after_upload(run: StudyRun, local: Run, server: WandbServer) -> str:
    """Return what the server lacks of a run after its upload; a server may take a moment."""
    missing = describe_missing(local, remote_run(run.id, server))
    if missing:
        time.sleep(SERVER_DELAY)
        missing = describe_missing(local, remote_run(run.id, server))
    return missing


def remote_run(run_id: str, server: WandbServer) -> Run | str:
    """Return a run as the server has it, or the reason why it has none."""
    try:
        return online_run(run_id, server.run(run_id))
    except Exception as error:  # the wandb client raises exceptions of many classes
        return format_error(error)


def _has_rows(remote: Run | str) -> bool:
    return not isinstance(remote, str) and bool(remote.history("epoch"))
