"""One trial of a small sweep, run by hand as Snakemake runs it, against a server on loopback."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from project import ROOT, environment
from segsweep.core.files import read_yaml, write_json, write_yaml

SCRIPTS = ROOT / "workflow/scripts"
STUDY: dict[str, Any] = {
    "epochs": 3,
    "preprocess": {"input_shape": [64, 64, 1]},
    "model": {"base_channels": 2, "depth": 2},
    "training": {"threads": 1, "device": "cpu"},
    "wandb": {"project": "cells"},
}
CHOSEN = {"batch_size": 8, "learning_rate": 0.01, "dropout": 0.1, "l2_reg": 1e-5}
WRITTEN = ("metrics.json", "history.csv", "images.csv", "model.safetensors")


@dataclass
class Example:
    """A project's folder with a sweep and processed data; `home` has no login."""

    folder: Path
    data: Path
    under: tuple[str, ...] = ()
    """What scripts are run under, such as strace."""

    def __post_init__(self) -> None:
        self.home = self.folder / "home"
        self.home.mkdir(parents=True)
        (self.folder / "workflow").symlink_to(ROOT / "workflow")
        write_yaml(self.folder / "params.yaml", STUDY)
        self.run("sweep.py", "params.yaml", "results/sweep")

    def run(self, script: str, *options: str, check: bool = True, **env: str) -> str:
        """Run a script of the workflow here; returns stdout and stderr."""
        done = subprocess.run(
            [*self.under, sys.executable, str(SCRIPTS / script), *options],
            cwd=self.folder,
            env=environment() | {"HOME": str(self.home), "TMPDIR": str(self.home)} | env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert "Traceback" not in done.stdout, done.stdout
        if check:
            assert done.returncode == 0, done.stdout
        return done.stdout

    def trial(self, index: int, *options: str, check: bool = True, **env: str) -> str:
        """Run a trial; its key is "trial" and its number."""
        out = self.out(index)
        config = read_yaml(self.folder / "results/sweep/training.yaml") | CHOSEN
        write_yaml(out / "config.yaml", config)
        write_json(out / "suggestion.json", {"parameters": CHOSEN})
        return self.run(
            "trial.py",
            *("results/sweep/sweep.yaml", str(self.data), f"results/trials/{index:03d}"),
            *("--images", "1", "--key", f"trial{index}", *options),
            check=check,
            **env,
        )

    def out(self, index: int) -> Path:
        return self.folder / f"results/trials/{index:03d}"

    def written(self, index: int) -> dict[str, bytes]:
        """What a trial is judged by; the key is that of its number."""
        found = {name: (self.out(index) / name).read_bytes() for name in WRITTEN}
        metrics = json.loads(found["metrics.json"])
        return found | {"metrics.json": json.dumps(metrics | {"key": ""}).encode()}

    def files_with(self, text: str) -> list[Path]:
        """Files below this folder, home among them, in which a text stands."""
        files = (path for path in self.folder.rglob("*") if path.is_file())
        return [path for path in files if text.encode() in path.read_bytes()]
