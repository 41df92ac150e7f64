"""Upload a finished study to the user's W&B server: runs, sweep and models (`segsweep sync`)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import wandb

from segsweep.config.study import Study
from segsweep.core.errors import UserError
from segsweep.core.files import read_json, read_yaml, sha256
from segsweep.core.scratch import wandb_api_scratch
from segsweep.wandb_backend import artifacts
from segsweep.wandb_backend.api import WandbServer, connect, format_error
from segsweep.wandb_backend.run_upload import UPLOAD_TIMEOUT, remote_run, resume, upload_runs
from segsweep.wandb_backend.settings import RunTarget
from segsweep.wandb_backend.study_runs import StudyRun, find_models, find_runs


@wandb_api_scratch()
def sync_study(results: Path, study: Path, data: Path) -> None:
    """Upload runs, sweep and models of a finished study, and print a line for each.

    What the server already has is not uploaded again.

    Args:
        results: The results folder.
        study: The study file, which names project and entity.
        data: The processed data that the runs were trained on.

    Raises:
        UserError: There are no runs, no API key, no answer, or the upload is incomplete.
    """
    settings = Study.read(str(study)).wandb
    runs, without_log = find_runs(results)
    if not runs:
        raise UserError(f"{results}: found no W&B runs, expected those of a finished study")
    server = connect(RunTarget(settings.project, settings.entity))
    missing = dict.fromkeys(without_log, "has no log of a W&B run")
    uploaded = []
    for run, problem in upload_runs(runs, server):
        print(f"{run.folder}: run {run.id} {problem or 'is on the server'}", flush=True)
        if problem:
            missing[run.folder] = problem
        else:
            uploaded.append(run)
    sweep = results / "sweep/sweep.yaml"
    if sweep.exists() and uploaded:
        problem = upload_sweep(read_yaml(sweep), uploaded, server)
        print(f"{sweep}: the sweep {problem or 'is on the server with its trials'}", flush=True)
        missing |= {sweep: problem} if problem else {}
    for folder, run_id in find_models(results, uploaded):
        problem = upload_model(run_id, folder / "model.safetensors", data, server)
        print(f"{folder}: the model of run {run_id} {problem or 'is on the server'}", flush=True)
        missing |= {folder / "model.safetensors": problem} if problem else {}
    if missing:
        problems = "; ".join(f"{path}: {problem}" for path, problem in missing.items())
        raise UserError(
            f"the upload to {server.url} is incomplete: {problems}; run this command again to "
            "continue"
        )
    print(f"{len(runs)} of {len(runs)} runs are on {server.url}/{server.entity}/{server.project}")


def upload_sweep(sweep: dict[str, Any], runs: Sequence[StudyRun], server: WandbServer) -> str:
    """Create the study's sweep if the server lacks it, and add the trials; return the error."""
    trials = [run.id for run in runs if run.job_type == "trial"]
    try:
        server_id = server.find_or_create_sweep(sweep, trials)
        outside, error = set(trials) - server.run_ids(server_id), ""
        if outside:
            error = server.add_runs(server_id, sweep, sorted(outside))
            outside -= server.run_ids(server_id)
    except Exception as failure:  # the wandb client raises exceptions of many classes
        return format_error(failure)
    missing = f"lacks {', '.join(sorted(outside))}" if outside else ""
    return missing and "; ".join(filter(None, (missing, error)))


def upload_model(run_id: str, weights: Path, data: Path, server: WandbServer) -> str:
    """Add weights, and the dataset that the run used, to a run; return the error, or "".

    The summary of the run then has the hash of the weights; they are not uploaded a second time.
    """
    uploaded = {"model_sha256": sha256(weights)}
    remote = remote_run(run_id, server)
    if not isinstance(remote, str) and uploaded.items() <= remote.summary.items():
        return ""
    metrics = read_json(weights.with_name("metrics.json"))
    aliases = ["winner"] if weights.parent.name == "best" else []

    def add(run: wandb.Run) -> None:
        artifacts.use_dataset(run, data)
        artifacts.log_model(run, weights, metrics, aliases).wait(UPLOAD_TIMEOUT)
        run.summary.update(uploaded)

    return resume(run_id, server, add, "must")
