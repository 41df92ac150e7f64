"""A log of W&B's without its sweep, read by W&B's own program."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from project import environment
from segsweep.wandb_backend.log import HEADER, forget_sweep, framed, records

TRAINING = """
import wandb
run = wandb.init(project="cells", config={"text": "x" * 100_000})
for epoch in range(40):
    run.log({"epoch": epoch, "text": "y" * 1_000})
run.finish()
"""


def told(log: Path) -> list[dict[str, Any]]:
    lines = subprocess.run(
        [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(log.parent)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    return [json.loads(line) for line in lines]


def test_only_the_sweep_is_gone_from_a_log_of_many_blocks(tmp_path: Path) -> None:
    settings = {"WANDB_MODE": "offline", "WANDB_SWEEP_ID": "theirs", "WANDB_SILENT": "true"}
    subprocess.run(
        [sys.executable, "-c", TRAINING], cwd=tmp_path, env=environment() | settings, check=True
    )
    (log,) = tmp_path.glob("wandb/offline-run-*/run-*.wandb")
    content = log.read_bytes()
    assert content[:HEADER] + framed(records(content)) == content

    (copy := tmp_path / "copy" / log.parent.name).parent.mkdir()
    shutil.copytree(log.parent, copy)
    forget_sweep(copy / log.name)
    before, after = told(log), told(copy / log.name)
    assert "theirs" in json.dumps(before)
    assert "theirs" not in json.dumps(after)
    for record in before:
        if record["type"] == "run":
            record["run"] = {k: v for k, v in record["run"].items() if v != "theirs"}
    assert after == before


def test_a_record_that_is_cut_off_is_left_out() -> None:
    whole = bytes(HEADER) + framed([b"a" * 10, b"b" * 70_000])
    assert list(records(whole)) == [b"a" * 10, b"b" * 70_000]
    assert list(records(whole[:-1])) == [b"a" * 10]
