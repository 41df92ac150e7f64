"""A W&B server on loopback, as far as this project's runs, sweeps, agents and artifacts need one.

It checks keys, refuses what the hosted one refuses (a run of a sweep that it does not know), and
fails on command. What it answers was found by listening to wandb 0.31; it is no W&B.
"""

from wandb_server.server import Server

__all__ = ["Server"]
