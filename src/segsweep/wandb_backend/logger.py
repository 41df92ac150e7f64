"""The W&B run of a training: configuration, every epoch, and predictions against masks."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import wandb

from segsweep.core.errors import UserError
from segsweep.data.dataset import ProcessedSet
from segsweep.training.fit import Outcome
from segsweep.wandb_backend import artifacts
from segsweep.wandb_backend.api import in_a_line, no_key
from segsweep.wandb_backend.settings import Destination, take_up

CLASSES = {0: "background", 1: "foreground"}
INIT_TIMEOUT, FINISH_TIMEOUT = 30, 60
"""Seconds that a server which does not answer may cost at a training's beginning and end."""

LATER = "its run is on disk, and `python workflow/scripts/sync_wandb.py` sends it"


class Run:
    """A W&B run in `folder/wandb`: under a `wandb agent` the one that it was handed.

    Its log is always written there. With `to.online` it is streamed as well; a server that is
    down, slow or refuses costs a line and the seconds above, never the training. `to` is None for
    a run of the user's own agent, which decides itself. `run_id` names a run outside a sweep; what
    an earlier one left in the folder is removed.
    """

    def __init__(
        self,
        to: Destination | None,
        config: dict[str, Any],
        folder: Path,
        run_id: str,
        group: str | None = None,
        job: str | None = None,
    ) -> None:
        self.folder, self.online = folder, to is not None and to.online
        self.of_the_user, self.told = to is None, False
        told: dict[str, Any] = {"config": config, "dir": str(folder)}
        if to is not None:
            take_up(to.online)
            told |= {"project": to.project, "entity": to.entity, "group": group, "job_type": job}
            if "WANDB_RUN_ID" not in os.environ:
                shutil.rmtree(folder / "wandb", ignore_errors=True)
                told["id"] = run_id
            # what is run again goes on where the server's rows end: equal keys make equal rows
            told |= {"mode": "online", "resume": "allow"} if to.online else {"mode": "offline"}
        self.run = self._begun(told)
        self.run.define_metric("epoch")
        self.run.define_metric("*", step_metric="epoch")

    def _begun(self, told: dict[str, Any]) -> wandb.Run:
        """The run; offline where the server does not take it."""
        settings = wandb.Settings(
            silent=True,
            console="off",
            x_disable_stats=True,
            init_timeout=INIT_TIMEOUT if self.online else 90,
            finish_timeout=FINISH_TIMEOUT if self.online else 0,
            finish_timeout_raises=True,
        )
        try:
            return wandb.init(**told, settings=settings)
        except Exception as error:  # W&B's client raises many kinds, some of them plain
            if isinstance(error, wandb.errors.UsageError):
                raise no_key(error) from error
            if self.of_the_user:
                raise UserError(
                    f"W&B: the run cannot begin ({in_a_line(error)}), expected a server that hands "
                    "it out; see WANDB_BASE_URL and `wandb login`, and start the agent again"
                ) from error
            if not self.online:
                raise
            print(f"W&B: the run is not taken ({in_a_line(error)}); {LATER}", flush=True)
        wandb.teardown()
        for refused in (self.folder / "wandb").glob("run-*"):
            shutil.rmtree(refused)
        self.online = False
        take_up(online=False)
        return wandb.init(**told | {"mode": "offline", "resume": None}, settings=settings)

    @property
    def id(self) -> str:
        """The run's id, which names a folder; raises `UserError` where a server gave another."""
        if not re.fullmatch(r"[A-Za-z0-9_-]+", self.run.id):
            raise UserError(
                f"the W&B server named the run {self.run.id!r}, expected letters, digits, '_' and "
                "'-' only, as its results go to a folder of that name; name it so"
            )
        return self.run.id

    @property
    def parameters(self) -> dict[str, Any]:
        """The configuration as W&B has it: under an agent, with the sweep's choice in it."""
        return dict(self.run.config)

    def log_epoch(self, row: dict[str, float]) -> None:
        with self._streaming():
            self.run.log(row, step=int(row["epoch"]), commit=True)

    def finish(
        self,
        outcome: Outcome,
        data: ProcessedSet,
        images: int,
        folder: Path,
        weights: Path | None = None,
    ) -> None:
        """Add the outcome and up to `images` validation images with mask and prediction.

        Online the data, which lie in `folder`, and, where given, the `weights` follow as artifacts.
        """
        with self._streaming():
            self.run.summary.update(outcome.metrics)
            if images and outcome.predictions is not None:
                epochs = int(outcome.metrics["epochs"])
                shown = _overlays(data, outcome.predictions, images)
                self.run.log({"predictions": shown, "epoch": epochs}, step=epochs + 1)
        if self.online:
            with self._streaming():
                artifacts.send_data(self.run, folder)
                if weights and outcome.weights:
                    artifacts.send_model(self.run, weights, outcome.metrics)
        with self._streaming():
            self.run.finish()
        _drop_links(self.folder / "wandb")

    @contextmanager
    def _streaming(self) -> Iterator[None]:
        """Online, say once in a line that something did not arrive; the training goes on."""
        try:
            yield
        except Exception as error:  # W&B's client raises many kinds, some of them plain
            if not self.online:
                raise
            if not self.told:
                said = f"W&B: not all of the run has arrived ({in_a_line(error)}); {LATER}"
                print(said, flush=True)
            self.told = True


def _drop_links(folder: Path) -> None:
    """Remove W&B's links to its latest run and to logs elsewhere, which DVC cannot version."""
    for path in folder.rglob("*"):
        if path.is_symlink():
            path.unlink()


def _overlays(data: ProcessedSet, predicted: np.ndarray, images: int) -> list[wandb.Image]:
    pixels, masks, names = data.split("validation")
    return [
        _overlay(pixels[i], masks[i], predicted[i], names[i]) for i in _evenly(len(names), images)
    ]


def _overlay(image: np.ndarray, mask: np.ndarray, predicted: np.ndarray, name: str) -> wandb.Image:
    masks = {
        "prediction": {"mask_data": predicted, "class_labels": CLASSES},
        "mask": {"mask_data": np.asarray(mask), "class_labels": CLASSES},
    }
    return wandb.Image(np.asarray(image), caption=name, masks=masks)


def _evenly(n: int, wanted: int) -> list[int]:
    return [i * n // min(n, wanted) for i in range(min(n, wanted))]
