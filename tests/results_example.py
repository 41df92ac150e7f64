"""Synthetic folders of results, to test the report.

`write_example`: all files of a study. `write_external`: a sweep that was imported, which has only
`analysis/` and `next/`. `write_running`: trials of a sweep that has not ended.
"""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from findings_example import RUN_TIME, findings, write_next
from segsweep.core.files import write_csv, write_json, write_yaml
from segsweep.training.columns import HISTORY
from sweep_example import (
    BATCHES,
    EPOCHS,
    METRIC,
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
    all_trials = trials(count)
    write_analysis(folder, all_trials)
    write_trials(folder, all_trials)
    write_selection(folder, all_trials)
    write_confirmation(folder)
    write_test(folder)
    write_next(folder)
    return folder


def write_external(folder: Path) -> Path:
    """An imported sweep: its trials have names and no learning curves."""
    all_trials = [{**trial, "trial": f"brisk-sweep-{trial['trial'] + 1}"} for trial in trials()]
    write_analysis(folder, all_trials, "export.csv", f"brisk-sweep-{WINNER + 1}")
    write_next(folder)
    return folder


def write_running(folder: Path, ended: int = 17) -> Path:
    write_trials(folder, trials()[:ended])
    search = {"metric": {"name": METRIC, "goal": "maximize"}, "parameters": {}}
    write_yaml(folder / "sweep/search.yaml", search)
    return folder


def write_trials(folder: Path, all_trials: list[dict[str, Any]]) -> None:
    for trial in all_trials:
        path = folder / f"trials/{trial['trial']:03d}"
        write_json(path / "suggestion.json", {"parameters": {p: trial[p] for p in PARAMETERS}})
        rows = [
            {"epoch": epoch, **dict.fromkeys(HISTORY[1:3], 1.2 - dice), METRIC: dice}
            for epoch, dice in enumerate(trial["curve"].tolist(), start=1)
        ]
        write_csv(path / "history.csv", HISTORY, rows)
        metrics = {METRIC: trial["curve"].max()} if len(trial["curve"]) else {METRIC: None}
        status = {"status": trial["status"], "reason": REASONS[trial["status"]]}
        write_json(path / "metrics.json", {**status, **metrics, "epochs": len(rows)})


def write_analysis(
    folder: Path,
    all_trials: list[dict[str, Any]],
    source: str = "results",
    best: str = f"{WINNER:03d}",
) -> None:
    analysis = folder / "analysis"
    columns = [name for name in all_trials[0] if name != "curve"]
    write_csv(
        analysis / "trials.csv", columns, [{c: trial[c] for c in columns} for trial in all_trials]
    )
    write_json(analysis / "findings.json", findings(source, best))
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
        {
            "trial": trial["trial"],
            "train": trial["train_dice_coefficient"],
            "validation": trial[METRIC],
        }
        for trial in all_trials
        if trial[METRIC] is not None
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
    write_json(analysis / "origin.json", provenance)


def write_selection(folder: Path, all_trials: list[dict[str, Any]]) -> None:
    statuses = ("finished", "pruned", "diverged", "out_of_memory")
    ranked = sorted(all_trials, key=lambda t: (statuses.index(t["status"]), -surface(t)))
    rows = [
        {
            "rank": rank if trial["status"] == "finished" else "",
            "trial": trial["trial"],
            "status": trial["status"],
            METRIC: trial[METRIC],
            "posterior_mean": surface(trial) if trial["status"] == "finished" else None,
            "posterior_sd": 0.006 if trial["status"] == "finished" else None,
            "best_epoch": trial["best_epoch"],
            "chosen_by": "explore" if trial["trial"] % 3 else "exploit",
            **{p: trial[p] for p in PARAMETERS},
            "effective_batch_size": trial["batch_size"],
            "reason": REASONS[trial["status"]],
        }
        for rank, trial in enumerate(ranked, start=1)
    ]
    write_csv(folder / "leaderboard.csv", list(rows[0]), rows)
    best = all_trials[WINNER]
    evidence = {"trial": WINNER, "of_trials": len(all_trials), METRIC: best[METRIC]}
    config = {**{p: best[p] for p in PARAMETERS}, "epochs": EPOCHS, "evidence": evidence}
    write_yaml(folder / "best_config.yaml", config, "# The selected configuration.\n")
    methods = [{"method": "otsu", METRIC: 0.7414}, {"method": "multi_otsu", METRIC: 0.6629}]
    write_csv(folder / "baselines.csv", ("method", METRIC), methods)


def write_confirmation(folder: Path) -> None:
    rng = np.random.default_rng(3)
    all_trials, rows, candidates = trials(), [], []
    for trial, p_best, centre in ((WINNER, 0.81, 0.902), (31, 0.15, 0.898), (38, 0.04, 0.883)):
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
                "observed_mean": mean,
                "estimated_mean": mean,
                "low": mean - 0.005,
                "high": mean + 0.005,
                "probability_best": p_best,
                "dropped": trial == 38,
                "parameters": {p: all_trials[trial][p] for p in PARAMETERS},
            }
        )
    write_csv(folder / "confirm/confirmation.csv", list(rows[0]), rows)
    verdict = {
        "verdict": f"No clear winner among trials {WINNER:03d} and 031; {WINNER:03d} selected "
        "(validation Dice 0.901, 95 % interval 0.896 to 0.906).",
        "details": f"P(trial {WINNER:03d} better than trial 031) = 84 %; a clear winner needs "
        f"90 %. Trial {WINNER:03d} is selected because it has the best estimated mean, and all of "
        "them cost the same to train.",
        "selected": WINNER,
        "is_clear_winner": False,
        "not_distinguishable": [WINNER, 31],
        "probability_better_than_second": 0.84,
        "candidates": candidates,
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
    validation = [{"name": f"validation-{i}", "dice": d} for i, d in enumerate((0.81, 0.9, 0.95))]
    write_csv(folder / "best/images.csv", ("name", "dice"), validation)
    for seed, name in enumerate(("best", "median", "worst")):
        write_gallery(folder / f"test/gallery/{name}.png", seed)


def write_gallery(path: Path, seed: int) -> None:
    """Write two rows of four panels: bright discs on a dark background, and predictions of them."""
    rng, side = np.random.default_rng(seed), 300
    rows = []
    y, x = np.mgrid[:side, :side]
    for _ in range(2):
        truth = np.zeros((side, side), bool)
        for cy, cx, r in zip(
            *rng.uniform([[0], [0], [12]], [[side], [side], [34]], (3, 12)), strict=True
        ):
            truth |= (y - cy) ** 2 + (x - cx) ** 2 < r**2
        predicted = np.roll(truth, (3 * seed, 2), (0, 1))
        grey = np.clip(60 + 110 * truth + rng.normal(0, 14, truth.shape), 0, 255).astype("uint8")
        panels = [np.repeat(grey[..., None], 3, 2) for _ in range(4)]
        for panel, mask, colour in ((1, truth, (230, 159, 0)), (2, predicted, (86, 180, 233))):
            edge = mask ^ (mask & np.roll(mask, 2, 0) & np.roll(mask, 2, 1))
            panels[panel][edge] = colour
        panels[3] = panels[3] // 2
        panels[3][truth & predicted] = (0, 158, 115)
        panels[3][predicted & ~truth] = (213, 94, 0)
        panels[3][truth & ~predicted] = (86, 180, 233)
        rows.append(np.concatenate(panels, 1))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.concatenate(rows)).save(path)
