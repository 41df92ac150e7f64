"""One trial through the real `wandb agent`, with the sweep served from this process."""

import hashlib
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from segsweep.core.errors import MachineError, UserError
from segsweep.core.processes import dying_with_me
from segsweep.wandb_backend.sweep_server import Backend

LAUNCHER = Path(__file__).with_name("wandb_cli.py")
ENTITY = "local"
TERM_TIMEOUT = 20
"""Seconds that a trial has to save its state after SIGTERM."""


def sweep_id(sweep: dict[str, Any]) -> str:
    """A sweep's own name: the same for the same sweep configuration, else another."""
    return hashlib.sha256(json.dumps(sweep, sort_keys=True).encode()).hexdigest()[:8]


def run_trial(
    sweep: dict[str, Any],
    parameters: dict[str, Any],
    command: list[str],
    out: Path,
    key: str,
    settings: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Run `command` as the one run that a `wandb agent --count 1` is handed.

    The run's files go to `out/wandb`; its id comes from the sweep and `key`. `settings` are more of
    its environment. The agent's exit status says nothing about the trial, so what counts is
    `out/metrics.json`. Raises `MachineError` when the trial left none; why, the
    trial itself says, unless it was killed.
    """
    name = sweep_id(sweep)
    run_id = f"{name}-{key[:12]}"
    if not re.fullmatch(r"[A-Za-z0-9-]+", run_id):
        raise UserError(f"--key: found {key!r}, expected letters, digits and dashes only")
    metrics = out / "metrics.json"
    metrics.unlink(missing_ok=True)
    shutil.rmtree(out / "wandb", ignore_errors=True)
    served = {**sweep, "command": ["${env}", sys.executable, *command]}
    token = secrets.token_hex(32)
    with (
        tempfile.TemporaryDirectory(prefix="segsweep-") as scratch,
        Backend(token, served, run_id, parameters) as backend,
    ):
        agent = subprocess.run(
            [
                sys.executable,
                str(LAUNCHER),
                "agent",
                "--count",
                "1",
                "--forward-signals",
                "--term-timeout",
                str(TERM_TIMEOUT),
                f"{ENTITY}/{sweep['project']}/{name}",
            ],
            env=_environment(backend.url, token, out, Path(scratch)) | dict(settings),
            preexec_fn=dying_with_me(),
            check=False,
        )
    if not metrics.exists():
        handed = "ended without a result" if backend.handed_out else "was never started"
        raise MachineError(f"{out}: the trial {handed} (wandb agent ended with {agent.returncode})")


def _environment(url: str, token: str, out: Path, scratch: Path) -> dict[str, str]:
    """The agent's environment: no account, no home folder and no other server of W&B's is used."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("WANDB_")}
    return inherited | {
        "WANDB_API_KEY": token,
        "WANDB_BASE_URL": url,
        "WANDB_MODE": "offline",
        "WANDB_DIR": str(out.resolve()),
        "WANDB_CACHE_DIR": str(scratch / "cache"),
        "WANDB_CONFIG_DIR": str(scratch / "config"),
        "WANDB_DATA_DIR": str(scratch / "data"),
        "WANDB_ERROR_REPORTING": "false",
    }
