"""Audit of pruning: the saved epochs, and the values of pruned trials when trained to the end."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from segsweep.config.objective import sign
from segsweep.core.files import read_json, read_yaml
from segsweep.search.trial_result import trial_folder

COLUMNS = (
    "trial",
    "pruned_after",
    "of_epochs",
    "value_when_pruned",
    "value_at_end",
    "would_have_won",
)


def audit_rows(
    trials: Path, trained_to_end: Path, count: int, metric: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], int]:
    """Return a row (COLUMNS) for each pruned trial, and the planned epochs of all trials.

    A pruned trial would have won if its final value is better than that of every trial that was not
    pruned.

    Args:
        trials: The folder of the sweep's trials.
        trained_to_end: The folder of the same trials, trained without pruning.
        count: The number of trials.
        metric: The `name` and `goal` of the sweep's metric.
    """
    name, direction = metric["name"], sign(metric["goal"])
    rows, planned_epochs, best = [], 0, -float("inf")
    for i in range(count):
        in_sweep = read_json(trial_folder(trials, i) / "metrics.json")
        at_end = read_json(trial_folder(trained_to_end, i) / "metrics.json")
        epochs = read_yaml(trial_folder(trials, i) / "config.yaml")["epochs"]
        planned_epochs += epochs
        final_value = at_end[name] if at_end["status"] == "finished" else None
        if in_sweep["status"] == "pruned":
            rows.append(
                {
                    "trial": i,
                    "pruned_after": in_sweep["epochs"],
                    "of_epochs": epochs,
                    "value_when_pruned": in_sweep[name],
                    "value_at_end": final_value,
                }
            )
        elif final_value is not None:
            best = max(best, direction * final_value)
    for row in rows:
        final_value = row["value_at_end"]
        row["would_have_won"] = final_value is not None and direction * final_value > best
    return rows, planned_epochs


def format_audit(rows: Sequence[Mapping[str, Any]], planned_epochs: int) -> str:
    """Return the result of the audit as one line."""
    saved = sum(row["of_epochs"] - row["pruned_after"] for row in rows)
    winners = [f"{row['trial']:03d}" for row in rows if row["would_have_won"]]
    outcome = f"trial {', '.join(winners)} would have won" if winners else "none would have won"
    return f"{len(rows)} pruned trials, {saved} of {planned_epochs} epochs saved; {outcome}"
