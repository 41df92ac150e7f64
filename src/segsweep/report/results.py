"""The folder of results, as the report reads it; most files are optional."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from segsweep.config.metric_names import better_direction
from segsweep.config.objective import Goal, sign
from segsweep.core.errors import UserError
from segsweep.core.files import is_there, read_csv, read_json, read_text, read_yaml
from segsweep.report.values import parse_number, trial_name
from segsweep.search.trial_result import Status, TrialResult
from segsweep.search.trial_time import training_seconds
from segsweep.selection.labels import metric_label

TRIALS, SECONDS = "analysis/trials.csv", "analysis/seconds.csv"


@dataclass(frozen=True)
class Results:
    """A folder of results. Only `analysis/trials.csv` is required.

    Attributes:
        folder: The folder, such as `results`.
        live: The sweep may still be running: only `trials/` is read.
        until: With `live`, only trials with a smaller number are read.
    """

    folder: Path
    live: bool = False
    until: int | None = None

    @cached_property
    def findings(self) -> dict[str, Any]:
        """The content of `findings.json`."""
        return self.document("analysis/findings.json") if not self.live else {}

    @cached_property
    def search(self) -> dict[str, Any]:
        """The content of `search.yaml`; empty for a sweep that was run elsewhere."""
        path = self.folder / "sweep/search.yaml"
        return dict(read_yaml(path)) if is_there(path) else {}

    @cached_property
    def metric(self) -> str:
        """The name of the sweep's metric."""
        metric = self.findings.get("metric") or self.search.get("metric", {}).get("name")
        if metric or self.live:
            return str(metric or "val_dice_coefficient")
        return list(self._table[0])[2]

    @property
    def label(self) -> str:
        """The label of the metric."""
        return metric_label(self.metric)

    @cached_property
    def goal(self) -> Goal:
        goal = self.findings.get("goal") or self.search.get("metric", {}).get("goal")
        return goal or better_direction(self.metric) or "maximize"

    @cached_property
    def parameters(self) -> list[str]:
        """The names of the searched parameters."""
        if "parameters" in self.findings:
            return list(self.findings["parameters"])
        if self.live:
            return list(dict.fromkeys(n for t in self.trials for n in t.parameters))
        columns = list(self._table[0])
        end = columns.index("seconds") if "seconds" in columns else len(columns)
        return columns[columns.index(self.metric) + 1 : end]

    @cached_property
    def trials(self) -> list[TrialResult]:
        """The trials that have ended, in the order in which they were started."""
        return list(self._live_trials() if self.live else self._trials())

    @cached_property
    def finished(self) -> list[TrialResult]:
        """The trials with a value, best observed value first."""
        direction, known = sign(self.goal), [t for t in self.trials if t.value is not None]
        return sorted(known, key=lambda t: -direction * (t.value or 0))

    @cached_property
    def verdict(self) -> dict[str, Any]:
        """The result of the confirmation, `verdict.json`."""
        return self.document("confirm/verdict.json") if not self.live else {}

    @cached_property
    def selected(self) -> str | None:
        """The name of the trial with the selected configuration."""
        if self.verdict.get("selected") is not None:
            return trial_name(self.verdict["selected"])
        return trial_name(self.best["evidence"]["trial"]) if self.best else None

    @cached_property
    def highlighted(self) -> str | None:
        """The selected trial; else the one with the best posterior mean, or observed value."""
        best_observed = self.finished[0].name if self.finished else None
        return self.selected or self.findings.get("best_trial") or best_observed

    def trial(self, name: str | None) -> TrialResult | None:
        """Return the best trial of this name; names of imported runs may not be unique."""
        return next((t for t in [*self.finished, *self.trials] if t.name == name), None)

    @cached_property
    def best(self) -> dict[str, Any]:
        """The content of `best_config.yaml`."""
        path = self.folder / "best_config.yaml"
        return dict(read_yaml(path)) if is_there(path) and not self.live else {}

    def table(self, name: str) -> list[dict[str, str]]:
        """Return the rows of a CSV file; empty where there is no such file."""
        path = self.folder / name
        return read_csv(path) if is_there(path) else []

    def document(self, name: str) -> dict[str, Any]:
        """Return the content of a JSON file; empty where there is no such file."""
        path = self.folder / name
        return dict(read_json(path)) if is_there(path) else {}

    def text(self, name: str) -> str:
        """Return the content of a text file; empty where there is no such file."""
        path = self.folder / name
        return read_text(path) if is_there(path) else ""

    @property
    def rationale(self) -> str:
        """The reasons for the next sweep, in Markdown, without the heading."""
        return re.sub(r"\A# .*\n*", "", self.text("next/rationale.md"))

    @cached_property
    def _table(self) -> list[dict[str, str]]:
        path = self.folder / TRIALS
        rows = self.table(TRIALS)
        if not rows or list(rows[0])[:2] != ["trial", "status"] or len(rows[0]) < 3:
            found = "other columns" if rows else "no rows" if is_there(path) else "no such file"
            raise UserError(
                f"{path}: found {found}, expected a row for each trial with the columns trial, "
                "status and the metric; run snakemake or `segsweep evaluate` first, or use --live "
                "while the sweep runs"
            )
        return rows

    def _trials(self) -> Iterator[TrialResult]:
        if self.metric not in self._table[0]:
            raise UserError(
                f"{self.folder / TRIALS}: found no column {self.metric}, expected the metric of "
                "findings.json; run snakemake or `segsweep evaluate` again"
            )
        reasons = {trial_name(r["trial"]): r["reason"] for r in self.table("leaderboard.csv")}
        seconds = {trial_name(r["trial"]): r["seconds"] for r in self.table(SECONDS)}
        for row in self._table:
            name = trial_name(row["trial"])
            yield TrialResult(
                name=name,
                status=cast(Status, row["status"]),
                value=parse_number(row[self.metric]) if row["status"] == "finished" else None,
                parameters={key: row.get(key, "") for key in self.parameters},
                seconds=parse_number(row.get("seconds") or seconds.get(name)),
                history=self._history(name),
                reason=reasons.get(name, ""),
            )

    def _live_trials(self) -> Iterator[TrialResult]:
        for path in sorted(self.folder.glob("trials/[0-9]*/metrics.json")):
            name = path.parent.name
            if self.until is not None and int(name) >= self.until:
                return
            metrics, suggestion = read_json(path), f"trials/{name}/suggestion.json"
            parameters = self.document(suggestion).get("parameters", {})
            finished = metrics["status"] == "finished"
            yield TrialResult(
                name=name,
                status=metrics["status"],
                value=parse_number(metrics[self.metric]) if finished else None,
                parameters={key: str(value) for key, value in parameters.items()},
                seconds=training_seconds(path.parent),
                history=self._history(name),
                reason=metrics.get("reason", ""),
            )

    def _history(self, trial: str) -> tuple[float, ...]:
        """Return the metric after each epoch, up to the first that is not a finite number."""
        values: list[float] = []
        if not re.fullmatch("[0-9]{1,9}", trial):  # the name of a run, not of a folder
            return ()
        for row in self.table(f"trials/{trial}/history.csv"):
            value = parse_number(row.get(self.metric))
            if value is None:
                break
            values.append(value)
        return tuple(values)
