"""Where W&B runs go, and the environment variables that carry this to a training.

Every trial runs under our own `wandb agent`, which sets the WANDB_ variables to point at a sweep
server on loopback. The user's own WANDB_ variables therefore travel under another prefix, and the
training restores them before it starts its W&B run.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segsweep.core.errors import UserError
from segsweep.core.files import read_yaml

PREFIX = "SEGSWEEP_USER_"
"""Prefix under which the user's WANDB_ variables travel through the agent."""
PARAMETER_FILE = "WANDB_SWEEP_PARAM_PATH"
"""Variable in which a `wandb agent` names the file with the parameters of its run."""
AGENT_VARIABLES = {"WANDB_RUN_ID", PARAMETER_FILE, "WANDB_CACHE_DIR", "WANDB_DATA_DIR"}
"""Variables of our agent that an online run keeps."""
SERVER_VARIABLES = {
    "WANDB_API_KEY",
    "WANDB_IDENTITY_TOKEN_FILE",
    "WANDB_BASE_URL",
    "WANDB_SWEEP_ID",
}
"""Variables that an offline run does not need."""


@dataclass(frozen=True)
class RunTarget:
    """A W&B project and entity, and whether runs are streamed there as well as written to files."""

    project: str
    entity: str | None = None
    online: bool = False

    def train_options(self) -> list[str]:
        """Return the matching options of train.py."""
        entity = ["--wandb-entity", self.entity] if self.entity else []
        return ["--wandb-project", self.project, *entity, *(["--wandb-online"] * self.online)]


def forward_variables(
    environment: Mapping[str, str], target: RunTarget, sweep: str | None
) -> dict[str, str]:
    """Return the user's WANDB_ variables under `PREFIX`, with the id of the sweep on the server.

    A run in a sweep takes project and entity from its environment only.
    """
    variables = {name: value for name, value in environment.items() if name.startswith("WANDB_")}
    if sweep:
        variables |= {"WANDB_SWEEP_ID": sweep, "WANDB_PROJECT": target.project}
        variables |= {"WANDB_ENTITY": target.entity} if target.entity else {}
    return {f"{PREFIX}{name}": value for name, value in variables.items()}


def restore_variables(online: bool) -> None:
    """Set the WANDB_ variables of this process for a run of its own.

    Online: the user's variables, and those that the agent sets for the run. Offline: neither key
    nor server, and no sweep id, because no server knows the sweep.
    """
    users = {
        name.removeprefix(PREFIX): value
        for name, value in os.environ.items()
        if name.startswith(PREFIX)
    }
    under_agent = PARAMETER_FILE in os.environ
    if not online:
        removed = SERVER_VARIABLES
    elif under_agent:
        removed = {name for name in os.environ if name.startswith("WANDB_")} - AGENT_VARIABLES
    else:
        removed = set()
    for name in removed:
        os.environ.pop(name, None)
    for name in users:
        del os.environ[f"{PREFIX}{name}"]
    if online and under_agent:
        os.environ.update({k: v for k, v in users.items() if k not in AGENT_VARIABLES})


def check_agent_parameters(config: Mapping[str, Any], source: str | Path) -> None:
    """Check that the parameters from the `wandb agent` are those in `config`.

    Does nothing in a process that no agent started.

    Raises:
        UserError: A parameter differs from `config`, which was read from `source`.
    """
    path = os.environ.get(PARAMETER_FILE)
    if path is None:
        return
    for name, entry in read_yaml(path).items():
        if name == "wandb_version":
            continue
        if name not in config or config[name] != entry["value"]:
            raise UserError(
                f"{source}: found {config.get(name)} for {name}, expected {entry['value']}, the "
                "value in suggestion.json that the W&B agent passes on; delete both files and run "
                "snakemake again"
            )
