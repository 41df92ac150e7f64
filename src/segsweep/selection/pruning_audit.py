"""What early stopping saved, and what it cost: stopped trials, trained to their end."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from segsweep.config.objective import sign
from segsweep.core.files import read_json, read_yaml
from segsweep.search.trial_files import trial_folder

COLUMNS = (
    "trial",
    "pruned_after",
    "of_epochs",
    "value_when_pruned",
    "value_at_end",
    "would_have_won",
)


def audited(
    trials: Path, finished: Path, count: int, metric: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], int]:
    """A row (COLUMNS) for each stopped one of `count` trials, and the epochs that all would take.

    `trials` holds the trials as the sweep left them, `finished` the same, trained to the end. A
    trial would have won if its value is better than that of every trial that was not stopped.
    """
    name, upwards = metric["name"], sign(metric["goal"])
    rows, planned, best = [], 0, -float("inf")
    for i in range(count):
        then = read_json(trial_folder(trials, i) / "metrics.json")
        end = read_json(trial_folder(finished, i) / "metrics.json")
        epochs = read_yaml(trial_folder(trials, i) / "config.yaml")["epochs"]
        planned += epochs
        whole = end[name] if end["status"] == "finished" else None
        if then["status"] == "pruned":
            rows.append(
                {
                    "trial": i,
                    "pruned_after": then["epochs"],
                    "of_epochs": epochs,
                    "value_when_pruned": then[name],
                    "value_at_end": whole,
                }
            )
        elif whole is not None:
            best = max(best, upwards * whole)
    for row in rows:
        whole = row["value_at_end"]
        row["would_have_won"] = whole is not None and upwards * whole > best
    return rows, planned


def in_words(rows: Sequence[Mapping[str, Any]], planned: int) -> str:
    """What was saved of the epochs that were planned, and who would have won."""
    saved = sum(row["of_epochs"] - row["pruned_after"] for row in rows)
    winners = [f"{row['trial']:03d}" for row in rows if row["would_have_won"]]
    told = f"trial {', '.join(winners)} would have won" if winners else "none would have won"
    return f"stopped trials: {len(rows)}, {saved} of {planned} epochs saved; {told}"
