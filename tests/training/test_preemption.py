"""SIGTERM, which a scheduler sends before it ends a job."""

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
"""Slurm waits 30 seconds by default."""


def test_sigterm_leaves_a_checkpoint_and_the_whole_history_in_wandb(
    config: TrainingConfig, nuclei_processed: Path, tmp_path: Path
) -> None:
    whole, interrupted = tmp_path / "whole", tmp_path / "interrupted"
    config_file = tmp_path / "config.yaml"
    config_file.write_text(yaml.safe_dump({**config.to_dict(), "epochs": 40}))

    def command(out: Path) -> list[str]:
        checkpoints = ["--checkpoints", str(out / "checkpoints"), "--wandb-project", "tests"]
        script = [sys.executable, "workflow/scripts/train.py"]
        return [*script, str(config_file), str(nuclei_processed), str(out), *checkpoints]

    settings = {"cwd": ROOT, "env": environment(), "text": True}
    training = subprocess.Popen(command(interrupted), stdout=subprocess.PIPE, **settings)
    assert training.stdout is not None
    for line in training.stdout:
        if "epoch 3/40" in line:
            break
    signal_time = time.monotonic()
    training.send_signal(signal.SIGTERM)
    output = training.stdout.read()
    assert training.wait(timeout=60) == 128 + signal.SIGTERM
    assert time.monotonic() - signal_time < SECONDS
    assert not (interrupted / "metrics.json").exists()
    (run,) = interrupted.glob("wandb/offline-run-*/*.wandb")
    log = subprocess.run(
        ["wandb", "leet", "inspect", "--json", str(run)],
        capture_output=True,
        check=True,
        **settings,  # type: ignore[call-overload]
    ).stdout
    logged = [line for line in log.splitlines() if json.loads(line).get("type") == "history"]
    printed = 3 + output.count("epoch ")
    assert printed <= len(logged) <= printed + 1 < 40  # an epoch is logged, then printed
    assert (interrupted / "checkpoints/last.safetensors").exists()
    for out in (interrupted, whole):
        subprocess.run(command(out), check=True, capture_output=True, **settings)  # type: ignore[call-overload]
    assert len(read_csv(interrupted / "history.csv")) == 40
    for name in ("metrics.json", "history.csv", "images.csv", "model.safetensors"):
        assert (interrupted / name).read_bytes() == (whole / name).read_bytes()
