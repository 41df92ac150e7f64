"""The W&B run of a training: configuration, metrics of every epoch, and predicted masks."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import wandb

from segsweep.core.errors import UserError
from segsweep.core.scratch import process_scratch, scratch_variables
from segsweep.data.dataset import ProcessedSet
from segsweep.wandb_backend import artifacts
from segsweep.wandb_backend.api import format_error, missing_key_error
from segsweep.wandb_backend.prediction_images import prediction_images
from segsweep.wandb_backend.settings import PARAMETER_FILE, RunTarget, restore_variables

if TYPE_CHECKING:
    from segsweep.training.fit import Outcome  # imports torch, which takes seconds

INIT_TIMEOUT, FINISH_TIMEOUT = 30, 60
"""Seconds that a server which does not answer may cost at the start and at the end of a run."""
DEFAULT_INIT_TIMEOUT = 90
"""Seconds that wandb itself waits for the start of a run."""

LATER = "the run is on disk; `segsweep sync` uploads it later"


class WandbLogger:
    """Writes a W&B run to `folder/wandb` and, if `target.online`, streams it to the server.

    Under a `wandb agent` it is the run that the agent was given. If the server cannot be reached,
    is slow or refuses the run, one line is printed and the training goes on; it is delayed by at
    most INIT_TIMEOUT and FINISH_TIMEOUT.

    Args:
        target: Where the run goes; None for a run of the user's own agent, whose settings decide.
        config: The configuration of the training.
        folder: The results folder of the training.
        run_id: The id of a run without an agent; the log of an earlier run in `folder` is deleted.
        group: W&B's group of the run.
        job_type: W&B's job type of the run.

    Raises:
        UserError: There is no API key, or the user's own agent cannot start the run.
    """

    def __init__(
        self,
        target: RunTarget | None,
        config: dict[str, Any],
        folder: Path,
        run_id: str,
        group: str | None = None,
        job_type: str | None = None,
    ) -> None:
        self.folder, self.online = folder, target is not None and target.online
        self.users_agent, self.reported = target is None, False
        options: dict[str, Any] = {"config": config, "dir": str(folder)}
        if target is not None:
            restore_variables(target.online)
            options |= {"project": target.project, "entity": target.entity}
            options |= {"group": group, "job_type": job_type}
            if "WANDB_RUN_ID" not in os.environ:
                shutil.rmtree(folder / "wandb", ignore_errors=True)
                options["id"] = run_id
            # A repeated training continues after the rows on the server, which are the same.
            online = {"mode": "online", "resume": "allow"}
            options |= online if target.online else {"mode": "offline"}
        if target is None or PARAMETER_FILE not in os.environ:  # else our agent's scratch is used
            os.environ.update(scratch_variables(process_scratch()))
        self.run = self._start(options)
        plot_by_epoch(self.run)

    def _start(self, options: dict[str, Any]) -> wandb.Run:
        """Start the run; offline if the server does not accept it."""
        settings = wandb.Settings(
            silent=True,
            console="off",
            x_disable_stats=True,
            init_timeout=INIT_TIMEOUT if self.online else DEFAULT_INIT_TIMEOUT,
            finish_timeout=FINISH_TIMEOUT if self.online else 0,
            finish_timeout_raises=True,
        )
        try:
            return wandb.init(**options, settings=settings)
        except Exception as error:  # the wandb client raises exceptions of many classes
            if isinstance(error, wandb.errors.UsageError):
                raise missing_key_error(error) from error
            if self.users_agent:
                raise UserError(
                    f"W&B: cannot start the run ({format_error(error)}), expected the server that "
                    "created the sweep; check WANDB_BASE_URL and `wandb login`, and start the "
                    "agent again"
                ) from error
            if not self.online:
                raise
            print(f"W&B: cannot start the run ({format_error(error)}); {LATER}", flush=True)
        wandb.teardown()
        for refused in (self.folder / "wandb").glob("run-*"):
            shutil.rmtree(refused)
        self.online = False
        restore_variables(online=False)
        return wandb.init(**options | {"mode": "offline", "resume": None}, settings=settings)

    @property
    def id(self) -> str:
        """The id of the run, which also names its results folder.

        Raises:
            UserError: The id from the server is not safe as a folder name.
        """
        if not re.fullmatch(r"[A-Za-z0-9_-]+", self.run.id):
            raise UserError(
                f"W&B: found the run id {self.run.id!r}, expected letters, digits, '_' and '-' "
                "only, because the results go to a folder with this name; start the run with "
                "such an id"
            )
        return self.run.id

    @property
    def config(self) -> dict[str, Any]:
        """The configuration in W&B; under the user's own agent it has the chosen parameters."""
        return dict(self.run.config)

    def log_epoch(self, row: dict[str, float]) -> None:
        """Log one row of the history, with its epoch as the step."""
        with self._streaming():
            self.run.log(row, step=int(row["epoch"]), commit=True)

    def finish(
        self,
        outcome: "Outcome",
        data: ProcessedSet,
        images: int,
        data_folder: Path,
        weights: Path | None = None,
    ) -> None:
        """Log the outcome and end the run.

        Args:
            outcome: The result of the training; its metrics become the summary.
            data: The processed set.
            images: Log up to this number of validation images with mask and prediction.
            data_folder: The folder of `data`, recorded as an artifact if the run is online.
            weights: The file with the weights, uploaded as an artifact if the run is online.
        """
        with self._streaming():
            self.run.summary.update(outcome.metrics)
            if images and outcome.predictions is not None:
                epochs = int(outcome.metrics["epochs"])
                shown = prediction_images(data, outcome.predictions, images)
                self.run.log({"predictions": shown, "epoch": epochs}, step=epochs + 1)
        if self.online:
            with self._streaming():
                artifacts.use_dataset(self.run, data_folder)
                if weights and outcome.weights:
                    artifacts.log_model(self.run, weights, outcome.metrics)
        with self._streaming():
            self.run.finish()
        _delete_links(self.folder / "wandb")

    @contextmanager
    def _streaming(self) -> Iterator[None]:
        """Print one line about the first failed upload of an online run and go on."""
        try:
            yield
        except Exception as error:  # the wandb client raises exceptions of many classes
            if not self.online:
                raise
            if not self.reported:
                message = f"W&B: the upload is incomplete ({format_error(error)}); {LATER}"
                print(message, flush=True)
            self.reported = True


def plot_by_epoch(run: wandb.Run) -> None:
    """Make the epoch the x axis of a run's plots."""
    run.define_metric("epoch")
    run.define_metric("*", step_metric="epoch")


def _delete_links(folder: Path) -> None:
    """Delete W&B's links to its latest run and to its logs, which DVC cannot version."""
    for path in folder.rglob("*"):
        if path.is_symlink():
            path.unlink()
