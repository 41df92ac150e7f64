"""Folders of results as a sweep leaves them, made up and the same each time, to test the report.

`write_example`: everything a study can have. `write_external`: a sweep read from an export, which
has only `analysis/` and `next/`. `write_running`: trials of a sweep that has not ended.
"""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from segsweep.core.files import write_csv, write_json, write_text, write_yaml
from segsweep.training.columns import HISTORY
from sweep_example import (
    BATCHES,
    EPOCHS,
    METRIC,
    MIDDLE,
    PARAMETERS,
    REASONS,
    SHARES,
    WINNER,
    batches,
    effects,
    grid,
    surface,
    trials,
)


def write_example(folder: Path, count: int = 40) -> Path:
    made = trials(count)
    write_analysis(folder, made)
    write_trials(folder, made)
    write_answer(folder, made)
    write_confirmation(folder)
    write_test(folder)
    write_next(folder)
    return folder


def write_external(folder: Path) -> Path:
    """As an export gives it: trials have names, nothing is known of their epochs."""
    made = [{**one, "trial": f"brisk-sweep-{one['trial'] + 1}"} for one in trials()]
    write_analysis(folder, made, source="export.csv")
    write_next(folder)
    return folder


def write_running(folder: Path, ended: int = 17) -> Path:
    write_trials(folder, trials()[:ended])
    search = {"metric": {"name": METRIC, "goal": "maximize"}, "parameters": {}}
    write_yaml(folder / "sweep/search.yaml", search)
    return folder


def write_trials(folder: Path, made: list[dict[str, Any]]) -> None:
    for one in made:
        home = folder / f"trials/{one['trial']:03d}"
        write_json(home / "suggestion.json", {"parameters": {p: one[p] for p in PARAMETERS}})
        rows = [
            {"epoch": epoch, **dict.fromkeys(HISTORY[1:3], 1.2 - dice), METRIC: dice}
            for epoch, dice in enumerate(one["curve"].tolist(), start=1)
        ]
        write_csv(home / "history.csv", HISTORY, rows)
        metrics = {METRIC: one["curve"].max()} if len(one["curve"]) else {METRIC: None}
        told = {"status": one["status"], "reason": REASONS[one["status"]]}
        write_json(home / "metrics.json", {**told, **metrics, "epochs": len(rows)})


def write_analysis(folder: Path, made: list[dict[str, Any]], source: str = "results") -> None:
    analysis = folder / "analysis"
    columns = [name for name in made[0] if name != "curve"]
    write_csv(analysis / "trials.csv", columns, [{c: one[c] for c in columns} for one in made])
    write_json(analysis / "findings.json", findings(source))
    write_json(analysis / "runtime.json", {"findings": [RUN_TIME]})
    write_csv(analysis / "importance.csv", ("target", "parameter", "share", "low", "high"), SHARES)
    write_csv(analysis / "effects.csv", ("parameter", "value", "mean", "low", "high"), effects())
    write_csv(analysis / "batch_size.csv", list(batches()[0]), batches())
    rates = [
        {
            "batch_size": b,
            "best_learning_rate": 0.0011 * b**0.52,
            "low": 0.0007 * b**0.52,
            "high": 0.0018 * b**0.52,
        }
        for b in BATCHES
    ]
    write_csv(analysis / "learning_rate.csv", list(rates[0]), rates)
    write_csv(analysis / "map.csv", ("batch_size", "learning_rate", "mean", "sd"), grid())
    fits = [
        {"trial": one["trial"], "train": one["train_dice_coefficient"], "validation": one[METRIC]}
        for one in made
        if one[METRIC] is not None
    ]
    write_csv(analysis / "gap.csv", ("trial", "train", "validation"), fits)
    provenance = {
        "segsweep": "1.0.0",
        "versions": {"torch": "2.13.0", "numpy": "2.4.6", "scipy": "1.17.1"},
        "data_sha256": "5b77bc95325b034c814c79eeb9564571fb125cf99f9c7cbe39086e51f450df78",
        "study_sha256": "0225a7ce227c355802506e4fbeac94f11e5e2144889102d6a478e63f150afca0",
        "device": "cuda",
        "hardware": ["NVIDIA T4, 15.8 GB, driver 550.54", "8 cores, 31 GB of memory"],
    }
    write_json(analysis / "provenance.json", provenance)


def findings(source: str) -> dict[str, Any]:
    return {
        "source": source,
        "metric": METRIC,
        "goal": "maximize",
        "parameters": list(PARAMETERS),
        "constants": {"epochs": EPOCHS, "optimizer": "adam", "depth": 4},
        "left_out": {"no value of the metric": 2},
        "verdict": "Take batch 8 at a learning rate near 0.003: it is as good as anything that was "
        "tried, and the learning rate decides more than all else together.",
        "findings": [dict(zip(FINDING, one, strict=True)) for one in FINDINGS],
    }


