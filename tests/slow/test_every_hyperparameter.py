"""A sweep over every searchable hyperparameter at once, through the real agent."""

import csv
from collections.abc import Callable

import yaml

from project import ANSWER, Project
from segsweep.config.sweep import SECTION_OF

CHOICES = {
    "batch_size": {"values": [4, 8]},
    "learning_rate": {"distribution": "log_uniform_values", "min": 0.001, "max": 0.02},
    "optimizer": {"values": ["adam", "adamw", "sgd"]},
    "scheduler": {"values": ["constant", "cosine"]},
    "warmup": {"min": 0.0, "max": 0.3},
    "augmentation": {"min": 0.0, "max": 2.0},
    "mixed_precision": {"values": [True, False]},
    "steps_per_epoch": {"values": [3, 6]},
    "model": {"parameters": {"norm": {"values": ["none", "batch", "group"]}}},
    "training": {"parameters": {"loss": {"values": ["bce", "dice", "bce_dice"]}}},
}


def test_every_hyperparameter_is_searched_and_the_best_can_be_pasted_back(
    clones: Callable[[str], Project],
) -> None:
    project = clones("choices")
    project.change_study({"sweep": {"method": "random", "parameters": CHOICES, "trials": 4}})
    project.snakemake(*ANSWER)
    with (project.folder / "results/leaderboard.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["status"] for row in rows} == {"finished"}
    names = {"norm", "loss", *CHOICES} - {"model", "training"}
    assert all(len({row[name] for row in rows}) > 1 for name in names)
    best = yaml.safe_load(project.read("results/best_config.yaml"))
    trial = best["evidence"]["trial"]
    config = yaml.safe_load(project.read(f"results/trials/{trial:03d}/config.yaml"))
    for name in names:
        section = best[SECTION_OF[name]] if name in SECTION_OF else best
        assert section[name] == config[name]
    project.change_study({key: value for key, value in best.items() if key != "evidence"})
    project.snakemake("--", "results/train/metrics.json")
    weights = project.read("results/train/model.safetensors")
    assert weights == project.read("results/best/model.safetensors")
    assert "restored from the cache" in project.read("logs/train.log").decode()
