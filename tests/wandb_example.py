"""One trial of a small sweep with the script of the workflow, and a W&B server on loopback."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from project import ROOT, environment, segsweep
from segsweep.core.files import read_yaml, write_json, write_yaml
from wandb_server import Server

SCRIPTS = ROOT / "workflow/scripts"
STUDY: dict[str, Any] = {
    "epochs": 3,
    "preprocess": {"input_shape": [64, 64, 1]},
    "model": {"base_channels": 2, "depth": 2},
    "training": {"threads": 1, "device": "cpu"},
    "wandb": {"project": "cells"},
}
PARAMETERS = {"batch_size": 8, "learning_rate": 0.01, "dropout": 0.1, "l2_reg": 1e-5}
RESULT_FILES = ("metrics.json", "history.csv", "images.csv", "model.safetensors")


@dataclass
class Example:
    """A project folder with a sweep and processed data, and a home folder without a login."""

    folder: Path
    data: Path
    prefix: tuple[str, ...] = ()
    """A command that runs the scripts, such as strace."""

    def __post_init__(self) -> None:
        self.home = self.folder / "home"
        self.home.mkdir(parents=True)
        (self.folder / "workflow").symlink_to(ROOT / "workflow")
        write_yaml(self.folder / "params.yaml", STUDY)
        self.script("sweep.py", "params.yaml", "results/sweep")

    def script(self, name: str, *options: str, check: bool = True, **env: str) -> str:
        """Run a script of the workflow; return stdout and stderr."""
        return self._run([sys.executable, str(SCRIPTS / name), *options], check, env)

    def sync(self, server: Server, check: bool = True) -> str:
        """Run `segsweep sync`; return stdout and stderr."""
        command = segsweep("sync", "results", "--data", self.data)
        return self._run(command, check, server.environment)

    def _run(self, command: list[str], check: bool, env: dict[str, str]) -> str:
        done = subprocess.run(
            [*self.prefix, *command],
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
        """Run a trial with the key `trial{index}`; return stdout and stderr."""
        out = self.out(index)
        config = read_yaml(self.folder / "results/sweep/training.yaml") | PARAMETERS
        write_yaml(out / "config.yaml", config)
        write_json(out / "suggestion.json", {"parameters": PARAMETERS})
        return self.script(
            "trial.py",
            *("results/sweep/sweep.yaml", str(self.data), f"results/trials/{index:03d}"),
            *("--images", "1", "--key", f"trial{index}", *options),
            check=check,
            **env,
        )

    def out(self, index: int) -> Path:
        return self.folder / f"results/trials/{index:03d}"

    def results(self, index: int) -> dict[str, bytes]:
        """Return the result files of a trial, without its key."""
        contents = {name: (self.out(index) / name).read_bytes() for name in RESULT_FILES}
        metrics = json.loads(contents["metrics.json"])
        return contents | {"metrics.json": json.dumps(metrics | {"key": ""}).encode()}

    def files_with(self, text: str) -> list[Path]:
        """Return the files below this folder, including the home folder, that contain `text`."""
        files = (path for path in self.folder.rglob("*") if path.is_file())
        return [path for path in files if text.encode() in path.read_bytes()]
