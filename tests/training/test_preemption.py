"""SIGTERM, as a scheduler sends it before it takes the machine away."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import yaml

from project import ROOT, environment
from segsweep.config.training_config import TrainingConfig
from segsweep.core.files import read_csv

SECONDS = 10
"""What Slurm grants is 30 by default."""


def test_sigterm_leaves_a_checkpoint_and_the_whole_history_of_the_run(
    config: TrainingConfig, nuclei_processed: Path, tmp_path: Path
) -> None:
    whole, taken = tmp_path / "whole", tmp_path / "taken"
    chosen = tmp_path / "config.yaml"
    chosen.write_text(yaml.safe_dump({**config.to_dict(), "epochs": 40}))

    def command(out: Path) -> list[str]:
        checkpoints = ["--checkpoints", str(out / "kept"), "--wandb-project", "tests"]
        script = [sys.executable, "workflow/scripts/train.py"]
        return [*script, str(chosen), str(nuclei_processed), str(out), *checkpoints]

    settings = {"cwd": ROOT, "env": environment(), "text": True}
    training = subprocess.Popen(command(taken), stdout=subprocess.PIPE, **settings)
    assert training.stdout is not None
    for line in training.stdout:
        if "epoch 3/40" in line:
            break
    sent = time.monotonic()
    training.send_signal(signal.SIGTERM)
    said = training.stdout.read()
    assert training.wait(timeout=60) == 128 + signal.SIGTERM
    assert time.monotonic() - sent < SECONDS
    assert not (taken / "metrics.json").exists()
    (run,) = taken.glob("wandb/offline-run-*/*.wandb")
    told = subprocess.run(
        ["wandb", "leet", "inspect", "--json", str(run)],
        capture_output=True,
        check=True,
        **settings,  # type: ignore[call-overload]
    ).stdout
    logged = [line for line in told.splitlines() if json.loads(line).get("type") == "history"]
    told_epochs = 3 + said.count("epoch ")
    assert told_epochs <= len(logged) <= told_epochs + 1 < 40  # it is logged, then told
    assert (taken / "kept/last.safetensors").exists()
    for out in (taken, whole):
        subprocess.run(command(out), check=True, capture_output=True, **settings)  # type: ignore[call-overload]
    assert len(read_csv(taken / "history.csv")) == 40
    for name in ("metrics.json", "history.csv", "images.csv", "model.safetensors"):
        assert (taken / name).read_bytes() == (whole / name).read_bytes()
