"""The `wandb` command line with a shorter poll interval: 0.2 s instead of 5 s.

The agent waits one interval before it asks for a run and again after the run has ended, and has no
option to change that. For trials of a few seconds this is most of the time. If a later wandb no
longer has the attribute, this is the plain `wandb` command.
"""

from wandb import wandb_agent
from wandb.cli import cli

if hasattr(wandb_agent.Agent, "POLL_INTERVAL"):
    wandb_agent.Agent.POLL_INTERVAL = 0.2  # type: ignore[assignment]

if __name__ == "__main__":
    cli.cli(prog_name="wandb")