FINDING = ("id", "topic", "sure", "plot", "number", "interval", "sentence")
FINDINGS: list[tuple[Any, ...]] = [
    ("importance", "What matters", "sure", "importance", 0.61, [0.45, 0.74],
     "The learning rate decides 61 % of what the parameters change; the batch size comes next with "
     "17 %."),
    ("batch size", "Batch size", "likely", "batch_size", 0.012, [0.002, 0.021],
     "With all else tuned for it, batch 8 is 0.012 better than batch 2, and no better than batch "
     "16."),
    ("learning rate with batch", "Learning rate", "likely", "learning_rate", 0.52, [0.31, 0.78],
     "The best learning rate grows with the batch to the power of 0.52, so with its square root "
     "and not in proportion."),
    ("effect of dropout", "Dropout", "cannot tell", "effect_dropout", 0.004, [-0.009, 0.013],
     "Whether dropout helps at all cannot be told from these trials."),
    ("edges", "Ranges that are too narrow", "sure", None, None, None,
     "No best value lies at an edge of its range."),
    ("overfitting", "Overfitting", "sure", "gap", 0.02, [0.018, 0.024],
     "Training Dice lies 0.02 above validation Dice in the middle trial: there is little "
     "overfitting to gain from."),
    ("stopping", "Stopping early", "likely", "curves", None, None,
     "Stopped trials were behind by more than the last epochs ever made up for."),
    ("failures", "Failures", "sure", None, 0.1, [0.03, 0.23],
     "Of 40 trials 4 failed: learning rates above 0.02 diverge."),
]  # fmt: skip

RUN_TIME = dict(
    zip(
        FINDING,
        (
            "run time", "Run time", "sure", "run_time", 3.8, [3.5, 4.2],
            "Wider networks take the time: 32 base channels cost 3.8 times what 8 do.",
        ),
        strict=True,
    )
)  # fmt: skip


def write_answer(folder: Path, made: list[dict[str, Any]]) -> None:
    ending = ("finished", "pruned", "diverged", "out_of_memory")
    order = sorted(made, key=lambda one: (ending.index(one["status"]), -(one[METRIC] or 0)))
    rows = [
        {
            "rank": rank if one["status"] == "finished" else "",
            "trial": one["trial"],
            "status": one["status"],
            METRIC: one[METRIC],
            "posterior_mean": surface(one) if one["status"] == "finished" else None,
            "posterior_sd": 0.006 if one["status"] == "finished" else None,
            "best_epoch": one["best_epoch"],
            "chosen_by": "explore" if one["trial"] % 3 else "exploit",
            **{p: one[p] for p in PARAMETERS},
            "effective_batch_size": one["batch_size"],
            "reason": REASONS[one["status"]],
        }
        for rank, one in enumerate(order, start=1)
    ]
    write_csv(folder / "leaderboard.csv", list(rows[0]), rows)
    best = made[WINNER]
    evidence = {"trial": WINNER, "of_trials": len(made), METRIC: best[METRIC]}
    config = {**{p: best[p] for p in PARAMETERS}, "epochs": EPOCHS, "evidence": evidence}
    write_yaml(folder / "best_config.yaml", config, "# The best configuration of the sweep.\n")
    methods = [{"method": "otsu", METRIC: 0.7414}, {"method": "multi_otsu", METRIC: 0.6629}]
    write_csv(folder / "baselines.csv", ("method", METRIC), methods)


def write_confirmation(folder: Path) -> None:
    rng = np.random.default_rng(3)
    made, rows, candidates = trials(), [], []
    for trial, chance, centre in ((WINNER, 0.81, 0.902), (31, 0.15, 0.898), (38, 0.04, 0.883)):
        values = (centre + rng.normal(0, 0.004, 5)).tolist()
        rows += [
            {"trial": trial, "seed": seed, "status": "finished", METRIC: value}
            for seed, value in enumerate(values, start=1)
        ]
        mean = float(np.mean(values))
        candidates.append(
            {
                "trial": trial,
                "seeds": 5,
                "mean": mean,
                "low": mean - 0.005,
                "high": mean + 0.005,
                "probability_best": chance,
                "dropped": trial == 38,
                "parameters": {p: made[trial][p] for p in PARAMETERS},
            }
        )
    write_csv(folder / "confirm/confirmation.csv", list(rows[0]), rows)
    verdict = {
        "verdict": f"Trial {WINNER:03d} was best again over five new seeds, but it cannot be told "
        "apart from trial 031.",
        "winner": WINNER,
        "is_clear_winner": False,
        "candidates": candidates,
        "beats_second": 0.84,
    }
    write_json(folder / "confirm/verdict.json", verdict)


