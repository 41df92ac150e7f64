"""`wandb` as its own command line, asking its sweep five times a second instead of every five.

The agent waits a whole poll interval before its first question and again after its trial, which
for trials of seconds is most of the time; there is no option for it. Where the attribute no longer
exists, this is plain `wandb`.
"""

from wandb import wandb_agent
from wandb.cli import cli

if hasattr(wandb_agent.Agent, "POLL_INTERVAL"):
    wandb_agent.Agent.POLL_INTERVAL = 0.2  # type: ignore[assignment]

if __name__ == "__main__":
    cli.cli(prog_name="wandb")
