"""What stands in a folder of results, whatever of it there is: the report and its plots read it."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from segsweep.config.objective import Goal, sign
from segsweep.core.errors import UserError
from segsweep.core.files import read_csv, read_json, read_yaml
from segsweep.importers.metric_inference import choose_goal

TRIALS, SECONDS = "analysis/trials.csv", "analysis/seconds.csv"
LABELS = {
    "val_dice_coefficient": "validation Dice",
    "val_dice_pooled": "pooled validation Dice",
    "val_dice_soft": "soft validation Dice",
    "val_iou": "validation IoU",
    "val_loss": "validation loss",
}
"""How a metric is called in a text for people; another keeps its name."""

Row = Mapping[str, str]


def number(text: object) -> float | None:
    """The finite number that stands there, if one does."""
    try:
        value = float(str(text))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def trial_name(text: object) -> str:
    """`007` for trial 7; a name that is no number stays as it is."""
    name = str(text)
    return f"{int(name):03d}" if name.isdecimal() else name


@dataclass(frozen=True)
class Trial:
    """One trial. `value` is the metric, None unless it finished; `parameters` as they are written.

    `history`: (epoch, metric) where it is known. `seconds`: run time.
    """

    name: str
    status: str
    value: float | None
    parameters: Mapping[str, str]
    seconds: float | None = None
    history: Sequence[tuple[float, float]] = ()
    reason: str = ""


@dataclass(frozen=True)
class Results:
    """A folder of results. Every file may be missing but `analysis/trials.csv`.

    A `live` one is read from `trials/` alone, as its sweep still runs: from those before number
    `until`, if that is given.
    """

    folder: Path
    live: bool = False
    until: int | None = None

    @cached_property
    def findings(self) -> dict[str, Any]:
        return self.document("analysis/findings.json") if not self.live else {}

    @cached_property
    def search(self) -> dict[str, Any]:
        """The sweep's settings as `sweep.py` wrote them; none for a sweep that ran elsewhere."""
        path = self.folder / "sweep/search.yaml"
        return dict(read_yaml(path)) if path.exists() else {}

    @cached_property
    def metric(self) -> str:
        told = self.findings.get("metric") or self.search.get("metric", {}).get("name")
        if told or self.live:
            return str(told or "val_dice_coefficient")
        columns = list(self._table[0])
        return columns[2]

    @property
    def label(self) -> str:
        """The metric's name for people."""
        return LABELS.get(self.metric, self.metric)

    @cached_property
    def goal(self) -> Goal:
        told = self.findings.get("goal") or self.search.get("metric", {}).get("goal")
        return told or choose_goal(self.metric)

    @cached_property
    def parameters(self) -> list[str]:
        """The names of what was searched."""
        if "parameters" in self.findings:
            return list(self.findings["parameters"])
        if self.live:
            return list(dict.fromkeys(n for t in self.trials for n in t.parameters))
        columns = list(self._table[0])
        after = columns.index("seconds") if "seconds" in columns else len(columns)
        return columns[columns.index(self.metric) + 1 : after]

    @cached_property
    def trials(self) -> list[Trial]:
        """In the order in which they were started; while it is live, those that have ended."""
        return list(self._running() if self.live else self._ended())

    @property
    def finished(self) -> list[Trial]:
        """Those with a value, best first."""
        upwards, known = sign(self.goal), [t for t in self.trials if t.value is not None]
        return sorted(known, key=lambda t: -upwards * (t.value or 0))

    @cached_property
    def verdict(self) -> dict[str, Any]:
        """What the confirmation with new seeds found."""
        return self.document("confirm/verdict.json") if not self.live else {}

    @cached_property
    def chosen(self) -> str | None:
        """The trial to go on with: the confirmed one, else the one that most is expected of."""
        if self.verdict.get("winner") is not None:
            return trial_name(self.verdict["winner"])
        return trial_name(self.best["evidence"]["trial"]) if self.best else None

    def trial(self, name: str | None) -> Trial | None:
        """The best trial of that name; names of runs that come from elsewhere may not be unique."""
        return next((t for t in [*self.finished, *self.trials] if t.name == name), None)

    @property
    def winner(self) -> str | None:
        """The chosen trial; where none was chosen, the one with the best value."""
        return self.chosen or (self.finished[0].name if self.finished else None)

    @cached_property
    def best(self) -> dict[str, Any]:
        """`best_config.yaml`."""
        path = self.folder / "best_config.yaml"
        return dict(read_yaml(path)) if path.exists() and not self.live else {}

    def table(self, name: str) -> list[dict[str, str]]:
        """A CSV's rows; none where there is no such file."""
        path = self.folder / name
        return read_csv(path) if path.exists() else []

    def document(self, name: str) -> dict[str, Any]:
        """A JSON file; an empty one where there is no such file."""
        path = self.folder / name
        return dict(read_json(path)) if path.exists() else {}

    def text(self, name: str) -> str:
        path = self.folder / name
        return path.read_text(encoding="utf-8") if path.exists() else ""

    @property
    def rationale(self) -> str:
        """Why the next sweep looks so, in Markdown, below a heading of the reader's own."""
        return re.sub(r"\A# .*\n*", "", self.text("next/rationale.md"))

    @cached_property
    def _table(self) -> list[dict[str, str]]:
        path = self.folder / TRIALS
        rows = self.table(TRIALS)
        if not rows or list(rows[0])[:2] != ["trial", "status"] or len(rows[0]) < 3:
            found = "something else" if rows else "none" if path.exists() else "no such file"
            raise UserError(
                f"{path}: found {found}, expected a row with trial, status and the metric for each "
                "trial; analyse the sweep first, or give --live while it runs"
            )
        return rows

    def _ended(self) -> Iterator[Trial]:
        if self.metric not in self._table[0]:
            raise UserError(
                f"{self.folder / TRIALS}: found no column {self.metric}, which findings.json has "
                "for its metric; analyse the sweep again"
            )
        reasons = {trial_name(r["trial"]): r["reason"] for r in self.table("leaderboard.csv")}
        seconds = {trial_name(r["trial"]): r["seconds"] for r in self.table(SECONDS)}
        for row in self._table:
            name = trial_name(row["trial"])
            yield Trial(
                name,
                row["status"],
                number(row[self.metric]) if row["status"] == "finished" else None,
                {key: row.get(key, "") for key in self.parameters},
                number(row.get("seconds") or seconds.get(name)),
                self._history(name),
                reasons.get(name, ""),
            )

    def _running(self) -> Iterator[Trial]:
        for path in sorted(self.folder.glob("trials/[0-9]*/metrics.json")):
            if self.until is not None and int(path.parent.name) >= self.until:
                return
            metrics, home = read_json(path), f"trials/{path.parent.name}"
            given = self.document(f"{home}/suggestion.json").get("parameters", {})
            finished = metrics["status"] == "finished"
            yield Trial(
                path.parent.name,
                metrics["status"],
                number(metrics[self.metric]) if finished else None,
                {name: str(value) for name, value in given.items()},
                number(self.document(f"{home}/timing.json").get("training_seconds")),
                self._history(path.parent.name),
                metrics.get("reason", ""),
            )

    def _history(self, name: str) -> list[tuple[float, float]]:
        pairs = [
            (number(row["epoch"]), number(row.get(self.metric)))
            for row in self.table(f"trials/{name}/history.csv")
        ]
        return [(epoch, value) for epoch, value in pairs if epoch is not None and value is not None]
