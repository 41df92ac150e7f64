"""Run one trial through the real `wandb agent`, with its sweep served by this process."""

import hashlib
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from segsweep.core.errors import MachineError, UserError
from segsweep.core.processes import dying_with_me
from segsweep.core.scratch import scratch_variables, wandb_scratch
from segsweep.wandb_backend.sweep_server import SweepServer

WANDB_CLI = Path(__file__).with_name("wandb_cli.py")
ENTITY = "local"
TERM_TIMEOUT = 20
"""Seconds that a trial has after SIGTERM to save its state."""


def sweep_id(sweep: dict[str, Any]) -> str:
    """Return the id of a sweep: a hash of its configuration."""
    return hashlib.sha256(json.dumps(sweep, sort_keys=True).encode()).hexdigest()[:8]


def run_trial(
    sweep: dict[str, Any],
    parameters: dict[str, Any],
    command: list[str],
    out: Path,
    key: str,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Run `command` as the one run of a `wandb agent --count 1`.

    The exit status of the agent does not say how the trial ended, so `out/metrics.json` decides. If
    it is missing, the trial has printed the reason itself, unless it was killed.

    Args:
        sweep: The W&B sweep configuration.
        parameters: What the agent passes to the run.
        command: The program of the trial and its arguments, without the interpreter.
        out: The trial's folder; the files of the W&B run go to `out/wandb`.
        key: Names the run within the sweep.
        variables: Additional environment variables of the trial.

    Raises:
        UserError: `key` cannot be part of a run id.
        MachineError: The trial wrote no `metrics.json`.
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
        wandb_scratch() as scratch,
        SweepServer(token, served, run_id, parameters) as server,
    ):
        agent = subprocess.run(
            [
                *(sys.executable, str(WANDB_CLI), "agent", "--count", "1"),
                *("--forward-signals", "--term-timeout", str(TERM_TIMEOUT)),
                f"{ENTITY}/{sweep['project']}/{name}",
            ],
            env=_agent_environment(server.url, token, out, scratch) | dict(variables),
            preexec_fn=dying_with_me(),
            check=False,
        )
    if not metrics.exists():
        how = "ended without a result" if server.run_assigned else "was never started"
        raise MachineError(
            f"{out}: the trial {how} (wandb agent ended with status {agent.returncode})"
        )


def _agent_environment(url: str, token: str, out: Path, scratch: Path) -> dict[str, str]:
    """Return the agent's environment: no W&B account, home folder or server but ours is used."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("WANDB_")}
    return (
        inherited
        | scratch_variables(scratch)
        | {
            "WANDB_API_KEY": token,
            "WANDB_BASE_URL": url,
            "WANDB_MODE": "offline",
            # for the run; the agent's log goes to TMPDIR, as this folder has no wandb/ yet
            "WANDB_DIR": str(out.resolve()),
            "WANDB_CONFIG_DIR": str(scratch / "config"),
            "WANDB_ERROR_REPORTING": "false",
        }
    )
