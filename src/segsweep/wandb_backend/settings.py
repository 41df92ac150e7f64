"""Where the runs of a study go: to files alone, or live to the user's own W&B server as well.

Under our agent W&B's variables name our backend. So what the user has set travels beside them,
under names that no tool of W&B's reads, and is taken up again in the training.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass

BESIDE = "SEGSWEEP_USERS_"
OF_THE_AGENT = {
    "WANDB_RUN_ID",
    "WANDB_SWEEP_PARAM_PATH",
    "WANDB_CACHE_DIR",
    "WANDB_DATA_DIR",
}
"""What a run that is streamed takes from the agent that started it."""
OF_A_SERVER = {
    "WANDB_API_KEY",
    "WANDB_IDENTITY_TOKEN_FILE",
    "WANDB_BASE_URL",
    "WANDB_SWEEP_ID",
}
"""What a run that is not streamed has no use for."""


@dataclass(frozen=True)
class Destination:
    """A W&B project, and whether runs are streamed there; without, only files are written."""

    project: str
    entity: str | None = None
    online: bool = False

    def options(self) -> list[str]:
        """These as options of train.py."""
        entity = ["--wandb-entity", self.entity] if self.entity else []
        return ["--wandb-project", self.project, *entity, *(["--wandb-online"] * self.online)]


def beside(environment: Mapping[str, str], to: Destination, sweep: str | None) -> dict[str, str]:
    """What the user has set of W&B, and the server's id of the sweep, for the way to the run.

    A run of a sweep takes project and entity from its environment alone.
    """
    users = {name: value for name, value in environment.items() if name.startswith("WANDB_")}
    if sweep:
        users |= {"WANDB_SWEEP_ID": sweep, "WANDB_PROJECT": to.project}
        users |= {"WANDB_ENTITY": to.entity} if to.entity else {}
    return {f"{BESIDE}{name}": value for name, value in users.items()}


def take_up(online: bool) -> None:
    """Leave in this process's environment what a run needs of W&B's settings.

    Online these are the user's own, beside what the agent says of the run. Offline neither server
    nor key is known to the process, and the log names no sweep, as no server knows ours.
    """
    users = {
        name.removeprefix(BESIDE): value
        for name, value in os.environ.items()
        if name.startswith(BESIDE)
    }
    ours = {name for name in os.environ if name.startswith("WANDB_")} - OF_THE_AGENT
    under_agent = "WANDB_SWEEP_PARAM_PATH" in os.environ
    for name in OF_A_SERVER if not online else ours if under_agent else ():
        os.environ.pop(name, None)
    for name in users:
        del os.environ[f"{BESIDE}{name}"]
    if online and under_agent:
        os.environ.update({k: v for k, v in users.items() if k not in OF_THE_AGENT})
