"""What DVC and its editor extension see of a training that still runs.

After each epoch `history.csv` grows by a row and `metrics.json` says "running", the best epoch so
far and the last one. Neither is in a record or in the store, so nothing takes it for a result.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from segsweep.core.files import write_csv, write_json
from segsweep.training.columns import HISTORY, SCORES, best_epoch

SIGNAL = Path(".dvc/tmp/exps/run/DVCLIVE_STEP_COMPLETED")
"""What DVCLive writes after each step, and on which DVC's extension for VS Code asks `dvc exp show`
again; for a queued experiment it stands in the project, not in the experiment's own folder."""


class Live:
    """The files of a training in `out`, anew after each epoch; restored epochs are told too."""

    def __init__(self, out: Path, key: str) -> None:
        self.out, self.key = out, key
        self.history: list[Mapping[str, float]] = []

    def show(self, row: Mapping[str, float]) -> None:
        """Take in the next row of the history."""
        self.history.append(row)
        best = best_epoch(self.history)
        metrics = {
            "status": "running",
            "reason": "",
            **{name: self.history[best - 1][name] for name in SCORES},
            "best_epoch": best,
            "epochs": len(self.history),
            "last": dict(row),
            "key": self.key,
        }
        write_csv(self.out / "history.csv", HISTORY, self.history)
        write_json(self.out / "metrics.json", metrics)
        if root := os.environ.get("DVC_ROOT"):
            self._signal(Path(root) / SIGNAL)

    def _signal(self, file: Path) -> None:
        """Written in place, as a watcher may not see a file that another takes the place of."""
        file.parent.mkdir(parents=True, exist_ok=True)
        step = {"pid": os.getpid(), "step": len(self.history)}
        file.write_text(json.dumps(step), encoding="utf-8")
