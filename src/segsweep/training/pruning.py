"""Pruning: end a training early if it does not reach given thresholds.

Thresholds are not part of a training's key. A pruned training is one whose remaining epochs were
not trained: its result follows from its first epochs alone, and it can resume from its checkpoint.
A finished training from the cache is cut by `truncate` to the files that pruning would have left.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from safetensors.numpy import save_file

from segsweep.core.files import atomic_write, read_csv, read_json, sha256, write_csv, write_json
from segsweep.training.columns import (
    HISTORY,
    IMAGES,
    MODEL,
    SCORES,
    TRAINING_INFO,
    WEIGHTS,
    best_epoch,
)

Row = Mapping[str, float]


@dataclass(frozen=True)
class PruningThresholds:
    """Values of a metric that a training must reach after certain epochs.

    Attributes:
        metric: A column of the history.
        goal: Whether the metric is maximised or minimised.
        strict: Compare the value of that very epoch, not the best value so far.
        values: Threshold by epoch (from 1). Thresholds at or after the last epoch have no effect.
    """

    metric: str = "val_dice_coefficient"
    goal: Literal["maximize", "minimize"] = "maximize"
    strict: bool = False
    values: Mapping[int, float] = field(default_factory=dict)

    @classmethod
    def read(cls, path: str | Path) -> "PruningThresholds":
        """Read a trial's `pruning.json`."""
        content = read_json(path)
        return cls(**{**content, "values": {int(k): v for k, v in content["values"].items()}})

    def first_failed_epoch(self, history: Sequence[Row], epochs: int) -> int | None:
        """Return the epoch at which a training of `epochs` epochs is pruned, None if it is not."""
        better = max if self.goal == "maximize" else min
        values = [row[self.metric] for row in history]
        for epoch, threshold in sorted(self.values.items()):
            if epoch > min(len(values), epochs - 1):
                break
            reached = values[epoch - 1] if self.strict else better(values[:epoch])
            if reached != better(reached, threshold):
                return epoch
        return None

    def pruned_metrics(
        self, history: Sequence[Row], epoch: int, info: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the metrics of a training that is pruned at `epoch`.

        Args:
            history: The rows of at least the first `epoch` epochs.
            epoch: The epoch, from 1.
            info: The values of TRAINING_INFO.
        """
        since = info["float32_since"]
        best = best_epoch(history[:epoch])
        side = "at least" if self.goal == "maximize" else "at most"
        return {
            "status": "pruned",
            "reason": f"{self.metric} was not {side} {self.values[epoch]:.4g} after epoch {epoch}",
            **{name: history[best - 1][name] for name in SCORES},
            "train_dice_coefficient": None,
            "best_epoch": best,
            "epochs": epoch,
            **info,
            "float32_since": since if since is not None and since <= epoch else None,
        }


NO_PRUNING = PruningThresholds()


def is_final(status: str) -> bool:
    """Return whether a training with this status can have no other result.

    A pruned training can resume, and one that ran out of memory may fit on another device.
    """
    return status in ("finished", "diverged")


def truncate(folder: Path, thresholds: PruningThresholds) -> None:
    """Cut the files of a whole training to those of a pruned one, if it failed a threshold."""
    history = [
        {name: int(v) if name == "epoch" else float(v) for name, v in row.items()}
        for row in read_csv(folder / "history.csv")
    ]
    metrics = read_json(folder / "metrics.json")
    ended_early = metrics["status"] != "finished"  # it would have had more epochs
    epoch = thresholds.first_failed_epoch(history, metrics["epochs"] + ended_early)
    if epoch is None:
        return
    write_csv(folder / "history.csv", HISTORY, history[:epoch])
    write_csv(folder / "images.csv", IMAGES, [])
    info = {name: metrics[name] for name in TRAINING_INFO}
    pruned = metrics | thresholds.pruned_metrics(history, epoch, info)
    if (weights := folder / WEIGHTS).exists():
        with atomic_write(weights) as temporary:
            save_file({}, temporary, {"status": "pruned"})
        description = {"metrics": pruned, "threshold": None, "weights_sha256": sha256(weights)}
        write_json(folder / MODEL, read_json(folder / MODEL) | description)
    write_json(folder / "metrics.json", pruned)
