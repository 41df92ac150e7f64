"""PruningThresholds: what a training must have reached at certain epochs, or it is stopped there.

PruningThresholds are no part of what a training is, so they are no part of its key: a stopped training is one
whose rest is put off. Its result follows from its first epochs alone, whether the rest was trained
or not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from safetensors.numpy import save_file

from segsweep.core.files import atomic_write, read_csv, read_json, write_csv, write_json
from segsweep.training.columns import HISTORY, IMAGES, MEASURES, MODEL, SCORES, WEIGHTS, best_epoch

Row = Mapping[str, float]


@dataclass(frozen=True)
class PruningThresholds:
    """`values`: by epoch (from 1), the value of `metric` that must be reached then.

    What is held against a bar is the best epoch so far; where `strict`, that very epoch. A bar at
    the last epoch or after it stops nothing.
    """

    metric: str = "val_dice_coefficient"
    goal: Literal["maximize", "minimize"] = "maximize"
    strict: bool = False
    values: Mapping[int, float] = field(default_factory=dict)

    @classmethod
    def read(cls, path: str | Path) -> "PruningThresholds":
        read = read_json(path)
        return cls(**{**read, "values": {int(k): v for k, v in read["values"].items()}})

    def first_failed_epoch(self, history: Sequence[Row], epochs: int) -> int | None:
        """The epoch at which a training of `epochs` epochs stops; None if it goes on."""
        better = max if self.goal == "maximize" else min
        values = [row[self.metric] for row in history]
        for epoch, height in sorted(self.values.items()):
            if epoch > min(len(values), epochs - 1):
                break
            reached = values[epoch - 1] if self.strict else better(values[:epoch])
            if reached != better(reached, height):
                return epoch
        return None

    def stopped(
        self, history: Sequence[Row], epoch: int, measures: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The metrics of a training that is stopped at `epoch`; `measures` are all MEASURES."""
        since = measures["float32_since"]
        best = best_epoch(history[:epoch])
        bar = f"{'at least' if self.goal == 'maximize' else 'at most'} {self.values[epoch]:.4g}"
        return {
            "status": "pruned",
            "reason": f"{self.metric} was to be {bar} after epoch {epoch}",
            **{name: history[best - 1][name] for name in SCORES},
            "train_dice_coefficient": None,
            "best_epoch": best,
            "epochs": epoch,
            **measures,
            "float32_since": since if since is not None and since <= epoch else None,
        }


NO_PRUNING = PruningThresholds()


def is_final(status: str) -> bool:
    """Return whether a training with this status has nothing left to do.

    A pruned training can continue, and one that ran out of memory may fit on another device.
    """
    return status in ("finished", "diverged")


def truncate(folder: Path, bars: PruningThresholds) -> None:
    """Make the files of a whole training those of a stopped one, if it missed a bar."""
    history = [
        {name: int(v) if name == "epoch" else float(v) for name, v in row.items()}
        for row in read_csv(folder / "history.csv")
    ]
    metrics = read_json(folder / "metrics.json")
    failed = metrics["status"] != "finished"
    epoch = bars.first_failed_epoch(
        history, metrics["epochs"] + failed
    )  # a failed one had more to come
    if epoch is None:
        return
    write_csv(folder / "history.csv", HISTORY, history[:epoch])
    write_csv(folder / "images.csv", IMAGES, [])
    if (weights := folder / WEIGHTS).exists():
        with atomic_write(weights) as aside:
            save_file({}, aside, {"status": "pruned"})
    stopped = metrics | bars.stopped(history, epoch, {name: metrics[name] for name in MEASURES})
    if (model := folder / MODEL).exists():
        write_json(model, read_json(model) | {"metrics": stopped, "threshold": None})
    write_json(folder / "metrics.json", stopped)