def write_test(folder: Path) -> None:
    rng = np.random.default_rng(5)
    dice = np.clip(0.893 + rng.normal(0, 0.03, 14), 0, 1).tolist()
    rows = [
        {"name": f"tile-{i:02d}", "group": f"field-{i // 3}", "dice": d} for i, d in enumerate(dice)
    ]
    write_csv(folder / "test/images.csv", ("name", "group", "dice"), rows)
    summary = {
        "images": 14,
        "groups": 5,
        "dice": {"mean": float(np.mean(dice)), "interval": [0.874, 0.911]},
        "iou": {"mean": 0.81, "interval": [0.78, 0.84]},
        "hausdorff95": {"mean": 3.42, "interval": [2.7, 4.3]},
        "mean_surface_distance": {"mean": 0.91, "interval": [0.74, 1.1]},
        "unit": "px",
        "undefined": 0,
        "undefined_in": [],
    }
    write_json(folder / "test/summary.json", summary)
    seen = [{"name": f"seen-{i}", "dice": d} for i, d in enumerate((0.81, 0.9, 0.95))]
    write_csv(folder / "best/images.csv", ("name", "dice"), seen)
    for seed, name in enumerate(("best", "median", "worst")):
        write_gallery(folder / f"test/gallery/{name}.png", seed)


def write_gallery(path: Path, seed: int) -> None:
    """Two rows of four panels: bright discs on a dark ground, and what was made of them."""
    rng, side = np.random.default_rng(seed), 300
    rows = []
    y, x = np.mgrid[:side, :side]
    for _ in range(2):
        truth = np.zeros((side, side), bool)
        for cy, cx, r in zip(
            *rng.uniform([[0], [0], [12]], [[side], [side], [34]], (3, 12)), strict=True
        ):
            truth |= (y - cy) ** 2 + (x - cx) ** 2 < r**2
        found = np.roll(truth, (3 * seed, 2), (0, 1))
        grey = np.clip(60 + 110 * truth + rng.normal(0, 14, truth.shape), 0, 255).astype("uint8")
        panels = [np.repeat(grey[..., None], 3, 2) for _ in range(4)]
        for panel, mask, colour in ((1, truth, (230, 159, 0)), (2, found, (86, 180, 233))):
            edge = mask ^ (mask & np.roll(mask, 2, 0) & np.roll(mask, 2, 1))
            panels[panel][edge] = colour
        panels[3] = panels[3] // 2
        panels[3][truth & found] = (0, 158, 115)
        panels[3][found & ~truth] = (213, 94, 0)
        panels[3][truth & ~found] = (86, 180, 233)
        rows.append(np.concatenate(panels, 1))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.concatenate(rows)).save(path)


def write_next(folder: Path) -> None:
    write_yaml(
        folder / "next/params.yaml",
        {
            **MIDDLE,
            "epochs": 30,
            "sweep": {
                "parameters": {
                    "learning_rate": {
                        "distribution": "log_uniform_values",
                        "min": 0.001,
                        "max": 0.01,
                    }
                }
            },
        },
    )
    write_yaml(folder / "next/sweep.yaml", {"method": "bayes", "parameters": {}})
    write_text(folder / "next/rationale.md", RATIONALE)
    write_text(folder / "next/changes.diff", DIFF)


RATIONALE = """\
# The next sweep

Twelve trials are enough: the **learning rate** is known to a factor of 2.

| key | from | to | reason | finding |
| --- | --- | --- | --- | --- |
| `sweep.parameters.learning_rate.min` | 0.0001 | 0.001 | nothing good lay below | scaling |
| `sweep.parameters.learning_rate.max` | 0.05 | 0.01 | above, trainings diverged | scaling |
| `epochs` | 20 | 30 | the best trials still rose at their end | stopping |

## What is left out

- `loss`, as it decides least.
"""

DIFF = """\
--- params.yaml
+++ next/params.yaml
@@ -1,9 +1,9 @@
-epochs: 20
+epochs: 30
 sweep:
   parameters:
-    learning_rate: {distribution: log_uniform_values, min: 0.0001, max: 0.05}
+    learning_rate: {distribution: log_uniform_values, min: 0.001, max: 0.01}
     dropout: {distribution: uniform, min: 0.0, max: 0.5}
-    loss: {values: [bce, dice, bce_dice]}
"""
