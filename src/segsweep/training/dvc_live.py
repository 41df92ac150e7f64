"""Live results of a running training, for DVC and its extension for VS Code.

After each epoch `history.csv` grows by a row, and `metrics.json` has the status "running", the
scores of the best epoch so far and the last row of the history. No provenance record and no cache
entry includes these files, so nothing takes them for a result.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from segsweep.core.files import write_csv, write_json
from segsweep.training.columns import HISTORY, SCORES, best_epoch

SIGNAL = Path(".dvc/tmp/exps/run/DVCLIVE_STEP_COMPLETED")
"""The file that DVCLive writes after each step, on which DVC's extension for VS Code runs
`dvc exp show` again. For a queued experiment it is in the project, not in the experiment's own
folder."""


class LiveResults:
    """Rewrites the files of a training in `out` after each epoch, restored epochs included."""

    def __init__(self, out: Path, key: str) -> None:
        self.out, self.key = out, key
        self.history: list[Mapping[str, float]] = []

    def add_epoch(self, row: Mapping[str, float]) -> None:
        """Add a row of the history and rewrite the files."""
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
        """Write in place, as a watcher may not notice a file that replaces another."""
        file.parent.mkdir(parents=True, exist_ok=True)
        step = {"pid": os.getpid(), "step": len(self.history)}
        file.write_text(json.dumps(step), encoding="utf-8")
