"""CSV exports of W&B's table of runs, as the tests of importers read them."""

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

METRIC = "val_dice_coefficient"


def write(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write a table as W&B does: a BOM, all cells in quotes, empty cells for missing values."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(columns)
        writer.writerows([["" if row.get(c) is None else row[c] for c in columns] for row in rows])
    return path


def run(
    index: int, config: Mapping[str, Any], summary: Mapping[str, Any], **leading: Any
) -> dict[str, Any]:
    return {
        "Name": f"fancy-sweep-{index}",
        "State": "finished",
        "Notes": "-",
        "User": "someone",
        "Tags": "",
        "Created": f"2024-05-{1 + index:02d}T09:00:00.000Z",
        "Runtime": 600 + index,
        "Sweep": "k3x9qz1e",
        **leading,
        **config,
        **summary,
    }


def example_rows(n: int = 24) -> list[dict[str, Any]]:
    """Return a sweep that is best near batch size 16 and learning rate 1.6e-4."""
    rng = np.random.default_rng(7)
    rows = []
    for i in range(n):
        config = {
            "batch_size": int(rng.choice([4, 8, 16, 32, 64])),
            "dropout": rng.uniform(0.15, 0.25),
            "epochs": 40,
            "input_shape": "[256,256,1]",
            "l2_reg": rng.uniform(1e-5, 1.5e-4),
            "learning_rate": rng.uniform(8e-5, 1.5e-3),
            "parameters.batch_size.values": "[4,8,16,32,64]",
            "parameters.learning_rate.max": 0.0015,
            "parameters.learning_rate.min": 8e-5,
            "parameters.learning_rate.value": None,
            "metric.goal": "maximize",
            "task": "segmentation",
        }
        distance = abs(math.log2(config["batch_size"] / 16)) + abs(
            config["learning_rate"] / 1.6e-4 - 1
        )
        dice = 0.82 - 0.02 * distance + rng.normal(0, 0.004)
        summary = {
            "_runtime": 600.25 + i,
            "_step": 39,
            "_timestamp": 1714554000.5 + i,
            "_wandb": '{"runtime":600}',
            "best_epoch": int(rng.integers(20, 40)),
            "epoch": 39,
            "loss": rng.uniform(0.2, 0.4),
            METRIC: dice,
            f"{METRIC}.max": dice + 0.01,
            "val_loss": rng.uniform(0.2, 0.5),
        }
        rows.append(run(i, config, summary))
    return rows


def rows_with(names: Sequence[str], n: int = 8) -> list[dict[str, Any]]:
    """Return runs with one parameter and these outcomes."""
    rng = np.random.default_rng(1)
    rates = rng.uniform(1e-4, 1e-1, n)
    return [
        run(i, {"lr": rates[i]}, {name: rng.random() for name in ("epoch", *names)})
        for i in range(n)
    ]
