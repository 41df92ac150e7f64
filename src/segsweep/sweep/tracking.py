"""The W&B run of a training: configuration, every epoch, and predictions against masks."""

import os
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import wandb

from segsweep.data.arrays import ProcessedSet
from segsweep.errors import UserError
from segsweep.unet.training import Outcome

CLASSES = {0: "background", 1: "foreground"}


class Run:
    """A W&B run in `folder/wandb`: under a `wandb agent` the one that it was handed, else offline.

    `run_id` names a run outside a sweep; what an earlier one left in the folder is removed.
    """

    def __init__(self, project: str, config: dict[str, Any], folder: Path, run_id: str) -> None:
        under_agent = "WANDB_SWEEP_ID" in os.environ
        if not under_agent:
            shutil.rmtree(folder / "wandb", ignore_errors=True)
        self.folder = folder
        settings = wandb.Settings(silent=True, console="off", x_disable_stats=True)
        self.run = wandb.init(
            project=project,
            config=config,
            dir=str(folder),
            id=None if under_agent else run_id,
            mode=None if under_agent else "offline",
            settings=settings,
        )
        self.run.define_metric("epoch")
        self.run.define_metric("*", step_metric="epoch")

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
        self.run.log(row)

    def finish(self, outcome: Outcome, data: ProcessedSet, images: int) -> None:
        """Add the outcome and up to `images` validation images with mask and prediction."""
        self.run.summary.update(outcome.metrics)
        if images and outcome.predictions is not None:
            pixels, masks, names = data.split("validation")
            shown = [
                _overlay(pixels[i], masks[i], outcome.predictions[i], names[i])
                for i in _evenly(len(names), images)
            ]
            self.run.log({"predictions": shown, "epoch": outcome.metrics["epochs"]})
        self.run.finish()
        _drop_links(self.folder / "wandb")


def _drop_links(folder: Path) -> None:
    """Remove W&B's links to its latest run and to logs elsewhere, which DVC cannot version."""
    for path in folder.rglob("*"):
        if path.is_symlink():
            path.unlink()


def _overlay(image: np.ndarray, mask: np.ndarray, predicted: np.ndarray, name: str) -> wandb.Image:
    masks = {
        "prediction": {"mask_data": predicted, "class_labels": CLASSES},
        "mask": {"mask_data": np.asarray(mask), "class_labels": CLASSES},
    }
    return wandb.Image(np.asarray(image), caption=name, masks=masks)


def _evenly(n: int, wanted: int) -> list[int]:
    return [i * n // min(n, wanted) for i in range(min(n, wanted))]
